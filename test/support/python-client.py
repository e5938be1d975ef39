"""A client of the bus, written by somebody who knows the original's protocol and nothing else.

    python3 python-client.py PUBLISH_ENDPOINT SUBSCRIBE_ENDPOINT

It is told what to send on stdin and reports what it hears on stdout, one JSON object a line:

    {"say": {"topic": "context", "body": {...}}}    one message, as the original's conf_command sends it
    {"send": ["base64", ...]}                       one message of these raw frames
    {"ready": true}                                 subscription and publisher are in place
    {"heard": {...}}                                a message, whoever sent it

The end of stdin is the end of the client.
"""

import base64
import json
import os
import sys
import threading

import zmq

PROBE_MS = 20


def in_original_style(topic, body):
    """The bytes the original puts on the wire: `monitor` on one line, all else indented and sorted."""
    text = json.dumps(body) if topic == "monitor" else json.dumps(body, sort_keys=True, indent=4)
    return f"{topic} @@@ {text}".encode("utf-8")


def read_as_original(frame):
    """Topic and body by the original's rules: split on the separator, exactly two parts."""
    topic, payload = frame.strip().split(b"@@@")
    return topic.strip().decode("utf-8"), json.loads(payload.strip())


def report(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def report_heard(frames):
    heard = {"frames": [base64.b64encode(frame).decode("ascii") for frame in frames]}
    try:
        topic, body = read_as_original(frames[0])
        heard.update(topic=topic, body=body, isOriginalStyle=frames == [in_original_style(topic, body)])
    except (ValueError, RecursionError) as error:
        heard.update(unreadable=str(error))
    report(heard=heard)


def open_sockets(context, publish, subscribe):
    """Resolves the slow joiner by evidence: a probe of our own has made the whole way round."""
    listener = context.socket(zmq.SUB)
    listener.setsockopt(zmq.SUBSCRIBE, b"")
    listener.ipv6 = "[" in subscribe
    listener.connect(subscribe)
    sender = context.socket(zmq.PUB)
    sender.ipv6 = "[" in publish
    sender.connect(publish)
    probe = in_original_style(f"probe-{os.getpid()}", {})
    while True:
        sender.send(probe)
        while listener.poll(PROBE_MS):
            if listener.recv_multipart() == [probe]:
                return listener, sender


def pass_on_orders(context):
    """Lines of stdin as messages of a socket, so that one poll waits for both."""
    socket = context.socket(zmq.PAIR)
    socket.connect("inproc://orders")
    for line in sys.stdin.buffer:
        socket.send(line)
    socket.send(b"")
    socket.close()


def obey(order, sender):
    if "say" in order:
        sender.send(in_original_style(order["say"]["topic"], order["say"]["body"]))
    else:
        sender.send_multipart([base64.b64decode(frame) for frame in order["send"]])


def main():
    context = zmq.Context()
    orders = context.socket(zmq.PAIR)
    orders.bind("inproc://orders")
    listener, sender = open_sockets(context, *sys.argv[1:])
    threading.Thread(target=pass_on_orders, args=(context,), daemon=True).start()
    report(ready=True)
    poller = zmq.Poller()
    poller.register(orders, zmq.POLLIN)
    poller.register(listener, zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if listener in ready:
            report_heard(listener.recv_multipart())
        if orders in ready:
            line = orders.recv()
            if line == b"":
                break
            obey(json.loads(line), sender)
    context.destroy(linger=0)


main()
