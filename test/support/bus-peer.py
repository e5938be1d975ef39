"""A member of a broker in Python for the tests: does what it reads, and prints what comes of it.

Words: URL, token. Each line of the input is an object with `do`; each line of the output one with
`did` (and the result or the error), `heard`, `signal`, `taken` or `given_up`.
"""

import json
import sys
import threading

import zcontext

url, token = sys.argv[1:]
lock = threading.Lock()
forever = threading.Event()
held = threading.Event()
subscriptions = []


def say(**line):
    with lock:
        print(json.dumps(line), flush=True)


def handle(event):
    content = event.content if isinstance(event.content, dict) else {}
    about = {"name": event.name, "content": event.content, "context": event.context}
    about.update(id=event.id, meta=event.meta, attempt=event.attempt, src=event.src)
    say(heard={**about, "headers": event.headers})
    wanted = content.get("please")
    if wanted == "raise":
        raise ValueError("no luck")
    if wanted == "give up":
        raise zcontext.NonRetryableError("never")
    if wanted == "settle twice":
        event.ack()
        event.ack()
    if wanted == "reject":
        event.reject(delay_s=0)
    if wanted == "drop":
        event.drop("unwanted", dead_letter=True)
    if wanted == "wait":
        forever.wait()
    if wanted == "wait until taken":
        while not event.is_taken:
            forever.wait(0.01)
    if wanted == "emit":
        event.emit("py.followed", content)


def hear(content, signal):
    attachments = [each.decode() for each in signal.attachments]
    say(signal={"content": content, "src": signal.src, "attachments": attachments})
    if content == "hold":
        held.wait()


def ignore(content, signal):
    pass


def echo(params, call):
    return params


def fail(params, call):
    if params == "service":
        details = {"left": 0, "word": "ü"}
        raise zcontext.ServiceError("OUT_OF_STOCK", "none left", details=details, retryable=True)
    raise ValueError("a bug")


def relay(params, call):
    return call.bus.call(params["name"], params.get("params"), timeout_s=params.get("s", 10))


def hang(params, call):
    say(taken=call.method)
    while not call.given_up.is_set:
        forever.wait(0.01)
    say(given_up=call.method)


def whoami(params, call):
    return {"src": call.src, "headers": call.headers}


def publish(bus, topic, content):
    """Waits whenever the bus says that it is overloaded."""
    while True:
        try:
            return bus.publish(topic, content)
        except zcontext.BusError as error:
            if error.code != "ERR_OVERLOADED":
                raise


METHODS = {"echo": echo, "fail": fail, "relay": relay, "hang": hang, "whoami": whoami}


def run(bus, order):
    do = order.pop("do")
    if do == "emit":
        return bus.emit(**order)._asdict()
    if do == "call":
        return bus.call(**order)
    if do == "listen":
        retry = zcontext.Retry(**order.pop("retry", {}))
        bus.listen(handler=handle, handler_name="peer", retry=retry, **order)
    if do == "serve":
        bus.serve(order["service"], METHODS)
    if do == "publish":
        bus.publish(order["topic"], order["content"], [each.encode() for each in order["bytes"]])
    if do == "subscribe":
        handler = ignore if order.get("quietly") else hear
        subscriptions.append(bus.subscribe(order["topic"], handler, queue=order.get("queue")))
    if do == "unsubscribe":
        subscriptions.pop().close()
    if do == "publish many":
        for number in range(order["count"]):
            publish(bus, order["topic"], number)
    if do == "let go":
        held.set()
    if do == "figures":
        return bus.signal_figures
    if do == "drain":
        return bus.drain(order["seconds"])
    return None


def obey(bus, order):
    about = order.pop("as", order["do"])
    try:
        say(did=about, result=run(bus, order))
    except zcontext.CallError as error:
        names = ("code", "service", "method", "retryable", "details", "executed", "remote")
        failure = {name: getattr(error, name) for name in names}
        say(did=about, error={**failure, "message": str(error)})
    except zcontext.BusError as error:
        say(did=about, error={"code": error.code, "message": str(error)})


with zcontext.EventBus.connect(url, token, src="test/peer/py1", timeout_s=120) as bus:
    say(did="connect")
    for line in sys.stdin:
        threading.Thread(target=obey, args=(bus, json.loads(line)), daemon=True).start()
