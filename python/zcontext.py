"""What a service in Python talks to its provider and to other services with.

A service that create-service has written imports this module; a provider puts its folder on
the PYTHONPATH of every program that it runs. By hand:

    export PYTHONPATH="$(npm root -g)/zcontext/python"

Needs pyzmq (apt-get install python3-zmq), and nothing but the standard library for a
rehearsal. For Python 3.8 and newer.
"""

from __future__ import annotations

import collections
import json
import os
import queue
import re
import signal
import sys
import threading
import time
import traceback
import uuid
from typing import Any, Callable, Mapping, NamedTuple

try:
    import zmq
except ImportError:  # a rehearsal does without
    zmq = None  # type: ignore[assignment]

ANSWER_S = 10  # for the forwarder to answer a new connection
LINGER_S = 1  # for the last announcement to be sent
LEAVE_S = 2  # for threads that the task leaves running, and for everything once the provider is gone
QUEUED = 10_000  # messages kept for a peer that is slow or away
LONGEST_FRAME = 8 * 1024 * 1024  # bytes
COMMANDS = ("start", "stop", "restart", "exit")  # on control by mistake, and no announcements
NOT_TASKS = ("context", "all", "state")  # service names in which no task speaks


# What the task sees


class Stopped(SystemExit):
    """Ends run() when the task is told to stop; `except Exception` does not catch it."""


class Announcement(NamedTuple):
    """An announcement of a task of the transaction, or of the provider about it."""

    action: str  # created, started, updated, failed, stopped, or a word of the task's own
    service_id: str
    service_name: str
    status: dict  # result, device_action and the items


class Log:
    """Prints lines, which the provider's log shows with the task's id."""

    def __call__(self, text: object) -> None:
        print(f"{text}\n", end="", flush=True)  # in one piece: other threads print as well

    info = __call__

    def warn(self, text: object) -> None:
        print(f"{text}\n", end="", file=sys.stderr, flush=True)

    error = warn


class Scope:
    """What the task works with: its ids, its configuration, and its messages."""

    def __init__(self, link: Link | Rehearsal, env: Mapping[str, str]) -> None:
        #: The <configuration> of the context file. XML has no numbers: every leaf is text.
        self.configuration: dict = read_configuration(env)
        #: Shared by all tasks that were started together.
        self.transaction = env["ZCONTEXT_TRANSACTION"]
        self.service_id = env["ZCONTEXT_SERVICE_ID"]
        self.service_name = env["ZCONTEXT_SERVICE_NAME"]
        self.context_id = env["ZCONTEXT_CONTEXT_ID"]
        self.log = Log()
        self._device_action = env["ZCONTEXT_DEVICE_ACTION"]
        self._link = link
        self._has_failed = False

    @property
    def is_stopping(self) -> bool:
        """Whether the task has been told to stop."""
        return self._link.is_stopping

    def sleep(self, seconds: float) -> None:
        """Waits; raises Stopped at once when the task is told to stop."""
        if self._link.wait(seconds):
            raise Stopped

    def update(self, items: dict | None = None) -> None:
        """Announces progress. Fires on_update."""
        self._announce("updated", "success", items or {})

    def fail(self, reason: object, items: dict | None = None) -> None:
        """Announces a failure; the run goes on. Fires on_fail, once a run."""
        self._has_failed = True
        self._announce("failed", "failure", {**(items or {}), "reason": str(reason)})

    def publish(self, topic: str, content: dict) -> None:
        """Publishes a message on a topic of your own."""
        self._say(topic, "published", content)

    def on_control(self, handler: Callable[[Announcement], None]) -> None:
        """Calls `handler`, in a thread beside run(), for each announcement in the transaction."""

        def hear(message: dict) -> None:
            header, status = dig(message, "header"), dig(message, "content", "status")
            about = [header.get(name, "") for name in ("action", "service_id", "service_name")]
            is_ours = header.get("service_transaction") == self.transaction
            # Not of a task: states, answers and refusals of the provider, and commands.
            is_of_task = about[1] and about[2] not in NOT_TASKS and "result" in status
            if is_ours and is_of_task and about[0] not in COMMANDS:
                handler(Announcement(*about, status))

        self._link.listen("control", hear)

    def _announce(self, action: str, result: str, items: dict, topic: str = "control") -> None:
        status = {"device_action": self._device_action, "result": result, **items}
        self._say(topic, action, {"status": status})

    def _say(self, topic: str, action: str, content: dict) -> None:
        header = {
            "action": action,
            "service_id": self.service_id,
            "service_name": self.service_name,
            "service_transaction": self.transaction,
        }
        self._link.send(topic, {"content": content, "header": header})


def read_configuration(env: Mapping[str, str]) -> dict:
    """The configuration, which is in a file if it is too long for a variable."""
    path = env.get("ZCONTEXT_CONFIGURATION_FILE")
    if path is None:
        return json.loads(env["ZCONTEXT_CONFIGURATION"])
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Service(NamedTuple):
    """A task service: what create-service has written about it, and where its task is."""

    service_id: str
    service_name: str
    device_action: str
    #: Imports the class of the task; called once for each run.
    load: Callable[[], Callable[[], Any]]

    def rehearse(
        self, configuration: dict | None = None, rounds: int = 1, patience: int = 1_000
    ) -> Rehearsal:
        """Runs the task once, or a looped one for some rounds, and returns its messages.

        It is told to stop after it has slept, or read `is_stopping`, `patience` times.
        """
        return rehearse(self, configuration, rounds, patience)

    def main(self) -> int:
        """Runs the task for the provider that has started this program. Returns the exit code."""
        return main(self)


def load_task(service: Service) -> Any:
    """The task of a service, for one run."""
    task_class = service.load()
    task, name = task_class(), getattr(task_class, "__name__", "the task")
    kind = getattr(task, "kind", None)
    if kind not in ("looped", "single"):
        raise TypeError(f'{name}.kind: expected "looped" or "single", got {kind!r}')
    if not callable(getattr(task, "run", None)):
        raise TypeError(f"{name}: expected a method run(self, scope)")
    return task


# The task without a provider


class Rehearsal:
    """Replaces the provider: records the task's messages; no wait takes time."""

    def __init__(self, patience: int) -> None:
        self.updates: list[dict] = []  # the items of each update()
        self.failures: list[str] = []  # the reason of each fail()
        self.published: list[tuple[str, dict]] = []  # topic and content of each publish()
        self._patience = patience

    @property
    def is_stopping(self) -> bool:
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        self._patience -= 1
        return self._patience < 0

    def send(self, topic: str, message: dict) -> None:
        message = decode(topic, encode(topic, message))  # as a listener would receive it
        content, action = message["content"], message["header"]["action"]
        if action == "published":
            self.published.append((topic, content))
        elif action == "failed":
            self.failures.append(content["status"]["reason"])
        else:
            del content["status"]["device_action"], content["status"]["result"]
            self.updates.append(content["status"])

    def listen(self, topic: str, handle: Callable[[dict], None]) -> None:
        """There are no other tasks in a rehearsal."""


def rehearse(
    service: Service, configuration: dict | None, rounds: int, patience: int
) -> Rehearsal:
    rehearsal = Rehearsal(patience)
    configuration = {"device_action": service.device_action, **(configuration or {})}
    env = {
        "ZCONTEXT_CONFIGURATION": json.dumps(configuration),
        "ZCONTEXT_CONTEXT_ID": "rehearsal",
        "ZCONTEXT_DEVICE_ACTION": service.device_action,
        "ZCONTEXT_SERVICE_ID": service.service_id,
        "ZCONTEXT_SERVICE_NAME": service.service_name,
        "ZCONTEXT_TRANSACTION": "rehearsal",
    }
    task = load_task(service)
    scope = Scope(rehearsal, env)
    try:
        for _ in range(rounds if task.kind == "looped" else 1):
            task.run(scope)
    except Stopped:
        pass
    return rehearsal


# Frames: `topic @@@ json`


def encode(topic: str, message: dict) -> bytes:
    """The frame of a message, in plain ASCII."""
    if not re.fullmatch("[!-~]{1,128}", topic) or "@@@" in topic:
        raise ValueError(f"topic {topic!r}: expected one ASCII word, without @@@")
    layout: dict = {} if topic == "monitor" else {"sort_keys": True, "indent": 4}
    try:
        text = json.dumps(message, allow_nan=False, **layout)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"message on {topic}: not possible in JSON: {error}") from error
    # Old listeners split at every @@@. In JSON, an @ can only be part of a string.
    if "@@@" in text:
        text = text.replace("@", "\\u0040")
    frame = f"{topic} @@@ {text}".encode("ascii")
    if len(frame) > LONGEST_FRAME:
        raise ValueError(f"message on {topic}: {len(frame)} bytes, the limit is {LONGEST_FRAME}")
    return frame


def decode(topic: str, frame: bytes) -> dict:
    """The message of a frame; empty if it is malformed, or has a topic with the same prefix."""
    name, _, text = frame.partition(b"@@@")
    try:
        message = json.loads(text) if name.strip() == topic.encode() else {}
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def dig(message: Any, *path: str) -> dict:
    """The object at this path of a message; empty if there is none."""
    for name in path:
        message = message.get(name) if isinstance(message, dict) else None
    return message if isinstance(message, dict) else {}


# The sockets


def connect(socket: zmq.Socket, endpoint: str) -> None:
    """Connects, to an IPv6 address such as tcp://[::1]:5556 as well."""
    socket.setsockopt(zmq.IPV6, "[" in endpoint)
    socket.connect(endpoint)


class Link:
    """The sockets: one for sending, guarded by a lock, and one for each listening thread."""

    def __init__(self, publish: str, subscribe: str, incarnation: str) -> None:
        self.error: BaseException | None = None  # why the run has failed
        self._stopping = threading.Event()
        self._publish, self._subscribe, self._incarnation = publish, subscribe, incarnation
        self._sequences: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        # Two contexts: term() waits until all is sent, and must not wait for the listeners.
        self._sending, self._listening = zmq.Context(), zmq.Context()
        # A PUB drops what it sends before the forwarder subscribes; an XPUB receives the subscription.
        self._sender = self._sending.socket(zmq.XPUB)
        self._sender.setsockopt(zmq.XPUB_NODROP, 1)
        self._sender.setsockopt(zmq.SNDHWM, QUEUED)
        self._sender.setsockopt(zmq.SNDTIMEO, LINGER_S * 1000)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def wait(self, seconds: float) -> bool:
        return self._stopping.wait(min(seconds, threading.TIMEOUT_MAX))

    def stop(self) -> None:
        self._stopping.set()

    def crash(self, error: BaseException) -> None:
        """Ends the run as a failure, unless the task is stopping already."""
        if not self.is_stopping:
            traceback.print_exception(type(error), error, error.__traceback__)
            self.error = error
            self.stop()

    def open(self) -> None:
        """Returns when messages will arrive; raises ConnectionError if no forwarder answers."""
        with self._lock:
            connect(self._sender, self._publish)
            self._await_subscription(b"")

    def close(self) -> None:
        self.stop()  # for threads that wait, here or in the task
        with self._lock:
            self._sender.close(linger=LINGER_S * 1000)
        self._sending.term()

    def send(self, topic: str, message: dict) -> None:
        with self._lock:
            if self._sender.closed:
                return
            # A gap in the numbers tells the provider that a message was lost.
            sequence = self._sequences[topic] + 1
            header = {**message["header"], "incarnation": self._incarnation, "sequence": sequence}
            frame = encode(topic, {**message, "header": header})
            self._sequences[topic] = sequence
            while self._sender.poll(0):
                self._sender.recv()  # subscriptions of other listeners, which would pile up
            try:
                self._sender.send(frame)
            except zmq.Again:
                lost = f"message {sequence} on {topic} is lost: the forwarder accepts none"
                print(lost, file=sys.stderr)

    def listen(self, topic: str, handle: Callable[[dict], None]) -> None:
        """Calls `handle`, in a thread of its own, for each message sent once this has returned."""
        listener = self._listening.socket(zmq.SUB)
        listener.setsockopt(zmq.RCVHWM, QUEUED)
        connect(listener, self._subscribe)
        # Subscriptions arrive in order: when the sender receives the probe, the topic is in place.
        probe = b"~" + uuid.uuid4().hex.encode()
        # send() would consume the probe.
        with self._lock:
            if self._sender.closed:
                raise Stopped
            for each in (topic.encode(), probe):
                listener.setsockopt(zmq.SUBSCRIBE, each)
            self._await_subscription(probe)
        listener.setsockopt(zmq.UNSUBSCRIBE, probe)
        threading.Thread(target=self._hear, args=(listener, topic, handle), daemon=True).start()

    def _hear(self, listener: zmq.Socket, topic: str, handle: Callable[[dict], None]) -> None:
        while True:
            message = decode(topic, listener.recv_multipart()[0])
            try:
                handle(message)
            except Exception as error:
                self.crash(error)

    def _await_subscription(self, topic: bytes) -> None:
        """Returns when a listener has subscribed to the topic. The caller holds the lock."""
        deadline = time.monotonic() + ANSWER_S
        while not self._sender.poll(100) or self._sender.recv() != b"\x01" + topic:
            if self.is_stopping:
                raise Stopped
            if time.monotonic() > deadline:
                where = f"{self._publish} (waited {ANSWER_S} s)"
                raise ConnectionError(f"no provider answers at {where}")


# One run


def serve(service: Service, link: Link, scope: Scope) -> int:
    """Announces that the task has started, runs it, and returns the exit code.

    The end is told to the provider alone, which announces it once the process is gone.
    """
    pid = {"pid": os.getpid()}
    try:
        task = load_task(service)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        scope._announce("started", "failure", {**pid, "reason": reason_of(error)})
        return 1
    scope._announce("started", "success", pid)
    try:
        work(task, scope)
    except SystemExit as error:  # Stopped is one, without a code
        if error.code:
            link.crash(error)
    except Exception as error:
        link.crash(error)
    failure = {} if link.error is None else {"reason": reason_of(link.error)}
    scope._announce("ending", "failure" if failure else "success", failure, topic="~ending")
    return 1 if failure or scope._has_failed else 0


def work(task: Any, scope: Scope) -> None:
    while not scope.is_stopping:
        task.run(scope)
        if task.kind == "single":
            return
        time.sleep(0.001)  # a run() that never waits must not flood the provider


def reason_of(error: BaseException) -> str:
    return str(error) or type(error).__name__


def is_stop(message: dict, scope: Scope) -> bool:
    """Whether this command stops this task."""
    header = dig(message, "Task", "message", "header")
    transaction = header.get("transaction", header.get("service_transaction"))
    is_ours = header.get("service_id") == scope.service_id and transaction == scope.transaction
    return is_ours and header.get("action") == "stop"


def take_signals(orders: queue.SimpleQueue[str]) -> None:
    """SIGTERM stops the task. SIGINT is ignored."""
    # Not Event.set(): the interrupted code may hold the lock of the event.
    signal.signal(signal.SIGTERM, lambda *_: orders.put("stop"))
    # Ctrl-C in the provider's terminal also reaches the provider, which then stops its tasks.
    signal.signal(signal.SIGINT, lambda *_: None)
    os.register_at_fork(after_in_child=leave_signals)


def leave_signals() -> None:
    """Restores the default signal handling in a process that the task has forked."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def end_threads_quietly() -> None:
    """Keeps a thread that Stopped ends from printing a traceback."""
    report = threading.excepthook
    threading.excepthook = lambda end: issubclass(end.exc_type, Stopped) or report(end)


def watch(link: Link, orders: queue.SimpleQueue[str], provider: int) -> None:
    """Stops the task on an order, and ends it when its provider is gone."""
    while os.getppid() == provider:
        try:
            orders.get(timeout=0.5)
            link.stop()
        except queue.Empty:
            pass
    link.stop()
    time.sleep(LEAVE_S)
    end_group()


def end_group() -> None:
    """Ends this process and all it started: without a provider, nothing else does."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main(service: Service) -> int:
    provider = os.getppid()
    program = os.path.basename(sys.argv[0])
    # UTF-8 whatever the locale, and line by line.
    ours = [name for name in os.environb if name.startswith(b"ZCONTEXT_")]
    env = {name.decode(): os.environb[name].decode() for name in ours}
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if "ZCONTEXT_PUBLISH" not in env:
        usage = "is run by a provider, as the <command> of a task service"
        print(f"{program} {usage}", file=sys.stderr)
        return 2
    if zmq is None:
        hint = "apt-get install python3-zmq, or pip install pyzmq"
        print(f"{program}: {sys.executable} can't import zmq: {hint}", file=sys.stderr)
        return 1

    link = Link(env["ZCONTEXT_PUBLISH"], env["ZCONTEXT_SUBSCRIBE"], env["ZCONTEXT_INCARNATION"])
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    take_signals(orders)
    end_threads_quietly()
    threading.Thread(target=watch, args=(link, orders, provider), daemon=True).start()
    scope = Scope(link, env)

    def obey(message: dict) -> None:
        if is_stop(message, scope):
            orders.put("stop")

    try:
        link.open()
        link.listen(env["ZCONTEXT_TOPIC"], obey)
        code = serve(service, link, scope)
    except ConnectionError as error:
        print(f"{program}: {error}", file=sys.stderr)
        code = 1
    finally:
        link.close()
    if os.getppid() != provider:
        end_group()
    # Threads that the task has left running must not keep the process alive.
    late = threading.Timer(LEAVE_S, os._exit, [code])
    late.daemon = True
    late.start()
    return code

