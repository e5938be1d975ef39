"""A service in Python as those of the dialect twyla are, with pika: prints a line for each event, and emits.

Arguments: the URL, the event, the group. Orders on standard input, one a line: `emit JSON`, `listen`. It answers an event by
what its content says: `ack`, `reject` (the first time) or `drop`.
"""

import json
import sys
import threading

import pika

url, event, group = sys.argv[1:4]
domain, kind = event.split(".", 1)
queue = f"{domain}.{kind}.{group}"


def say(**line):
    print(json.dumps(line), flush=True)


def open_channel():
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.exchange_declare(domain, exchange_type="topic", durable=True)
    return channel


def on_event(channel, method, properties, body):
    payload = json.loads(body)
    say(heard=payload, redelivered=method.redelivered)
    content = payload["content"]
    if content == "drop":
        channel.basic_reject(method.delivery_tag, requeue=False)
    elif content == "reject" and not method.redelivered:
        channel.basic_reject(method.delivery_tag, requeue=True)
    else:
        channel.basic_ack(method.delivery_tag)


def listen():
    channel = open_channel()
    channel.queue_declare(queue, durable=True)
    channel.queue_bind(queue, domain, routing_key=kind)
    channel.basic_consume(queue, on_event)
    say(did="listen")
    channel.start_consuming()


emitting = open_channel()
say(did="connect")
for order in sys.stdin:
    word, _, rest = order.strip().partition(" ")
    if word == "listen":
        threading.Thread(target=listen, daemon=True).start()
    elif word == "emit":
        emitting.basic_publish(domain, kind, rest.encode())
        say(did="emit")
