"""What a service in Python talks to its provider and to other services with.

From what a task sees (Scope, the decorators, Rehearsal) down to what carries it: frames and
sockets of the forwarder (Link), what travels between services (names, envelopes, schemata, claim
checks, batches), the member of the broker (Broker), signals, and the verbs over both (EventBus).
At the end: how a provider is found, health, and one run of a task (main).

A service that create-service has written imports this module; a provider puts its folder on
the PYTHONPATH of every program that it runs. By hand:

    export PYTHONPATH="$(npm root -g)/zcontext/python"

Consumers of queues are in zcontext_streams, beside it. Needs pyzmq (apt-get install python3-zmq), and nothing but the standard library for a
rehearsal; schemata need jsonschema (apt-get install python3-jsonschema). For Python 3.8 and newer.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import errno
import functools
import hashlib
import inspect
import itertools
import json
import math
import os
import queue
import random
import re
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import traceback
import unicodedata
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence, TypeVar, Union
from urllib.parse import quote

try:
    import zmq
    from zmq.utils.monitor import recv_monitor_message
except ImportError:  # a rehearsal does without
    zmq = None  # type: ignore[assignment]

PYZMQ_HINT = "apt-get install python3-zmq, or pip install pyzmq"
JSONSCHEMA_HINT = "apt-get install python3-jsonschema, or pip install jsonschema"
# Of the task
LEAVE_S = 2  # for threads that it leaves running, and for everything once the provider is gone
DEFAULT_GRACE_S = 10
START_FAULT = 90_000  # of a service whose start() fails
MOST_TAKEN = 1_000  # actions under way whose senders do not wait, each in a thread
RESTART_S = 30  # for a service that is restarting, and is to do an action
# Of messages on topics
ANSWER_S = 10  # for the forwarder to answer a new connection
LOOK_S = 0.5  # between looks whether a subscription has ended
LINGER_S = 1  # for the last announcement to be sent
QUEUED = 10_000  # messages kept for a peer that is slow or away
LONGEST_FRAME = 8 * 1024 * 1024  # bytes
COMMANDS = ("start", "stop", "restart", "exit")  # on control by mistake, and no announcements
NOT_TASKS = ("context", "all", "state")  # service names in which no task speaks
# How JSON is written: on its topics as the original writes it, on others without white space.
INDENTED: dict = {"sort_keys": True, "indent": 4}
LAYOUTS: dict = {name: INDENTED for name in ("context", "process", "control", "state")}
LAYOUTS.update({name: {} for name in ("monitor", "overview", "transition")})
COMPACT: dict = {"separators": (",", ":")}
# Of the bus
PROTOCOL = 1
BEAT_S = 1  # the broker gives up a member that is silent for 30 s
RECONNECT_MS = 50
PATIENCE_S = 10  # between lines about a broker that is not there yet
LONGEST_WAIT_S = 30  # for a broker that is away
MOST_ASKED, MOST_BYTES = 10_000, 64 * 1024 * 1024  # without an answer
BATCH_BYTES, LONGEST_BATCH = 256 * 1024, 64 * 1024 * 1024
MOST_BATCHES = 100  # received before what they have led to is sent
LARGEST_BODY = 1024 * 1024  # bytes that travel as they are
LONGEST_CLAIM = 1024
EVENT_CLAIM_S, SHORT_CLAIM_S = 7 * 24 * 3600, 300  # how long claim checks are kept
SWEEP_S = 60  # between searches for those that have expired
PAYLOAD_VERSION = 1
REMEMBERED = 1_000  # answers to calls that may be sent again
LONGEST_NAME = 200
QUEUE_NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
LONGEST_PROBLEM = 500  # of what a schema says of a value
# Of signals
COUNTS_TOPIC = "~counts"  # on which publishers state their totals
QUEUES_TOPIC = "~queues"  # on which the subscribers of queues say that they are there
ECHO_PREFIX = "~echo."  # by which a subscriber makes sure that everything before has arrived
PROBE_PREFIX = "~probe."  # whoever subscribes to such a topic asks publishers for their totals
STATE_S = 1  # between two statements while something changes
PROBED_S = 0.1  # between looks whether somebody asks for them
SETTLE_S = 0.1  # between attempts to find out whether what was stated is lost or under way
MOST_FIELDS = 16 * 1024  # characters of the fields of a line that is logged
MOST_ECHOES = 100  # that a subscriber waits for
MOST_LIVES = 1_000  # of publishers on a topic; of more, the oldest are taken for ended
MOST_HEARD = 200  # counts that are said to the broker at a time
SEAT_S = 1  # between two times that a subscriber of a queue says that it is there
SILENCE_S = 5  # after which others take its place
SEATS_S = 0.2  # for the others to say that they are there
LEAVE_QUEUE_S = 1  # for the others to hear that it leaves
# Of health, and of finding a provider
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HEALTH_S = 1  # for the broker to answer
HEALTH_IDLE_S = 5  # for a request to come by a connection
LARGEST_PORT = 65_535
PRESENCE_S = 1  # for a provider to say which file it runs


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
    """Prints lines, to stdout or, from a warning on, to stderr.

    The logs of the context keep the level and the fields, any JSON of up to 16 KiB:

        scope.log.warn("the sensor is late", {"sensor": 7})
    """

    def __init__(self, tells_levels: bool = True) -> None:
        self._tells_levels = tells_levels

    def __call__(self, text: object, fields: Mapping[str, Any] | None = None) -> None:
        self._say("info", text, fields)

    info = __call__

    def debug(self, text: object, fields: Mapping[str, Any] | None = None) -> None:
        self._say("debug", text, fields)

    def warn(self, text: object, fields: Mapping[str, Any] | None = None) -> None:
        self._say("warn", text, fields)

    def error(self, text: object, fields: Mapping[str, Any] | None = None) -> None:
        self._say("error", text, fields)

    def _say(self, level: str, text: object, fields: Mapping[str, Any] | None) -> None:
        said = say_with(str(text), level, fields) if self._tells_levels else str(text)
        stream = sys.stderr if level in ("warn", "error") else sys.stdout
        print(f"{said}\n", end="", file=stream, flush=True)  # in one piece: other threads print as well


def say_with(text: str, level: str, fields: Mapping[str, Any] | None) -> str:
    """The text with its level before each line, and its fields before the first.

    They are in a control string, of which a terminal shows nothing.
    """
    plain = said_mark({"level": level})
    first = plain if fields is None else said_mark({"level": level, "fields": fields})
    return first + text.replace("\n", f"\n{plain}")


def said_mark(said: dict) -> str:
    try:
        told = json.dumps(said, allow_nan=False, separators=(",", ":")).replace("\x7f", "\\u007f")
        left_out = "too long" if len(told) > MOST_FIELDS else None
    except (TypeError, ValueError, RecursionError):
        told, left_out = "", "not JSON"
    if left_out is not None:  # the text is worth more than its fields
        told = json.dumps({**said, "fields": {"fields_left_out": left_out}})
    return f"\x1b_zcontext {told}\x1b\\"


class Scope:
    """What the task works with: its ids, its configuration, and its messages."""

    def __init__(
        self, link: Link | Rehearsal, env: Mapping[str, str], open_bus: Callable[[], EventBus]
    ) -> None:
        #: The <configuration> of the context file. XML has no numbers: every leaf is text.
        self.configuration: dict = read_configuration(env)
        #: Shared by all tasks that were started together.
        self.transaction = env["ZCONTEXT_TRANSACTION"]
        self.service_id = env["ZCONTEXT_SERVICE_ID"]
        self.service_name = env["ZCONTEXT_SERVICE_NAME"]
        self.context_id = env["ZCONTEXT_CONTEXT_ID"]
        self.log = Log(tells_levels=not isinstance(link, Rehearsal))
        #: In a method or an action, the name of the service that asks.
        self.source: str | None = None
        self._device_action = env["ZCONTEXT_DEVICE_ACTION"]
        self._link = link
        self._flags: Sequence[Flag] = [link.stopping]
        self._open_bus = open_bus

    @property
    def is_stopping(self) -> bool:
        """Whether the task has been told to stop, or nobody waits for this handler any more."""
        return self._link.is_stopping or any(flag.is_set for flag in self._flags)

    def sleep(self, seconds: float) -> None:
        """Waits; raises Stopped at once when the task is told to stop.

        In a handler it does when nobody waits for it any more, or when the time to stop is over.
        """
        if self._link.pause(seconds, self._flags):
            raise Stopped

    @property
    def bus(self) -> EventBus:
        """Talks with other services. It connects when it is first used.

        That of a handler keeps the session, the trace and the deadline of what is handled.
        """
        return self._open_bus()

    def update(self, items: dict | None = None) -> None:
        """Announces progress. Fires on_update."""
        self._announce("updated", "success", items or {})

    def fail(self, reason: object, items: dict | None = None) -> None:
        """Announces a failure; the run goes on. Fires on_fail, once a run."""
        self._link.has_failed = True
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

    def debug(self, text: str) -> None:
        """Prints `[service] DEBUG: text`, and publishes it on the topic log, as the next three do."""
        self._report("DEBUG", text)

    def warning(self, text: str) -> None:
        """Prints `[service] WARNING: text`."""
        self._report("WARNING", text)

    def throw_error(
        self, text: str, code: int | None = None, description: str | None = None
    ) -> None:
        """Prints `[service] ERROR code: text (description)`. It reports, and raises nothing."""
        self._report("ERROR", text, code, description)

    def track(self, message: str, description: str | None = None) -> None:
        """Prints `[service] TRACK: message (description)`: a step of something that is followed."""
        self._report("TRACK", message, None, description)

    def _report(
        self, level: str, text: str, code: int | None = None, description: str | None = None
    ) -> None:
        what = level if code is None else f"{level} {code}"
        more = "" if description is None else f" ({description})"
        printing = {"DEBUG": self.log.debug, "TRACK": self.log.info, "WARNING": self.log.warn}
        printing.get(level, self.log.error)(f"[{self.service_name}] {what}: {text}{more}")
        content = {"level": level.lower(), "text": text, "code": code, "description": description}
        self.publish("log", {name: each for name, each in content.items() if each is not None})

    def submit_action(self, destination: str, action: str, message: Any = None) -> int:
        """Runs an action of another service, and does not wait for its end.

        :param destination: the name of a service, or the id of a task of this transaction; `*` is
            every service that has the action, this one included. One that restarts is waited for.
        :returns: the number of services that took it. Where it is 0, a line of the log says why.
        """
        if destination == "*":
            return self._submit_to_all(action, message)
        taken = {"take": True}
        return self._submit(lambda: self._call_one(destination, action, message, taken, SUBMITTED))

    def ask(
        self, destination: str, action: str, message: Any = None, *, timeout_s: float = 10.0
    ) -> Any:
        """Runs an action of another service, and returns what it returns; raises CallError.

        :param destination: as for submit_action, without `*`.
        """
        if destination == "*":
            raise BusError("ERR_USAGE", "ask: expected one destination, got *")
        return self._call_one(destination, action, message, {}, {"timeout_s": timeout_s})

    def property(self, category: str, name: str, default: Any = None) -> Any:
        """A property of the configuration, as a number or a boolean where the default is one.

        Where it is missing, or is nothing of the kind, it is the default. It never raises.
        """
        group = self.configuration.get(category) if isinstance(self.configuration, dict) else None
        text = group.get(name) if isinstance(group, dict) else None
        if not isinstance(text, str):
            return default
        if isinstance(default, bool):
            return {"true": True, "false": False}.get(text.strip().lower(), default)
        if isinstance(default, (int, float)):
            try:
                return type(default)(text)
            except ValueError:
                return default
        return text

    def submit_message(self, message: Any) -> int:
        """Has the service com, which talks with the world outside, do its action Process.

        :returns: 1 once that is done: a reading is on the disk then. Where it is 0, a line says why.
        """
        return self._submit(lambda: self._call_one("com", "Process", message, {}, SUBMITTED))

    def _call_one(
        self, destination: str, action: str, message: Any, more: dict, options: dict
    ) -> Any:
        method = action_method(action)
        params = {"source": self.service_name, "message": message, **more}
        names = [destination] if is_service_name(destination) else []
        try:
            for name in [*names, address_of(destination, self.transaction)]:
                try:
                    return self.bus.call(f"{name}.{method}", params, **options)
                except CallError as error:
                    if error.code != "ERR_SERVICE_UNKNOWN":
                        raise
        except CallError as error:
            if error.code != "ERR_METHOD_UNKNOWN":
                raise
            text = f"The service {destination} has no action {action}"
            raise CallError(destination, action, refusal("ERR_ACTION_UNKNOWN", text)) from None
        text = f"There is no service called {destination}"
        raise CallError(destination, action, refusal("ERR_SERVICE_UNKNOWN", text))

    def _submit(self, send: Callable[[], Any]) -> int:
        try:
            send()
            return 1
        except BusError as error:
            self.log.warn(error)
            return 0

    def _submit_to_all(self, action: str, message: Any) -> int:
        method = action_method(action)
        params = {"source": self.service_name, "message": message, "take": True}
        try:
            served = self.bus.services()
        except BusError as error:
            self.log.warn(error)
            return 0
        # Each task has an address of its own, which only it serves.
        has_it = [one["service"] for one in served if method in one["methods"]]
        takers = [name for name in has_it if "@" in name]
        if not takers:
            self.log.warn(f"There is no service with the action {action}")

        def send(name: str) -> int:
            return self._submit(lambda: self.bus.call(f"{name}.{method}", params, **SUBMITTED))

        with ThreadPoolExecutor(max(1, min(len(takers), 16))) as threads:
            return sum(threads.map(send, takers))

    def _handling(self, bus: EventBus, source: str | None) -> Scope:
        """The scope of a handler."""
        scope = copy.copy(self)
        scope._flags, scope._open_bus, scope.source = bus._flags, lambda: bus, source
        return scope

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
        self._link.send(topic, {"header": header, "content": content})


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
        self,
        configuration: dict | None = None,
        rounds: int = 1,
        patience: int = 1_000,
        answers: Mapping[str, Any] | None = None,
    ) -> Rehearsal:
        """Runs the task once, or a looped one for some rounds, and returns its messages.

        It is told to stop after it has slept, or read `is_stopping`, `patience` times.

        :param answers: what its calls get, by `service.method`: a result, or a function of params.
        """
        return rehearse(self, configuration, rounds, patience, answers or {})

    def main(self) -> int:
        """Runs the task for the provider that has started this program. Returns the exit code."""
        return main(self)


def load_task(service: Service) -> Any:
    """The task of a service, for one run."""
    task_class = service.load()
    task, name = task_class(), getattr(task_class, "__name__", "the task")
    check_schemata(task)
    kind = getattr(task, "kind", None)
    if not hasattr(task, "run") and handlers_of(task):
        return task  # it lives until it is stopped
    if kind not in ("looped", "single"):
        raise TypeError(f'{name}.kind: expected "looped" or "single", got {kind!r}')
    if not callable(getattr(task, "run", None)):
        raise TypeError(f"{name}: expected a method run(self, scope), or handlers")
    return task


# Handlers of a task


class Declared(NamedTuple):
    """What a decorator says of a method of the task's class."""

    kind: str  # event, method, action, stream
    name: str
    options: dict


Function = TypeVar("Function", bound=Callable[..., Any])


def event(
    name: str,
    *,
    prefetch: int = 16,
    retry: Retry | None = None,
    content: Schema | None = None,
    context: Schema | None = None,
) -> Callable[[Function], Function]:
    """Declares a handler `(self, event, scope)` of the events of this name: see EventBus.listen.

    The group is the service's name, or `group` of the class. Handlers run in threads, `prefetch` of
    them at a time. The schemata are those of what the service itself emits by this name as well.
    """
    options = {"prefetch": prefetch, "retry": retry or DEFAULT_RETRY}
    return declare("event", name, {**options, "content": content, "context": context})


def method(name: str, *, params: Schema | None = None) -> Callable[[Function], Function]:
    """Declares a method `(self, params, scope)` that others call as `service.name`.

    :param params: what parameters must look like; others are ERR_PARAMS_INVALID at the caller.
    """
    return declare("method", name, {"params": params})


def action(of: Any = None, *, message: Schema | None = None) -> Any:
    """Declares an action `(self, message, scope)`, which others submit by the function's name.

    `@action("Run")` gives it another name; `@action(message=SCHEMA)` says what it takes.
    """
    if callable(of):
        return action()(of)

    def mark(function: Function) -> Function:
        name = assert_public(function.__name__ if of is None else of)
        return declare("action", name, {"params": message})(function)

    return mark


def assert_public(name: str) -> str:
    if name.startswith("_"):
        raise TypeError(f"action {name}: a name with _ is for the service itself")
    return name


def stream(
    queue: str, *, protocol: str | None = None, concurrency: int = 1
) -> Callable[[Function], Function]:
    """Declares a handler `(self, message, scope)` of the messages of a queue. See docs/streams.md.

    :param protocol: HTTPHandler, RMQIOHandler or ZMQHandler; by default `<protocol>` of the
        configuration.
    :param concurrency: how many messages are handled at a time; 1 keeps their order.
    """
    if not re.fullmatch(QUEUE_NAME, queue):
        raise BusError("ERR_QUEUE_NAME", f"queue {queue!r}: expected a name such as queue_1")
    if not isinstance(concurrency, int) or concurrency < 1:
        text = f"queue {queue}: concurrency {concurrency!r}: expected a whole number from 1 on"
        raise BusError("ERR_USAGE", text)
    return declare("stream", queue, {"protocol": protocol, "concurrency": concurrency})


def declare(kind: str, name: str, options: dict) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        declared = [*getattr(function, "_zcontext", ()), Declared(kind, name, options)]
        function._zcontext = declared  # type: ignore[attr-defined]
        return function

    return mark


def handlers_of(task: Any) -> list[tuple[Declared, Callable[[Any, Scope], Any]]]:
    """What the class of a task declares, and its own methods for it."""
    found = []
    for name in dir(type(task)):
        function = inspect.getattr_static(type(task), name)
        for declared in getattr(function, "_zcontext", ()):
            found.append((declared, getattr(task, name)))
    return found


def emitted_by(task: Any) -> dict[str, dict]:
    """The schemata of what a task emits, by event: of its own events, and of `emits`."""
    handled = {each.name: each.options for each, _ in handlers_of(task) if each.kind == "event"}
    return {**handled, **getattr(task, "emits", {})}


def check_schemata(task: Any) -> None:
    """Raises BusError ERR_SCHEMA_INVALID before anything starts where one can't be checked."""
    for name, schemata in emitted_by(task).items():
        checks_of(name, schemata)
    for declared, _ in handlers_of(task):
        if declared.kind in ("method", "action"):
            check_of(declared.options["params"], f"{declared.kind} {declared.name}")


def streams_of(task: Any) -> list[tuple[Declared, Callable[[Any, Scope], Any]]]:
    """The handlers of queues that a task declares."""
    return [each for each in handlers_of(task) if each[0].kind == "stream"]


def uses_bus(task: Any) -> bool:
    """Whether a task declares what arrives over the bus."""
    return len(streams_of(task)) < len(handlers_of(task))


def make_streams(task: Any, scope: Scope, link: Link) -> Any:
    """The consumers of a task, which consume nothing yet; None where it declares none."""
    declared = streams_of(task)
    if not declared:
        return None
    import zcontext_streams as streams

    own = copy.copy(scope)
    own._flags = ()  # handlers may wait while the task is told to stop

    def make(each: Declared, handle: Callable[[Any, Scope], Any]) -> Any:
        named = each.options["protocol"] or scope.configuration.get("protocol")
        protocol, concurrency = streams.assert_protocol(named), each.options["concurrency"]
        return streams.Stream(each.name, protocol, concurrency, lambda said: handle(said, own))

    def tell(figures: list[dict]) -> None:
        scope._announce("streams", "success", {"streams": figures}, topic="~streams")

    place = streams.Place(
        scope.configuration, lambda: scope.bus, lambda: link.is_stopping, streams.Counts(tell)
    )
    return streams.Streams([make(*each) for each in declared], place)


#: Methods of a class with handlers, which are actions as well.
HOOKS = {"start": "Start", "stop": "Stop", "state_update": "StateUpdate"}


def open_handlers(task: Any, scope: Scope) -> None:
    """Returns when all that the task handles arrives; runs its start() before."""
    bus, handlers = scope.bus, handlers_of(task)
    for name, schemata in emitted_by(task).items():
        bus.set_schemata({name: schemata.get("content")}, schemata.get("context"))
    try:
        if callable(getattr(task, "start", None)):
            task.start(scope)
    except Exception as error:
        scope.throw_error(f"start: {reason_of(error)}", START_FAULT)
        raise
    methods, actions, params = {}, {}, {}
    for declared, handle in handlers:
        if declared.kind == "method":
            methods[declared.name] = as_method(handle, scope)
            params[declared.name] = declared.options["params"]
        if declared.kind == "action":
            check = check_of(declared.options["params"], f"action {declared.name}")
            actions[action_method(declared.name)] = as_action(handle, scope, check)
    for hook, name in HOOKS.items():
        function = getattr(task, hook, None)
        if callable(function):
            actions[action_method(name)] = as_action(as_hook(hook, function), scope, fits)
    if methods or actions:
        bus.serve(scope.service_name, {**methods, **actions}, params=params)
    if actions:
        bus.serve(address_of(scope.service_id, scope.transaction), actions)
    for declared, handle in handlers:
        if declared.kind == "event":
            group = getattr(task, "group", scope.service_name)
            known_as = f"{type(task).__name__}.{handle.__name__}"
            listener = as_listener(handle, scope)
            bus.listen(declared.name, group, listener, handler_name=known_as, **declared.options)


def as_listener(handle: Callable[[Any, Scope], Any], scope: Scope) -> Callable[[Event], Any]:
    return lambda event: handle(event, scope._handling(event.bus, None))


def as_method(handle: Callable[[Any, Scope], Any], scope: Scope) -> Callable[[Any, Call], Any]:
    return lambda params, call: handle(params, scope._handling(call.bus, service_of(call.src)))


def as_hook(name: str, function: Callable[..., Any]) -> Callable[[Any, Scope], Any]:
    if name == "state_update":
        return function
    return lambda _, scope: function(scope)


def as_action(
    handle: Callable[[Any, Scope], Any], scope: Scope, check: Check
) -> Callable[[Any, Call], Any]:
    def run(params: Any, call: Call) -> Any:
        source = params.get("source") if isinstance(params, dict) else None
        if not isinstance(source, str) or "message" not in params:
            raise ServiceError("ERR_PARAMS_INVALID", "an action has source and message")
        message = params["message"]
        problem = check(message)
        if problem is not None:
            raise ServiceError("ERR_PARAMS_INVALID", f"{call.method}: {problem}")
        if not params.get("take"):
            return handle(message, scope._handling(call.bus, source))
        bus = call.bus.without_deadline()

        def run_beside() -> None:
            try:
                handle(message, scope._handling(bus, source))
            except Exception as error:
                scope.throw_error(f"{call.method}, sent by {source}: {reason_of(error)}")
                raise

        if not bus._member.hold(call.method, run_beside):
            text = f"{scope.service_name} has {MOST_TAKEN} actions under way"
            raise ServiceError("ERR_OVERLOADED", text, retryable=True)
        return None

    return run


def service_of(src: str) -> str:
    """The service in `context/service/instance`."""
    parts = src.split("/")
    return parts[1] if len(parts) > 1 else src


def action_method(name: str) -> str:
    """The method that carries an action."""
    return f"action:{name}"


def address_of(service_id: str, transaction: str) -> str:
    """Where one task is reached: the name of a service that only it serves."""
    parts = [quote(part, safe="!'()*~").replace(".", "%2E") for part in (service_id, transaction)]
    return "@".join(parts)


def is_service_name(name: str) -> bool:
    return is_name(name) and "." not in name and "@" not in name


# The task without a provider


class Rehearsal:
    """Replaces provider and bus: records the task's messages; no wait takes time.

    After it a task with handlers takes what `event`, `call`, `act` and `signal` give it.
    """

    def __init__(self, patience: int, answers: Mapping[str, Any]) -> None:
        self.updates: list[dict] = []  # the items of each update()
        self.failures: list[str] = []  # the reason of each fail()
        self.published: list[tuple[str, dict]] = []  # topic and content of each publish()
        self.stopping = Flag()
        self.has_failed = False
        self._streams: dict[str, Callable[[Any], Any]] = {}
        self._patience = patience
        self._subscribed: collections.defaultdict[str, list[Callable[[HeardSignal], None]]]
        self._subscribed = collections.defaultdict(list)
        self._broker = RehearsedBroker(answers)
        signals = Signals(self._broker.src, link=self)
        member = Membership(self._broker, signals)  # type: ignore[arg-type]
        self._bus = EventBus(member)

    @property
    def emitted(self) -> list[tuple[str, Any, Any]]:
        """Name, content and context of each event."""
        return self._broker.emitted

    @property
    def called(self) -> list[tuple[str, Any]]:
        """Name and params of each call, those of actions included."""
        return self._broker.called

    def event(self, name: str, content: Any = None, context: Any = None) -> str:
        """Gives an event to its handler. Returns the verdict: ack, again, drop or dead."""
        return self._broker.deliver(name, content, {} if context is None else context)

    def stream(self, queue: str, message: Any) -> None:
        """Gives a message to the handler of its queue, which may raise."""
        handle = self._streams.get(queue)
        if handle is None:
            have = ", ".join(self._streams) or "none"
            text = f"the task does not consume the queue {queue}; it consumes {have}"
            raise BusError("ERR_QUEUE_NAME", text)
        handle(json.loads(to_json(f"queue {queue}", message)))

    def call(self, name: str, params: Any = None) -> Any:
        """Calls a method of the task as another service does; raises CallError."""
        return self._broker.request(name, params)

    def act(self, name: str, message: Any = None, source: str = "rehearsal") -> Any:
        """Runs an action of the task, and returns what it returns; raises CallError."""
        return self.call(action_method(name), {"source": source, "message": message})

    def signal(self, topic: str, content: Any = None, attachments: Sequence[bytes] = ()) -> None:
        """Gives a signal to what has subscribed to its topic."""
        content = json.loads(to_json(f"signal {topic}", content))  # as a listener would receive it
        for handle in list(self._subscribed[topic]):
            handle(HeardSignal({"src": self._broker.src}, content, list(attachments)))

    def open_bus(self) -> EventBus:
        return self._bus

    def subscribe(self, topic: str, handle: Callable[[HeardSignal], None]) -> Callable[[], None]:
        self._subscribed[topic].append(handle)
        return lambda: self._subscribed[topic].remove(handle)

    @property
    def is_stopping(self) -> bool:
        return self.pause(0, ())

    def pause(self, seconds: float, flags: Sequence[Flag]) -> bool:
        self._patience -= 1
        return self._patience < 0

    def send(self, topic: str, message: dict, attachments: Sequence[bytes] = ()) -> None:
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
    service: Service,
    configuration: dict | None,
    rounds: int,
    patience: int,
    answers: Mapping[str, Any],
) -> Rehearsal:
    rehearsal = Rehearsal(patience, answers)
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
    scope = Scope(rehearsal, env, rehearsal.open_bus)
    for declared, handle in streams_of(task):
        rehearsal._streams[declared.name] = functools.partial(call_with, handle, scope)
    try:
        if uses_bus(task):
            open_handlers(task, scope)
        if hasattr(task, "run"):
            for _ in range(rounds if task.kind == "looped" else 1):
                task.run(scope)
    except Stopped:
        pass
    return rehearsal


def call_with(handle: Callable[[Any, Scope], Any], scope: Scope, message: Any) -> None:
    handle(message, scope)


class RehearsedBroker:
    """Replaces the broker: records what the task emits and calls, and gives it what a test says."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.src, self.trouble = "rehearsal/rehearsal/rehearsal", None
        self.welcome = {"stored": "memory"}
        self.emitted: list[tuple[str, Any, Any]] = []
        self.called: list[tuple[str, Any]] = []
        self._answers = answers
        self._listeners: dict[str, tuple[str, Callable[[Delivery], None]]] = {}
        self._methods: dict[str, tuple[str, Callable[[Request], None]]] = {}
        self._outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def emit(self, operation: dict, envelope: dict, body: bytes) -> tuple[dict, bytes]:
        payload = json.loads(body)
        self.emitted.append((operation["event"], payload["content"], payload["context"]))
        return {"op": "done"}, b""

    def listen(
        self, event: str, group: str, prefetch: int, handle: Callable[[Delivery], None]
    ) -> None:
        self._listeners[event] = (group, handle)

    def serve(self, service: str, methods: list[str], handle: Callable[[Request], None]) -> None:
        for name in methods:
            self._methods[name] = (service, handle)

    def call(
        self, operation: dict, envelope: dict, body: bytes, budget_s: float, flags: Sequence[Flag]
    ) -> tuple[dict, bytes]:
        name, params = f"{operation['service']}.{operation['method']}", json.loads(body)
        self.called.append((name, params))
        if name not in self._answers:
            text = f"{name}: rehearse() was given no answer to it"
            return {"op": "failure", "failure": refusal("ERR_SERVICE_UNKNOWN", text)}, b""
        answer = self._answers[name]
        try:
            result = answer(params) if callable(answer) else answer
        except Exception as error:
            return {"op": "failure", "failure": failure_of(error)}, b""
        return {"op": "result"}, to_json(f"result of {name}", result)

    def services(self) -> list[dict]:
        return []

    def deliver(self, name: str, content: Any, context: Any) -> str:
        if name not in self._listeners:
            raise KeyError(f"the task has no handler of event {name}")
        group, handle = self._listeners[name]
        envelope = new_envelope(self.src, None)
        meta = {"version": PAYLOAD_VERSION, "timestamp": envelope["sent"]}
        meta["session_id"] = envelope["session_id"]
        payload = {"event_name": name, "content": content, "context": context, "meta": meta}
        given = {"g": 1, "seq": 1, "attempt": 1, "event": name, "group": group}
        body = to_json(f"event {name}", payload)
        handle(Delivery(self, given, envelope, body))  # type: ignore[arg-type]
        return self._outcomes.get()["verdict"]

    def settle(self, delivery: Delivery, verdict: dict) -> None:
        self._outcomes.put(verdict)

    def wait_until_confirmed(self, seconds: float) -> bool:
        return True

    def request(self, method: str, params: Any) -> Any:
        if method not in self._methods:
            raise KeyError(f"the task has no method {method}")
        service, handle = self._methods[method]
        given = {"c": 1, "service": service, "method": method, "budgetMs": 10_000}
        body = to_json(f"params of {method}", params)
        handle(Request(given, new_envelope(self.src, None), body))
        answer = self._outcomes.get()
        if isinstance(answer, dict):
            raise CallError(service, method, answer)
        return json.loads(answer)

    def answer(self, request: Request, answer: Answer) -> None:
        self._outcomes.put(answer)


# Frames: `topic @@@ json`


def encode(topic: str, message: dict) -> bytes:
    """The frame of a message, in plain ASCII."""
    if not re.fullmatch("[!-~]{1,128}", topic) or "@@@" in topic:
        raise ValueError(f"topic {topic!r}: expected one ASCII word, without @@@")
    try:
        text = json.dumps(message, allow_nan=False, **LAYOUTS.get(topic, COMPACT))
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


def connect_socket(socket: zmq.Socket, endpoint: str) -> None:
    """Connects, to an IPv6 address such as tcp://[::1]:5556 as well."""
    socket.setsockopt(zmq.IPV6, "[" in endpoint)
    socket.connect(endpoint)


class Link:
    """The sockets: one for sending, guarded by a lock, and one for each listening thread."""

    def __init__(self, publish: str, subscribe: str, incarnation: str) -> None:
        self.error: BaseException | None = None  # why the run has failed
        #: Set when the task is told to stop.
        self.stopping = Flag()
        self.has_failed = False  # fail() was called
        #: Of this program, in all that it says.
        self.incarnation = incarnation
        self._publish, self._subscribe = publish, subscribe
        self._sequences: collections.Counter[str] = collections.Counter()
        self._is_probed = False
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
        return self.stopping.is_set

    def pause(self, seconds: float, flags: Sequence[Flag]) -> bool:
        """Waits; returns at once, and True, when one of the flags is set."""
        return wait_until(threading.Event(), flags, seconds)

    def stop(self) -> None:
        self.stopping.set()

    def crash(self, error: BaseException) -> None:
        """Ends the run as a failure, unless the task is stopping already."""
        if not self.is_stopping:
            traceback.print_exception(type(error), error, error.__traceback__)
            self.error = error
            self.stop()

    def open(self) -> None:
        """Returns when messages will arrive; raises ConnectionError if no forwarder answers."""
        with self._lock:
            connect_socket(self._sender, self._publish)
            self._await_subscription(b"")

    def close(self) -> None:
        self.stop()  # for threads that wait, here or in the task
        with self._lock:
            self._sender.close(linger=LINGER_S * 1000)
        self._sending.term()

    def send(self, topic: str, message: dict, attachments: Sequence[bytes] = ()) -> None:
        """Sends a message. One that is lost leaves a gap in the numbers."""
        with self._lock:
            if self._sender.closed or self._send(topic, message, attachments, 0):
                return
            self._sequences[topic] += 1
            lost = (
                f"message {self._sequences[topic]} on {topic} is lost: the forwarder accepts none"
            )
            print(lost, file=sys.stderr)

    def post(self, topic: str, message: dict, attachments: Sequence[bytes] = ()) -> int:
        """Sends without waiting, and returns the number of the message on its topic.

        Raises BusError ERR_OVERLOADED when too many wait already; it has no number then.
        """
        with self._lock:
            if self._sender.closed:
                raise BusError("ERR_ENGINE_UNREACHABLE", f"message on {topic}: the bus is closed")
            if not self._send(topic, message, attachments, zmq.NOBLOCK):
                text = f"message on {topic}: {QUEUED} messages wait for the forwarder already"
                raise BusError("ERR_OVERLOADED", text)
            return self._sequences[topic]

    def _send(self, topic: str, message: dict, attachments: Sequence[bytes], flags: int) -> bool:
        """Whether the socket accepts the message, which has a number then."""
        sequence = self._sequences[topic] + 1
        # In this order first, which zcontext reads without decoding the rest.
        header = {"incarnation": self.incarnation, "sequence": sequence, **message["header"]}
        frame = encode(topic, {"header": header, "content": message["content"]})
        self._take_subscriptions()
        try:
            self._sender.send_multipart([frame, *attachments], flags)
        except zmq.Again:
            return False
        self._sequences[topic] = sequence
        return True

    def total_of(self, topic: str) -> int:
        """How many messages were sent on a topic."""
        with self._lock:
            return self._sequences[topic]

    def take_probed(self) -> bool:
        """Whether a new subscriber has asked for the totals of signals since the last time."""
        with self._lock:
            if not self._sender.closed:
                self._take_subscriptions()
            is_probed, self._is_probed = self._is_probed, False
            return is_probed

    def listen(self, topic: str, handle: Callable[[dict], None]) -> None:
        """Calls `handle`, in a thread of its own, for each message sent once this has returned."""
        self.hear([topic], lambda frames: handle(decode(topic, frames[0])))

    def hear(
        self,
        topics: Sequence[str],
        handle: Callable[[list[bytes]], None],
        *,
        tick: Callable[[], None] = lambda: None,
        tick_s: float = LOOK_S,
        ended: Flag | None = None,
    ) -> threading.Thread:
        """The same with the frames of each message on any topic that begins with one of these.

        :param tick: called in that thread after each message, and at least so often.
        :param ended: ends the listening when it is set.
        """
        listener = self._listening.socket(zmq.SUB)
        listener.setsockopt(zmq.RCVHWM, QUEUED)
        connect_socket(listener, self._subscribe)
        # Subscriptions arrive in order: when the sender receives the probe, the topics are in place.
        probe = f"{PROBE_PREFIX}{uuid.uuid4()}".encode()
        # send() would consume the probe.
        with self._lock:
            if self._sender.closed:
                raise Stopped
            for each in (*(topic.encode() for topic in topics), probe):
                listener.setsockopt(zmq.SUBSCRIBE, each)
            self._await_subscription(probe)
        listener.setsockopt(zmq.UNSUBSCRIBE, probe)
        words = (listener, handle, tick, tick_s, ended or Flag())
        thread = threading.Thread(target=self._hear, args=words, daemon=True)
        thread.start()
        return thread

    def _hear(
        self,
        listener: zmq.Socket,
        handle: Callable[[list[bytes]], None],
        tick: Callable[[], None],
        tick_s: float,
        ended: Flag,
    ) -> None:
        while not ended.is_set:
            frames = listener.recv_multipart() if listener.poll(tick_s * 1000) else None
            try:
                if frames is not None:
                    handle(frames)
                tick()
            except Exception as error:
                self.crash(error)
        listener.close(linger=0)

    def _await_subscription(self, topic: bytes) -> None:
        """Returns when a listener has subscribed to the topic. The caller holds the lock."""
        deadline = time.monotonic() + ANSWER_S
        while not self._sender.poll(100) or self._take_subscription() != topic:
            if self.is_stopping:
                raise Stopped
            if time.monotonic() > deadline:
                where = f"{self._publish} (waited {ANSWER_S} s)"
                raise ConnectionError(f"no provider answers at {where}")

    def _take_subscriptions(self) -> None:
        """Takes those of other listeners, which would pile up."""
        while self._sender.poll(0):
            self._take_subscription()

    def _take_subscription(self) -> bytes | None:
        """The topic that somebody has subscribed to; None where it is the end of a subscription."""
        frame = self._sender.recv()
        self._is_probed |= frame.startswith(b"\x01" + PROBE_PREFIX.encode())
        return frame[1:] if frame[:1] == b"\x01" else None


# Errors of the bus


class BusError(Exception):
    """What could not be sent, served or heard; `code` says why, such as ERR_OVERLOADED."""

    def __init__(self, code: str, message: str, executed: str = "unknown") -> None:
        super().__init__(message)
        self.code = code
        #: Of a call, whether the method has run: "no", "yes", or "unknown".
        self.executed = executed


class CallError(BusError):
    """A call that has failed, for whatever reason: at the service, or on the way."""

    def __init__(self, service: str, method: str, failure: Mapping[str, Any]) -> None:
        executed = str(failure.get("executed", "unknown"))
        super().__init__(str(failure.get("code")), str(failure.get("message")), executed)
        self.service, self.method = service, method
        #: Whether the same call may succeed later.
        self.retryable = failure.get("retryable") is True
        #: What the service adds to help; any JSON.
        self.details: Any = failure.get("details")
        #: The class of the error at the service, {"name": …}, with its "stack" where it shows that.
        self.remote: dict | None = failure.get("remote")


class ServiceError(Exception):
    """Raised by a method so that its caller can act on it."""

    def __init__(
        self, code: str, message: str, *, details: Any = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        #: A word in capitals, such as OUT_OF_STOCK.
        self.code = code
        self.details, self.retryable = details, retryable


class NonRetryableError(Exception):
    """Raised for an event that can't succeed later: it becomes a dead letter at once."""


def failure_of(error: BaseException, with_stack: bool = False) -> dict:
    """An error as it travels."""
    remote = {"name": type(error).__name__}
    if with_stack:
        remote["stack"] = stack_of(error)
    failure = {"code": "ERR_SERVICE_FAILED", "message": str(error), "retryable": False}
    if isinstance(error, ServiceError):
        failure.update(code=error.code, retryable=error.retryable)
        if error.details is not None:
            failure["details"] = error.details
    elif isinstance(error, BusError):
        failure["code"] = error.code
    return {**failure, "executed": "yes", "remote": remote}


# Messages of the bus: names, bodies, envelopes


def split_name(name: str, code: str, expected: str) -> tuple[str, str]:
    """Splits the name of an event or a method at its first dot."""
    first, _, rest = name.partition(".")
    if not (is_name(first) and is_name(rest)):
        raise BusError(code, f"{name!r}: expected {expected}")
    return first, rest


def is_name(text: str) -> bool:
    """Whether a text can be a name: printable, without white space, of at most 200 characters."""
    return 0 < len(text) <= LONGEST_NAME and not any(
        letter.isspace() or unicodedata.category(letter).startswith("C") for letter in text
    )


def check_event_name(name: str) -> None:
    split_name(name, "ERR_EVENT_NAME", "domain.type, such as orders.created")


def to_json(what: str, value: Any) -> bytes:
    """A value as JSON in UTF-8, as short as possible."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{what}: not possible in JSON: {error}") from error
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only ASCII can write
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


class Lineage(NamedTuple):
    """What a message inherits from the one that its sender handles."""

    session_id: str
    traceparent: str
    deadline: float | None = None  # when the answer must be there, of time.monotonic()


def new_envelope(src: str, lineage: Lineage | None, **more: Any) -> dict:
    """What travels beside a body. Those of `more` that are None are left out."""
    sent = time.time_ns() // 1_000_000
    own = {name: value for name, value in more.items() if value is not None}
    name = uuid7(sent)
    return {
        "id": name,
        "src": src,
        "sent": sent,
        "session_id": lineage.session_id if lineage else name,
        "traceparent": child_trace(lineage.traceparent if lineage else ""),
        **own,
    }


def uuid7(now_ms: int) -> str:
    """A UUIDv7 of this time, as in RFC 9562, section 5.7."""
    low = int.from_bytes(os.urandom(10), "big")
    number = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | low
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def child_trace(parent: str) -> str:
    """A span of its own below a parent's trace, or a new trace. See W3C Trace Context, 3.2."""
    known = re.fullmatch("00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})", parent)
    trace, flags = known.groups() if known else (os.urandom(16).hex(), "01")
    return f"00-{trace}-{os.urandom(8).hex()}-{flags}"


class Retry(NamedTuple):
    """How a group tries an event again."""

    attempts: int = 6  # the first one included
    min_delay_s: float = 0.2  # before the second attempt; doubles with each further one
    max_delay_s: float = 30.0
    jitter: float = 0.2  # by how much a delay may differ, of itself

    def delay_after(self, attempt: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        if attempt >= self.attempts:
            return None
        delay = min(self.min_delay_s * 2 ** (attempt - 1), self.max_delay_s)
        return delay * (1 + self.jitter * random.uniform(-1, 1))


DEFAULT_RETRY = Retry()


#: A call that hands over an action; sent again if its instance is lost, for it is taken once.
SUBMITTED: dict = {"timeout_s": RESTART_S, "idempotent": True}


# Schemata: what events, parameters and messages must look like


#: A JSON Schema of draft 6 to 2020-12, as Python's json module reads it.
Schema = Union[Mapping[str, Any], bool]
#: Says what is wrong with a value; None where nothing is.
Check = Callable[[Any], Union[str, None]]

NEWEST_DRAFT = "https://json-schema.org/draft/2020-12/schema"
#: The classes of jsonschema for them.
DRAFTS = {
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    NEWEST_DRAFT: "Draft202012Validator",
}


def fits(_: Any) -> str | None:
    """The check of what has no schema."""
    return None


def check_of(schema: Schema | None, what: str) -> Check:
    """A check by a schema; raises BusError ERR_SCHEMA_INVALID where there can be none.

    :param what: what the schema is of, for error messages.
    """
    if schema is None:
        return fits
    validator = validator_of(schema, f"the schema of {what}")
    lock = threading.Lock()  # it keeps where it is in the schema

    def check(value: Any) -> str | None:
        try:
            with lock:
                error = next(validator.iter_errors(value), None)
        except Exception as error:  # such as a reference that leads nowhere
            return f"its schema can't be applied: {error}"[:LONGEST_PROBLEM]
        if error is None:
            return None
        where = "".join(f"/{part}" for part in error.absolute_path)
        return f"value{where}: {error.message}"[:LONGEST_PROBLEM]

    return check


def validator_of(schema: Schema, what: str) -> Any:
    try:
        import jsonschema
    except ImportError as error:
        text = f"{what} can't be checked: {sys.executable} can't import jsonschema"
        raise BusError("ERR_SCHEMA_INVALID", f"{text}: {JSONSCHEMA_HINT}") from error
    named = schema.get("$schema", NEWEST_DRAFT) if isinstance(schema, Mapping) else NEWEST_DRAFT
    name = DRAFTS.get(str(named).rstrip("#"))
    if name is None:
        text = f"{what} is of an unknown draft: {named}; known are {', '.join(DRAFTS)}"
        raise BusError("ERR_SCHEMA_INVALID", text)
    make = getattr(jsonschema, name, None)
    if make is None:
        raise BusError(
            "ERR_SCHEMA_INVALID", f"{what} is of draft {named}, which needs jsonschema 4"
        )
    try:
        make.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise BusError("ERR_SCHEMA_INVALID", f"{what}: {error.message}") from error
    # Nothing is fetched from elsewhere, whatever a schema refers to.
    try:
        from jsonschema_specifications import REGISTRY  # of jsonschema 4.18 and later
    except ImportError:
        schemes = ("http", "https", "ftp", "file", "data", "")
        handlers = dict.fromkeys(schemes, refuse_reference)
        resolver = jsonschema.RefResolver.from_schema(schema, handlers=handlers)  # type: ignore[arg-type]
        return make(schema, resolver=resolver)
    return make(schema, registry=REGISTRY)


def refuse_reference(uri: str) -> Any:
    raise ValueError(f"{uri} is not in it")


def checks_of(name: str, schemata: Mapping[str, Schema | None]) -> tuple[Check, Check]:
    """The checks of the content and the context of an event."""
    content = check_of(schemata.get("content"), f"event {name}")
    return content, check_of(schemata.get("context"), f"the context of event {name}")


def misfit(checks: tuple[Check, Check] | None, content: Any, context: Any) -> str | None:
    """What is wrong with an event; None where nothing is."""
    for field, check, value in zip(("content", "context"), checks or (), (content, context)):
        problem = check(value)
        if problem is not None:
            return f"{field}: {problem}"
    return None


# Claim checks: messages above 1 MiB travel as a token


class FileStorage:
    """Bodies as files in a folder that all services of the context share."""

    #: When expired ones are looked for again, by folder.
    _next_sweep: dict[str, float] = {}

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def store(self, body: bytes, keep_s: float) -> str:
        """Keeps a body for so long. Returns its token, by which `recover` finds it."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._sweep()
        token = f"{os.urandom(16).hex()}-{base36(math.ceil((time.time() + keep_s) * 1000))}"
        path = os.path.join(self.folder, token)
        # A reader sees the whole file or none.
        with open(os.open(f"{path}.partial", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(body)
        os.replace(f"{path}.partial", path)
        return token

    def recover(self, token: str) -> bytes | None:
        """The body; None if it has expired."""
        if not TOKEN.fullmatch(token) or expiry_of(token) < time.time():
            return None
        try:
            with open(os.path.join(self.folder, token), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def _sweep(self) -> None:
        now = time.time()
        if now < self._next_sweep.get(self.folder, 0):
            return
        self._next_sweep[self.folder] = now + SWEEP_S
        for name in os.listdir(self.folder):
            if TOKEN.fullmatch(name) and expiry_of(name) < now:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(self.folder, name))


TOKEN = re.compile("[0-9a-f]{32}-[0-9a-z]{1,10}")


def expiry_of(token: str) -> float:
    return int(token.partition("-")[2], 36) / 1000


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


class Claims:
    """Bodies as they travel, and as they were."""

    def __init__(self, folder: Callable[[], str | None]) -> None:
        self._folder = folder

    @property
    def _storage(self) -> FileStorage | None:
        folder = self._folder()
        return FileStorage(folder) if folder else None

    def check_in(self, body: bytes, keep_s: float) -> bytes:
        if len(body) <= LARGEST_BODY:
            return body
        storage = self._storage
        if storage is None:
            text = f"a message of {len(body)} bytes; without a store for larger ones, 1 MiB travels"
            raise BusError("ERR_MESSAGE_TOO_LARGE", text)
        return to_json("claim", {"token": storage.store(body, keep_s), "is_stored": True})

    def fetch(self, body: bytes) -> bytes:
        if len(body) > LONGEST_CLAIM or b'"is_stored"' not in body:
            return body
        claim = json.loads(body)
        if not is_claim(claim):
            return body
        token = claim["token"]
        storage = self._storage
        stored = storage.recover(token) if storage else None
        if stored is None:
            text = f"the message that token {token} stands for is no longer stored"
            raise BusError("ERR_CLAIM_EXPIRED", text)
        return stored


def is_claim(value: Any) -> bool:
    """Whether a value stands for one that is stored."""
    if not isinstance(value, dict) or set(value) != {"token", "is_stored"}:
        return False
    return value["is_stored"] is True and isinstance(value["token"], str)


# Batches: the frames between a member and its broker


def encode_batch(number: int, items: Sequence[Said]) -> list[bytes]:
    operations = [item.operation for item in items]
    return [to_json("batch", [number, 0, operations]), b"".join(item.body for item in items)]


def decode_batch(frames: Sequence[bytes]) -> tuple[int, list[tuple[dict, bytes]]]:
    """The batch of ours that the broker has carried out, and its operations with their bodies."""
    head, bodies = frames
    _, done, operations = json.loads(head)
    items, at = [], 0
    for operation in operations:
        size = operation.get("size", 0)
        items.append((operation, bodies[at : at + size]))
        at += size
    return done, items


def pack(envelope: Mapping[str, Any], body: bytes) -> tuple[dict, bytes]:
    """A body with its envelope before it, and what the operation says of both."""
    head = to_json("envelope", envelope)
    return {"head": len(head), "size": len(head) + len(body)}, head + body


def unpack(operation: Mapping[str, Any], parcel: bytes) -> tuple[dict, bytes]:
    """The envelope and the body; raises ValueError where no envelope stands there."""
    head = operation["head"]
    envelope = json.loads(parcel[:head])
    if not isinstance(envelope, dict) or not isinstance(envelope.get("id"), str):
        raise ValueError("the envelope of a message has no id")
    return envelope, parcel[head:]


# Waiting for several things


class Flag:
    """Is set once, for all that ask or wait."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        with self._lock:
            self._event.set()
            watchers = list(self._watchers)
        for wake in watchers:
            wake()

    @contextlib.contextmanager
    def watched(self, wake: Callable[[], None]) -> Iterator[None]:
        """Calls `wake` when it is set while this context lasts, or was before."""
        with self._lock:
            self._watchers.append(wake)
        if self.is_set:
            wake()
        try:
            yield
        finally:
            with self._lock:
                self._watchers.remove(wake)


def wait_until(event: threading.Event, flags: Sequence[Flag], seconds: float) -> bool:
    """Waits for the event, which these flags set as well. Returns whether one of them is set."""
    with contextlib.ExitStack() as stack:
        for flag in flags:
            stack.enter_context(flag.watched(event.set))
        event.wait(min(seconds, threading.TIMEOUT_MAX))
    return any(flag.is_set for flag in flags)


class Workers:
    """Threads that do one thing after the other; started when there is something to do."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = self._open = 0

    def do(self, task: Callable[[], None]) -> None:
        with self._lock:
            self._open += 1
            is_short = self._started < min(self._open, self._size)
            self._started += is_short
        if is_short:
            threading.Thread(target=self._work, daemon=True).start()
        self._tasks.put(task)

    def _work(self) -> None:
        while True:
            self._tasks.get()()
            with self._lock:
                self._open -= 1


# The connection to the broker


class Said:
    """An operation for the broker, and the number of the batch that it went with."""

    def __init__(self, operation: dict, body: bytes = b"") -> None:
        self.operation, self.body = operation, body
        self.batch: int | None = None


class Question(Said):
    """An operation that the broker answers by its number."""

    def __init__(self, operation: dict, body: bytes, is_repeatable: bool) -> None:
        super().__init__(operation, body)
        self.is_repeatable = is_repeatable
        self.since = time.monotonic()
        self.answered = threading.Event()  # or given up
        self.reply: tuple[dict, bytes] | BusError | None = None

    @property
    def is_answered_by_batch(self) -> bool:
        return self.operation["op"] == "emit" and not self.operation.get("requireRoute")

    def answer(self, reply: tuple[dict, bytes] | BusError) -> None:
        self.reply = reply
        self.answered.set()


class Delivery:
    """An event that the broker has given to this member, until it is settled or taken back."""

    def __init__(self, broker: Broker, given: dict, envelope: dict, body: bytes) -> None:
        self.given, self.envelope, self.body = given, envelope, body
        self.taken = Flag()
        self._broker = broker

    def settle(self, **verdict: Any) -> None:
        self._broker.settle(self, verdict)

    @property
    def key(self) -> tuple[int, int]:
        return self.given["g"], self.given["seq"]


class Request:
    """A call that this member carries out."""

    def __init__(self, given: dict, envelope: dict, body: bytes) -> None:
        self.given, self.envelope, self.body = given, envelope, body
        self.given_up = Flag()
        self.deadline = time.monotonic() + given["budgetMs"] / 1000


#: The answer of a method: a body or a failure.
Answer = Union[bytes, dict]


class Broker:
    """This program as a member of the broker.

    One thread has the socket, so that the member lives as long as its process does, whatever its
    handlers wait for. What is in force here (groups, services, events that it has) is told to
    each new broker; nothing ends with one.
    """

    def __init__(
        self, url: str, token: str, src: str, heard_news: Callable[[], list[dict]]
    ) -> None:
        self.url, self.src, self._token = url, src, token
        self._heard_news, self._news_at = heard_news, 0.0
        #: The last `welcome`.
        self.welcome: dict = {}
        #: Why nothing can be sent now; None while all is well.
        self.trouble: str | None = "not connected yet"
        self.refusal: BusError | None = None
        self._member = str(uuid.uuid4())
        self._lock = threading.RLock()
        self._confirmed = threading.Condition(self._lock)
        self._is_welcome = self._is_closing = False
        self._numbers = itertools.count(1)
        self._batch, self._sent_at = 0, 0.0
        self._outbox: list[Said] = []
        self._questions: dict[int, Question] = {}
        self._bytes_asked = 0
        self._emitted: collections.deque[Question] = collections.deque()  # what batches answer
        self._held: dict[tuple[int, int], Delivery] = {}
        self._decided: list[Said] = []  # settlements that the broker has not confirmed
        self._listeners: dict[tuple[str, str], tuple[int, Callable[[Delivery], None]]] = {}
        self._services: dict[str, tuple[list[str], Callable[[Request], None]]] = {}
        self._under_way: dict[int, Request] = {}
        self._up = Flag()
        self._context = zmq.Context()
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="zcontext-bus", daemon=True)
        self._thread.start()

    # What other threads call

    def wait_until_up(self, seconds: float, flags: Sequence[Flag] = ()) -> bool:
        """Waits for the first welcome; raises BusError when the broker refuses this program."""
        wait_until(threading.Event(), [self._up, *flags], seconds)
        if self.refusal is not None:
            raise self.refusal
        return self._is_welcome

    def emit(self, operation: dict, envelope: dict, body: bytes) -> tuple[dict, bytes]:
        sizes, parcel = pack(envelope, body)
        return self._ask({"op": "emit", "id": envelope["id"], **operation, **sizes}, parcel)

    def listen(
        self, event: str, group: str, prefetch: int, handle: Callable[[Delivery], None]
    ) -> None:
        with self._lock:
            if (event, group) in self._listeners:
                raise BusError("ERR_USAGE", f"group {group} listens to {event} here already")
            self._listeners[event, group] = (prefetch, handle)
        self._ask({"op": "listen", "event": event, "group": group, "prefetch": prefetch})

    def unlisten(self, event: str, group: str) -> None:
        self._ask({"op": "unlisten", "event": event, "group": group})
        with self._lock:
            self._listeners.pop((event, group), None)

    def serve(self, service: str, methods: list[str], handle: Callable[[Request], None]) -> None:
        with self._lock:
            if service in self._services:
                raise BusError("ERR_USAGE", f"service {service} is served here already")
            self._services[service] = (methods, handle)
        self._ask({"op": "serve", "service": service, "methods": methods})

    def unserve(self, service: str) -> None:
        self._ask({"op": "unserve", "service": service})
        with self._lock:
            self._services.pop(service, None)

    def call(
        self, operation: dict, envelope: dict, body: bytes, budget_s: float, flags: Sequence[Flag]
    ) -> tuple[dict, bytes]:
        """The answer; raises Stopped when a flag is set, and BusError when none comes in time."""
        sizes, parcel = pack(envelope, body)
        operation = {"op": "call", **operation, "budgetMs": budget_s * 1000, **sizes}
        question = self._add(operation, parcel, operation["isIdempotent"])
        is_flagged = wait_until(question.answered, flags, budget_s)
        if question.reply is None:
            with self._lock:
                self._say(Said({"op": "cancel", "n": operation["n"]}))
                self._end(operation["n"])
            if is_flagged:
                raise Stopped
            executed = "no" if question.batch is None else "unknown"
            raise BusError("ERR_CALL_TIMEOUT", "no answer in time", executed)
        return reply_of(question)

    def settle(self, delivery: Delivery, verdict: dict) -> None:
        with self._lock:
            if self._held.get(delivery.key) is not delivery:
                return  # taken back
            del self._held[delivery.key]
            key = {name: delivery.given[name] for name in ("g", "seq", "attempt")}
            settlement = Said({"op": "settle", **key, **verdict})
            self._decided.append(settlement)
            self._say(settlement)

    def wait_until_confirmed(self, seconds: float) -> bool:
        """Whether the broker has kept all that was settled; at once where it can't be reached."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: not (self._decided and self._is_welcome), seconds)
            return not self._decided

    def answer(self, request: Request, answer: Answer) -> None:
        c = request.given["c"]
        with self._lock:
            if self._under_way.pop(c, None) is not request:
                return
            if isinstance(answer, bytes):
                self._say(Said({"op": "answer", "c": c, "size": len(answer)}, answer))
            else:
                self._say(Said({"op": "fault", "c": c, "failure": answer}))

    def services(self) -> list[dict]:
        return self._ask({"op": "services"})[0]["services"]

    def queues(self, seconds: float) -> list[dict] | None:
        """The queues of all groups; None where the broker does not answer in time."""
        question = self._add({"op": "queues"}, b"", is_repeatable=True)
        question.answered.wait(seconds)
        with self._lock:
            self._end(question.operation["n"])
        return None if question.reply is None else reply_of(question)[0]["queues"]

    def leave(self) -> None:
        """Gets no more events and calls; what has arrived may still be settled."""
        with self._lock:
            groups, services = list(self._listeners), list(self._services)
            for event, group in groups:
                n = next(self._numbers)
                self._say(Said({"op": "unlisten", "n": n, "event": event, "group": group}))
            for service in services:
                self._say(Said({"op": "unserve", "n": next(self._numbers), "service": service}))

    def close(self) -> None:
        """Leaves the broker, which gives the events that this member has to others."""
        with self._lock:
            self._say_heard()
            self._say(Said({"op": "bye"}))
            self._is_closing = True
            self._fail(lambda _: True, self._unreachable("this bus is closed"))
        self._wake()
        self._thread.join(LINGER_S + 1)

    def _ask(self, operation: dict, body: bytes = b"") -> tuple[dict, bytes]:
        """Asks what may be asked again, and waits for the answer."""
        question = self._add(operation, body, is_repeatable=True)
        question.answered.wait()
        return reply_of(question)

    def _add(self, operation: dict, body: bytes, is_repeatable: bool) -> Question:
        with self._lock:
            if self._is_closing:
                raise self._unreachable("this bus is closed")
            if len(self._questions) >= MOST_ASKED or self._bytes_asked + len(body) > MOST_BYTES:
                many = f"{len(self._questions)} messages of {self._bytes_asked} bytes"
                raise BusError("ERR_OVERLOADED", f"{many} wait for the broker", "no")
            operation["n"] = next(self._numbers)
            question = Question(operation, body, is_repeatable)
            self._questions[operation["n"]] = question
            self._bytes_asked += len(body)
            self._say(question)
            return question

    def _say(self, said: Said) -> None:
        """Sends with the next batch. Without a welcome, what is open is said after the next one."""
        if self._is_welcome:
            self._outbox.append(said)
            self._wake()

    def _wake(self) -> None:
        if threading.current_thread() is not self._thread:
            with contextlib.suppress(BlockingIOError):  # it is full of earlier ones
                self._waker.send(b"\0")

    def _end(self, n: int) -> Question | None:
        question = self._questions.pop(n, None)
        if question is not None:
            self._bytes_asked -= len(question.body)
        return question

    def _fail(self, test: Callable[[Question], bool], error: BusError) -> None:
        for n, question in list(self._questions.items()):
            if test(question):
                self._end(n)
                question.answer(error)

    def _unreachable(self, reason: str) -> BusError:
        return BusError("ERR_ENGINE_UNREACHABLE", f"the broker at {self.url}: {reason}")

    # The thread that has the socket

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            print_error("the thread of the bus has ended", error)
            with self._lock:
                self._is_welcome, self._is_closing, self.trouble = False, True, str(error)
                self._fail(lambda _: True, self._unreachable(self.trouble))
                self._up.set()
                self._confirmed.notify_all()

    def _work(self) -> None:
        self._connect()
        while True:
            ready = self._poll()
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
            with self._lock:
                if self._monitor in ready:
                    self._notice()
                elif self._dealer in ready:
                    self._receive()
                self._beat()
                self._flush()
                if self._is_closing:
                    break
        self._disconnect(linger=LINGER_S * 1000)
        self._context.term()

    def _poll(self) -> dict:
        poller = zmq.Poller()
        for each in (self._woken, self._monitor, self._dealer):
            poller.register(each, zmq.POLLIN)
        return dict(poller.poll(BEAT_S * 1000))

    def _connect(self) -> None:
        """Makes a socket for one connection: nothing meant for a former broker reaches the next."""
        self._dealer = self._context.socket(zmq.DEALER)
        self._dealer.setsockopt(zmq.ROUTING_ID, self._member.encode())
        self._dealer.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        for option in (zmq.SNDHWM, zmq.RCVHWM):
            self._dealer.setsockopt(option, 0)
        self._dealer.setsockopt(zmq.MAXMSGSIZE, LONGEST_BATCH)
        self._monitor = self._dealer.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        connect_socket(self._dealer, self.url)

    def _disconnect(self, linger: int = 0) -> None:
        self._dealer.disable_monitor()
        self._monitor.close(linger=0)
        self._dealer.close(linger=linger)

    def _notice(self) -> None:
        """Acts on an event of the connection."""
        if recv_monitor_message(self._monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return self._say_hello()
        self._disconnect()
        self._be_down("it can't be reached")
        self._connect()

    def _be_down(self, trouble: str) -> None:
        self._is_welcome, self.trouble = False, trouble
        error = self._unreachable(trouble)
        # Whether the broker has passed on a call that was sent can't be known.
        self._fail(lambda one: not one.is_repeatable and one.batch is not None, error)
        for request in self._under_way.values():
            request.given_up.set()
        self._under_way.clear()
        self._confirmed.notify_all()

    def _say_hello(self) -> None:
        self._is_welcome = False
        self._outbox.clear()
        holds = [each.given for each in self._held.values()]
        holds += [each.operation for each in self._decided]
        hello = {"op": "hello", "protocol": PROTOCOL, "token": self._token, "src": self.src}
        hello["process"] = {"pid": os.getpid(), "startTicks": start_ticks()}
        hello["holds"] = [{name: one[name] for name in ("g", "seq", "attempt")} for one in holds]
        self._outbox.append(Said(hello))

    def _be_welcome(self, welcome: dict) -> None:
        self.welcome, self._is_welcome, self.trouble = welcome, True, None
        self._emitted.clear()
        # All that is in force goes first, so that what is asked next finds it.
        for (event, group), (prefetch, _) in self._listeners.items():
            about = {"event": event, "group": group, "prefetch": prefetch}
            self._say(Said({"op": "listen", "n": next(self._numbers), **about}))
        for service, (methods, _) in self._services.items():
            about = {"service": service, "methods": methods}
            self._say(Said({"op": "serve", "n": next(self._numbers), **about}))
        for said in [*self._decided, *self._questions.values()]:
            said.batch = None
            self._say(said)
        self._up.set()

    def _receive(self) -> None:
        for _ in range(MOST_BATCHES):
            try:
                done, items = decode_batch(self._dealer.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            for operation, body in items:
                self._obey(operation, body)
            # All batches up to this one have been carried out and kept.
            while self._emitted and (self._emitted[0].batch or 0) <= done:
                question = self._emitted.popleft()
                if self._end(question.operation["n"]):
                    question.answer(({"op": "done"}, b""))
            self._decided = [one for one in self._decided if one.batch is None or one.batch > done]
            if not self._decided:
                self._confirmed.notify_all()

    def _obey(self, operation: dict, body: bytes) -> None:
        op = operation["op"]
        if op == "welcome":
            self._be_welcome(operation)
        elif op == "refused":
            # Of an earlier batch, which has reached a broker that does not know this member yet.
            if operation["code"] != "ERR_ENGINE_UNREACHABLE":
                self.trouble = f"it refuses this program: {operation['reason']}"
                self.refusal = BusError("ERR_ENGINE_REFUSED", f"{self.url}: {self.trouble}")
                self._up.set()
        elif op == "deliver":
            self._be_given(operation, body)
        elif op == "lost":
            self._lose(operation["silentMs"])
        elif op == "request":
            self._take(operation, body)
        elif op == "abort":
            request = self._under_way.pop(operation["c"], None)
            if request is not None:
                request.given_up.set()
        elif "n" in operation:
            question = self._end(operation["n"])
            if question is not None:
                failed = BusError(operation.get("code", ""), operation.get("reason", ""))
                question.answer(failed if op == "failed" else (operation, body))

    def _be_given(self, given: dict, parcel: bytes) -> None:
        try:
            delivery = Delivery(self, given, *unpack(given, parcel))
        except ValueError as error:
            delivery = Delivery(self, given, {}, b"")
            self._held[delivery.key] = delivery
            return delivery.settle(**Verdicts(DEFAULT_RETRY, "", 1).dead("malformed", error))
        self._held[delivery.key] = delivery
        listener = self._listeners.get((given["event"], given["group"]))
        if listener is not None:
            listener[1](delivery)

    def _take(self, given: dict, parcel: bytes) -> None:
        try:
            request = Request(given, *unpack(given, parcel))
        except ValueError as error:
            failure = refusal("ERR_PARAMS_INVALID", str(error))
            return self._say(Said({"op": "fault", "c": given["c"], "failure": failure}))
        self._under_way[request.given["c"]] = request
        service = self._services.get(request.given["service"])
        if service is not None:
            return service[1](request)
        message = f"{request.given['service']} is no longer served here"
        self.answer(request, refusal("ERR_SERVICE_UNKNOWN", message, retryable=True))

    def _lose(self, silent_ms: float) -> None:
        """The process was halted for so long that others have got its events."""
        events = len(self._held) + len(self._decided)
        many = f"{events} events and {len(self._under_way)} calls"
        why = f"this process was halted or blocked for {silent_ms / 1000:.1f} s"
        print(f"{why}: {many} that it had were given to others", file=sys.stderr)
        for delivery in self._held.values():
            delivery.taken.set()
        self._held.clear()
        self._decided.clear()
        self._be_down("this process was halted or blocked")
        self._say_hello()

    def _beat(self) -> None:
        now = time.monotonic()
        if not self._is_welcome:
            error = self._unreachable(self.trouble or "not connected")
            return self._fail(lambda one: now - one.since > LONGEST_WAIT_S, error)
        if now - self._news_at >= BEAT_S:
            self._news_at = now
            self._say_heard()
        if not self._outbox and now - self._sent_at >= BEAT_S:
            self._send([])

    def _say_heard(self) -> None:
        """What was received and lost of signals, for the metrics."""
        news = self._heard_news()
        if news:
            self._say(Said({"op": "heard", "signals": news}))

    def _flush(self) -> None:
        items, size = [], 0
        for said in self._outbox:
            items.append(said)
            size += len(said.body)
            if size >= BATCH_BYTES:
                self._send(items)
                items, size = [], 0
        if items:
            self._send(items)
        self._outbox.clear()

    def _send(self, items: Sequence[Said]) -> None:
        self._batch += 1
        self._sent_at = time.monotonic()
        for said in items:
            said.batch = self._batch
            if isinstance(said, Question) and said.is_answered_by_batch:
                self._emitted.append(said)
        with contextlib.suppress(zmq.Again):
            self._dealer.send_multipart(encode_batch(self._batch, items), zmq.NOBLOCK)


def reply_of(question: Question) -> tuple[dict, bytes]:
    if isinstance(question.reply, BusError):
        raise question.reply
    assert question.reply is not None
    return question.reply


def refusal(code: str, message: str, retryable: bool = False) -> dict:
    return {"code": code, "message": message, "retryable": retryable, "executed": "no"}


def start_ticks() -> int:
    """When this process was started, as the system counts it: with the pid it names the process."""
    with open("/proc/self/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


# Signals: what is published, and what is heard of it


class HeardSignal(NamedTuple):
    """A signal as it came."""

    header: dict
    content: Any
    attachments: list[bytes]

    @property
    def stamp(self) -> tuple[str, int] | None:
        """Incarnation and number; None from a publisher that does not count what it sends."""
        incarnation, sequence = self.header.get("incarnation"), self.header.get("sequence")
        if isinstance(incarnation, str) and isinstance(sequence, int):
            return incarnation, sequence
        return None


def read_signal(frames: Sequence[bytes]) -> HeardSignal | None:
    """The signal in these frames; None if it is malformed."""
    try:
        body = json.loads(frames[0].partition(b"@@@")[2])
    except (ValueError, RecursionError):
        return None
    header = dig(body, "header")
    # What has no header is a value of its own, such as one that another program publishes.
    is_whole = isinstance(body, dict) and isinstance(body.get("header"), dict) and "content" in body
    return HeardSignal(header, body["content"] if is_whole else body, list(frames[1:]))


def topic_of(frame: bytes) -> str:
    return frame.partition(b"@@@")[0].strip().decode("ascii", "replace")


def publisher_in(header: Mapping[str, Any]) -> str:
    """The publisher of a signal: an old one is known by its service id or its incarnation."""
    names = (header.get(name) for name in ("src", "service_id", "incarnation"))
    return next((name for name in names if isinstance(name, str) and name), "")


class SignalPublisher:
    """Sends signals, and states the totals by which subscribers know what they have lost.

    Before the first signal on a topic, each second while something changes and once afterwards,
    to each new subscriber, and at the end.
    """

    def __init__(self, link: Link, header: Mapping[str, Any]) -> None:
        self._link, self._header = link, header
        self._lock = threading.Lock()
        self._stated: dict[str, int] = {}  # totals by topic
        self._ended = threading.Event()

    def publish(self, topic: str, message: dict, attachments: Sequence[bytes]) -> None:
        if topic not in self._stated:
            self._begin(topic)
        self._link.post(topic, message, attachments)

    def published(self) -> list[dict]:
        with self._lock:
            topics = list(self._stated)
        return [{"topic": topic, "published": self._link.total_of(topic)} for topic in topics]

    def end(self) -> None:
        self._ended.set()
        with self._lock, contextlib.suppress(BusError):
            self._state(list(self._stated), is_last=True)

    def _begin(self, topic: str) -> None:
        with self._lock:
            if topic in self._stated:
                return
            is_first = not self._stated
            self._state([topic])
        if is_first:
            threading.Thread(target=self._keep_stating, daemon=True).start()

    def _keep_stating(self) -> None:
        due = time.monotonic() + STATE_S
        while not self._ended.wait(PROBED_S):
            is_asked, is_due = self._link.take_probed(), time.monotonic() >= due
            if not (is_asked or is_due):
                continue
            due = time.monotonic() + STATE_S
            # Where too many messages wait already, it is repeated.
            with self._lock, contextlib.suppress(BusError):
                known = self._stated.items()
                changed = [topic for topic, n in known if self._link.total_of(topic) != n]
                self._state(list(self._stated) if is_asked else changed)

    def _state(self, topics: Sequence[str], is_last: bool = False) -> None:
        totals = {topic: self._link.total_of(topic) for topic in topics}
        if totals:
            content = {"totals": totals, "last": is_last}
            self._link.post(COUNTS_TOPIC, {"header": self._header, "content": content})
            self._stated.update(totals)


class Life:
    """What was heard of one life of a publisher on a topic."""

    def __init__(self, publisher: str, before: int) -> None:
        self.publisher = publisher
        self.before = before  # the last number before those that are counted
        self.highest = before  # that was heard, or is known to be lost
        self.stated = before
        self.received = 0
        self.is_last = False

    @property
    def lost(self) -> int:
        return self.highest - self.before - self.received

    @property
    def is_over(self) -> bool:
        return self.is_last and self.stated <= self.highest


class HeardSignals:
    """Counts what is received and lost on a topic, for each publisher.

    A publisher numbers its signals from 1 on and states its totals now and then; so what is
    missing shows in a gap, or at the end in the totals. A number is taken for lost only when
    everything before it must have arrived.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lives: dict[str, Life] = {}
        self._ended: collections.Counter[tuple[str, str]] = collections.Counter()

    def hear(self, incarnation: str, sequence: int, header: Mapping[str, Any]) -> None:
        with self._lock:
            life = self._lives.get(incarnation)
            if life is None:
                life = self._begin(incarnation, publisher_in(header), sequence - 1)
            # A statement may overtake signals that were under way when this subscriber began.
            if life.received == 0 and sequence <= life.before:
                life.before = life.highest = sequence - 1
            life.received += 1
            life.highest = max(life.highest, sequence)
            self._end_if_over(incarnation, life)

    def state(self, incarnation: str, publisher: str, total: int, is_last: bool) -> None:
        """A publisher says how many signals there were."""
        with self._lock:
            life = self._lives.get(incarnation)
            if life is None:
                if is_last:
                    return  # nothing of it was heard: there is nothing to count
                life = self._begin(incarnation, publisher, total)
            life.stated = max(life.stated, total)
            life.is_last |= is_last
            self._end_if_over(incarnation, life)

    def missing(self) -> dict[str, int]:
        """What was stated and is not heard yet: totals by incarnation."""
        with self._lock:
            lives = self._lives.items()
            return {name: life.stated for name, life in lives if life.stated > life.highest}

    def settle(self, totals: Mapping[str, int]) -> None:
        """Everything up to these totals has arrived or is lost."""
        with self._lock:
            for incarnation, total in totals.items():
                life = self._lives.get(incarnation)
                if life is not None:
                    life.highest = max(life.highest, total)
                    self._end_if_over(incarnation, life)

    def end(self) -> None:
        """The topic is heard no longer."""
        with self._lock:
            for incarnation in list(self._lives):
                self._end(incarnation)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Received and lost, by publisher."""
        with self._lock:
            sums = self._ended.copy()
            for life in self._lives.values():
                add_life(sums, life)
        publishers = dict.fromkeys(publisher for publisher, _ in sums)
        return {each: (sums[each, "received"], sums[each, "lost"]) for each in publishers}

    def _begin(self, incarnation: str, publisher: str, before: int) -> Life:
        life = self._lives[incarnation] = Life(publisher, before)
        if len(self._lives) > MOST_LIVES:
            self._end(next(iter(self._lives)))
        return life

    def _end_if_over(self, incarnation: str, life: Life) -> None:
        if life.is_over:
            self._end(incarnation)

    def _end(self, incarnation: str) -> None:
        add_life(self._ended, self._lives.pop(incarnation))


def add_life(sums: collections.Counter[tuple[str, str]], life: Life) -> None:
    sums[life.publisher, "received"] += life.received
    sums[life.publisher, "lost"] += life.lost


class HeardNews:
    """Of counts that only grow, what is new since the last time."""

    def __init__(self, counts: Callable[[], list[dict]]) -> None:
        self._counts = counts
        self._said: dict[tuple[str, str], dict] = {}

    def take(self) -> list[dict]:
        news: list[dict] = []
        for count in self._counts():
            key = (count["topic"], count["publisher"])
            before = self._said.get(key, {"received": 0, "lost": 0})
            new = {name: count[name] - before[name] for name in ("received", "lost")}
            if any(new.values()) and len(news) < MOST_HEARD:
                self._said[key] = count
                news.append({**count, **new})
        return news


class Seat:
    """The place of one subscriber in a queue."""

    def __init__(self, name: str, queue: str, now: float) -> None:
        self.queue, self.hash, self.heard_at = queue, hash_of(name), now


class Seats:
    """Decides which subscriber of a queue handles a signal of a topic.

    The forwarder gives all its subscribers the same messages in the same order, and what those of
    a queue say of themselves as well. So each of them knows the same seats at the same signal, and
    finds by the same rule whose turn it is: the highest hash of a seat and the signal. See Thaler
    and Ravishankar, "Using name-based mappings to increase hit rates" (rendezvous hashing).
    """

    def __init__(self) -> None:
        self._seats: dict[str, Seat] = {}  # by name, sorted

    def take(self, name: str, queue: str, now: float) -> None:
        """A subscriber says that it is there, for the first time or again."""
        if name in self._seats:
            self._seats[name].heard_at = now
        else:
            seats = {**self._seats, name: Seat(name, queue, now)}
            self._seats = dict(sorted(seats.items()))

    def leave(self, name: str) -> None:
        self._seats.pop(name, None)

    def turn_of(self, queue: str, signal: int) -> str | None:
        """The seat whose turn it is, of equal ones the first; None while nobody is there."""
        there = ((name, seat) for name, seat in self._seats.items() if seat.queue == queue)
        turn = max(there, key=lambda each: mix(each[1].hash, signal), default=None)
        return turn and turn[0]

    def silent_since(self, when: float) -> list[str]:
        return [name for name, seat in self._seats.items() if seat.heard_at < when]

    def forgive(self, now: float) -> None:
        """Counts all silence from now on: what the others have said waits to be read."""
        for seat in self._seats.values():
            seat.heard_at = now


def fnv(data: bytes) -> int:
    """A number of 32 bits. See Fowler, Noll and Vo, FNV-1a."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & BITS_32
    return value


@functools.lru_cache(maxsize=1_000)
def hash_of(name: str) -> int:
    return fnv(name.encode())


def mix(one: int, other: int) -> int:
    """A number that depends on every bit of both. See the finalizer of Appleby, MurmurHash3."""
    value = (one ^ other * 0x9E3779B1 & BITS_32) * 0x85EBCA6B & BITS_32
    value = (value ^ value >> 13) * 0xC2B2AE35 & BITS_32
    return value ^ value >> 16


BITS_32 = 0xFFFF_FFFF


class Handler(NamedTuple):
    """What a program does with the signals of a topic."""

    handle: Callable[[HeardSignal], None]
    queue: str | None
    seat: str | None  # its place in the queue


class HeardTopic:
    """The signals of one topic: a socket, and the thread in which they are handled.

    So a slow handler holds up the signals of no other topic. While it handles one for longer than
    SILENCE_S, the others of its queue take its place.
    """

    def __init__(
        self, link: Link, name: str, counts: HeardSignals, seat_names: Iterator[str]
    ) -> None:
        self.name, self.counts = name, counts
        self._link, self._seat_names = link, seat_names
        self._echo_topic = ECHO_PREFIX + link.incarnation
        self._lock = threading.Lock()
        self._joining = threading.Lock()
        self._handlers: tuple[Handler, ...] = ()
        self._echoes: dict[int, Mapping[str, int]] = {}
        self._seats = Seats()
        self._own: dict[str, str] = {}  # seats of this program: queues by name
        self._awaited: dict[str, threading.Event] = {}  # of seats that come or go
        self._beat_at = 0.0
        self._ended = Flag()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        topics = (self.name, self._echo_topic, QUEUES_TOPIC)
        self._thread = self._link.hear(topics, self._hear, tick=self._tick, ended=self._ended)

    def close(self) -> None:
        self._ended.set()
        self.counts.end()

    @property
    def is_handling(self) -> bool:
        """Whether this is the thread in which its signals are handled."""
        return threading.current_thread() is self._thread

    def add(self, queue: str | None, handle: Callable[[HeardSignal], None]) -> Handler:
        """Gives signals to a handler from now on; with a queue those whose turn it is."""
        seat = None if queue is None else next(self._seat_names)
        handler = Handler(handle, queue, seat)
        if queue is None or seat is None:
            self._add(handler)
        else:
            self._join(handler, queue, seat)
        return handler

    def _add(self, handler: Handler) -> None:
        with self._lock:
            self._handlers += (handler,)

    def _join(self, handler: Handler, queue: str, seat: str) -> None:
        with self._joining:
            # Those that are there say so before this one takes its seat: it knows them all then.
            if not self._own:
                self._seats = Seats()  # what was heard long ago
            self._say(ask=True)
            time.sleep(SEATS_S)
            self._add(handler)
            known = self._await(seat)
            self._own[seat] = queue
            self.say_here()
            wait_until(known, [self._ended, self._link.stopping], threading.TIMEOUT_MAX)

    def remove(self, handler: Handler) -> None:
        self.leave(handler.seat)()
        with self._lock:
            self._handlers = tuple(each for each in self._handlers if each is not handler)

    def leave(self, *seats: str | None) -> Callable[[], None]:
        """Gives up these seats, by default all. What it returns waits until that is known."""
        with self._lock:
            leaving = {
                seat: self._own.pop(seat) for seat in seats or list(self._own) if seat in self._own
            }
        known = [self._await(seat) for seat in leaving]
        if leaving:
            self._say(gone=list(leaving))
        deadline = time.monotonic() + LEAVE_QUEUE_S

        def wait() -> None:
            for each in known:
                wait_until(each, [self._ended], deadline - time.monotonic())

        return wait

    def await_echo(self, sequence: int, totals: Mapping[str, int]) -> None:
        """Takes for lost what is missing of these totals when this echo has come."""
        with self._lock:
            self._echoes[sequence] = totals
            if len(self._echoes) > MOST_ECHOES:
                del self._echoes[next(iter(self._echoes))]

    def _hear(self, frames: list[bytes]) -> None:
        topic = topic_of(frames[0])
        if topic not in (self.name, self._echo_topic, QUEUES_TOPIC):
            return  # another one that begins alike
        signal = read_signal(frames)
        if signal is None:
            return
        if topic == QUEUES_TOPIC:
            self._hear_news(signal.content)
        elif topic == self._echo_topic:
            self._settle(signal.stamp)
        if topic == self.name:
            self._give(signal, frames[0])

    def _give(self, signal: HeardSignal, frame: bytes) -> None:
        stamp = signal.stamp
        if stamp is not None:
            self.counts.hear(*stamp, signal.header)
        # The same number at all subscribers.
        number = fnv(frame) if stamp is None else mix(hash_of(stamp[0]), stamp[1])
        for each in self._handlers:
            if each.queue is None or self._seats.turn_of(each.queue, number) == each.seat:
                each.handle(signal)

    def _settle(self, stamp: tuple[str, int] | None) -> None:
        _, sequence = stamp or ("", 0)
        with self._lock:
            totals = self._echoes.get(sequence, {})
            self._echoes = {n: each for n, each in self._echoes.items() if n > sequence}
        self.counts.settle(totals)

    def _hear_news(self, news: Any) -> None:
        """What the subscribers of queues say. Seats are changed in this thread alone."""
        here, gone = (dig(news).get(name) for name in ("here", "gone"))
        now = time.monotonic()
        for seat in here if isinstance(here, list) else ():
            if isinstance(seat, list) and len(seat) == 3 and seat[1] == self.name:
                self._seats.take(str(seat[0]), str(seat[2]), now)
                self._arrive(str(seat[0]))
        left = [str(name) for name in gone] if isinstance(gone, list) else []
        for name in left:
            self._seats.leave(name)
            self._arrive(name)
        # Another one took this program for gone, since it was silent for long.
        if any(name in self._own for name in left):
            self.say_here()

    def _await(self, seat: str) -> threading.Event:
        return self._awaited.setdefault(seat, threading.Event())

    def _arrive(self, seat: str) -> None:
        known = self._awaited.pop(seat, None)
        if known is not None:
            known.set()

    def _tick(self) -> None:
        now = time.monotonic()
        if not self._own or now - self._beat_at < SEAT_S:
            return
        # A handler has taken long: what the others said meanwhile has not been read yet.
        if now - self._beat_at > 2 * SEAT_S:
            self._seats.forgive(now)
        self._beat_at = now
        self.say_here()
        gone = [name for name in self._seats.silent_since(now - SILENCE_S) if name not in self._own]
        if gone:
            self._say(gone=gone)

    def say_here(self) -> None:
        """Says which seats this program has."""
        here = [[name, self.name, queue] for name, queue in list(self._own.items())]
        if here:
            self._say(here=here)

    def _say(self, ask: bool = False, here: Sequence[list] = (), gone: Sequence[str] = ()) -> None:
        content = {"ask": ask, "here": here, "gone": gone}
        # Where too many messages wait already: it is said again.
        with contextlib.suppress(BusError):
            self._link.post(QUEUES_TOPIC, {"header": {}, "content": content})


class SignalSubscriber:
    """Hears signals, and counts what is received and lost.

    What publishers state of their totals, and what subscribers of queues ask, arrives at a socket
    of its own: in a flood that of a topic may lose signals, and its handlers may take long.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.RLock()
        self._topics: dict[str, HeardTopic] = {}
        self._users: collections.Counter[str] = collections.Counter()
        self._counts: dict[str, HeardSignals] = {}
        self._seat_names = (f"{link.incarnation}.{n}" for n in itertools.count(1))
        self._settled_at = 0.0
        self._ended = Flag()

    def subscribe(
        self, topic: str, queue: str | None, handle: Callable[[HeardSignal], None]
    ) -> Callable[[], None]:
        """Returns when signals arrive. What it returns ends that."""
        with self._lock:
            if not self._counts:
                hear = functools.partial(self._link.hear, tick=self._settle, tick_s=SETTLE_S)
                hear([COUNTS_TOPIC, QUEUES_TOPIC], self._hear_others, ended=self._ended)
            heard = self._topics.get(topic) or self._open(topic)
            if queue is not None and heard.is_handling:
                text = f"a handler of {topic} can't subscribe to a queue of it in its own thread"
                raise BusError("ERR_USAGE", text)
            self._users[topic] += 1
        handler = heard.add(queue, handle)
        ended = threading.Event()

        def end() -> None:
            heard.remove(handler)
            with self._lock:
                self._users[topic] -= 1
                if not self._users[topic]:
                    self._topics.pop(topic, heard).close()

        def close() -> None:
            if ended.is_set():
                return
            ended.set()
            # The thread that handles can't wait until the others know.
            threading.Thread(target=end, daemon=True).start() if heard.is_handling else end()

        return close

    def heard(self) -> list[dict]:
        with self._lock:
            counts = list(self._counts.items())
        return [
            {"topic": topic, "publisher": publisher, "received": received, "lost": lost}
            for topic, each in counts
            for publisher, (received, lost) in each.counts().items()
        ]

    def leave(self) -> None:
        """Hears nothing further. The others of its queues know, or had a second for it."""
        with self._lock:
            topics = list(self._topics.values())
        for wait in [heard.leave() for heard in topics]:
            wait()
        for heard in topics:
            heard.close()
        self._ended.set()

    def _open(self, topic: str) -> HeardTopic:
        counts = self._counts.setdefault(topic, HeardSignals())
        heard = HeardTopic(self._link, topic, counts, self._seat_names)
        heard.open()
        self._topics[topic] = heard
        return heard

    def _hear_others(self, frames: list[bytes]) -> None:
        topic, said = topic_of(frames[0]), read_signal(frames)
        if said is None:
            return
        if topic == COUNTS_TOPIC:
            self._hear_totals(said)
        # Not in the threads of the topics: a handler may take longer than the one that asks waits.
        if topic == QUEUES_TOPIC and dig(said.content).get("ask") is True:
            for heard in list(self._topics.values()):
                heard.say_here()

    def _hear_totals(self, said: HeardSignal) -> None:
        if said.stamp is None:
            return
        publisher, is_last = publisher_in(said.header), dig(said.content).get("last") is True
        for topic, total in dig(said.content, "totals").items():
            heard = self._topics.get(topic)
            if heard is not None and isinstance(total, int):
                heard.counts.state(said.stamp[0], publisher, total, is_last)

    def _settle(self) -> None:
        """Finds out whether what was stated is lost or under way.

        What is sent now comes behind everything that was stated: once it is back, what is missing
        is lost. It may be lost itself, and is then sent again.
        """
        now = time.monotonic()
        if now - self._settled_at < SETTLE_S:
            return
        self._settled_at = now
        with self._lock:
            missing = [(heard, heard.counts.missing()) for heard in self._topics.values()]
        missing = [(heard, totals) for heard, totals in missing if totals]
        if not missing:
            return
        with contextlib.suppress(BusError):
            echo: dict = {"header": {}, "content": None}
            sequence = self._link.post(ECHO_PREFIX + self._link.incarnation, echo)
            for heard, totals in missing:
                heard.await_echo(sequence, totals)


class Signals:
    """The way of signals: the forwarder, which a task has and other programs are told of."""

    def __init__(
        self,
        src: str,
        header: Mapping[str, Any] | None = None,
        link: Link | Rehearsal | None = None,
    ) -> None:
        self.src = src
        self.endpoints: Callable[[], Mapping[str, str] | None] = lambda: None
        #: What old listeners look for in a header, and who publishes.
        self._header = {"action": "published", "src": src, **(header or {})}
        self._link, self._is_own = link, link is None
        self._lock = threading.Lock()
        self._publisher: SignalPublisher | None = None
        self._subscriber: SignalSubscriber | None = None
        #: Whether they pass a server, which this program reaches for events and calls alone.
        self.is_refused = False

    def publish(
        self, topic: str, content: Any, envelope: Mapping[str, Any], attachments: Sequence[bytes]
    ) -> None:
        self._assert_allowed()
        header = {**envelope, **self._header}
        if header["session_id"] == header["id"]:
            del header["session_id"]
        message = {"header": header, "content": content}
        link = self._open()
        if isinstance(link, Link):
            with self._lock:
                self._publisher = self._publisher or SignalPublisher(link, self._header)
            self._publisher.publish(topic, message, attachments)
        else:
            link.send(topic, message, attachments)

    def subscribe(
        self, topic: str, queue: str | None, handle: Callable[[HeardSignal], None]
    ) -> Callable[[], None]:
        self._assert_allowed()
        link = self._open()
        if not isinstance(link, Link):
            return link.subscribe(topic, handle)
        with self._lock:
            self._subscriber = self._subscriber or SignalSubscriber(link)
        return self._subscriber.subscribe(topic, queue, handle)

    def _assert_allowed(self) -> None:
        if self.is_refused:
            text = "services in Python have events and calls at a server, and no signals yet"
            raise BusError("ERR_ENGINE_UNFIT", text)

    def published(self) -> list[dict]:
        return self._publisher.published() if self._publisher else []

    def heard(self) -> list[dict]:
        return self._subscriber.heard() if self._subscriber else []

    def leave(self) -> None:
        if self._subscriber:
            self._subscriber.leave()

    def close(self) -> None:
        self.leave()
        if self._publisher:
            self._publisher.end()
        if self._is_own and isinstance(self._link, Link):
            self._link.close()

    def _open(self) -> Link | Rehearsal:
        with self._lock:
            if self._link is None:
                endpoints = self.endpoints()
                if endpoints is None:
                    raise BusError("ERR_ENGINE_UNFIT", "the broker names no forwarder for signals")
                link = Link(endpoints["publish"], endpoints["subscribe"], str(uuid.uuid4()))
                try:
                    link.open()
                except ConnectionError as error:
                    raise BusError("ERR_ENGINE_UNREACHABLE", f"signals: {error}") from error
                self._link = link
            return self._link


# What is handled


class Receipt(NamedTuple):
    """What is known of an event that was emitted."""

    id: str
    stored: str  # memory, file, sync or replicated: what it survives
    routed: bool  # whether a group exists that gets it


class Event:
    """An event, for its handler: a return is `ack`, an exception `reject`; or they are called."""

    def __init__(
        self, delivery: Delivery, payload: Mapping[str, Any], verdicts: Verdicts, bus: EventBus
    ) -> None:
        given, envelope = delivery.given, delivery.envelope
        #: A UUIDv7; the same on every attempt.
        self.id: str = envelope["id"]
        self.name: str = given["event"]
        self.group: str = given["group"]
        self.content: Any = payload.get("content")
        self.context: Any = payload.get("context")
        #: version, timestamp (when it was emitted, in ms of the epoch), session_id
        self.meta: dict = payload["meta"]
        self.headers: dict = envelope.get("headers") or {}
        #: context/service/instance of its sender.
        self.src: str = envelope["src"]
        #: 1 for the first time.
        self.attempt: int = given["attempt"]
        #: The bus that keeps the session and the trace of this event.
        self.bus = bus
        self.is_settled = False
        self._delivery, self._verdicts, self._lock = delivery, verdicts, threading.Lock()

    @property
    def is_taken(self) -> bool:
        """Whether others have got it, since this process was halted for too long."""
        return self._delivery.taken.is_set

    def emit(self, name: str, content: Any = None, **options: Any) -> Receipt:
        """Emits an event of the same session and trace. See EventBus.emit."""
        return self.bus.emit(name, content, **options)

    def ack(self) -> None:
        """Done: the group does not get it again."""
        self._settle({"verdict": "ack"})

    def reject(self, delay_s: float | None = None) -> None:
        """Again, no earlier than after this delay; by default after that of the retry policy."""
        self._settle(self._verdicts.again(Exception("rejected by its handler"), delay_s))

    def drop(self, reason: str = "dropped by its handler", dead_letter: bool = False) -> None:
        """Never again. It is counted, and kept among the dead letters only if asked for."""
        dropped = self._verdicts.dead("dropped", Exception(reason))
        self._settle(dropped if dead_letter else {"verdict": "drop"})

    def _settle(self, verdict: dict) -> None:
        with self._lock:
            if self.is_settled:
                text = f"event {self.name} ({self.id}) has been settled before"
                raise BusError("ERR_ALREADY_SETTLED", text)
            self.is_settled = True
        self._delivery.settle(**verdict)


class Verdicts:
    """What a group says of an event that it can't handle."""

    def __init__(self, retry: Retry, handler: str, attempt: int) -> None:
        self._retry, self._handler, self._attempt = retry, handler, attempt

    def again(self, error: BaseException, delay_s: float | None = None) -> dict:
        delay = self._retry.delay_after(self._attempt)
        if delay is None:
            return self.dead("attempts", error)
        return {"verdict": "again", "delayMs": (delay if delay_s is None else delay_s) * 1000}

    def dead(self, reason: str, error: BaseException) -> dict:
        failure = failure_of(error, with_stack=True)
        return {"verdict": "dead", "reason": reason, "failure": failure, "handler": self._handler}

    @property
    def is_last_over(self) -> bool:
        return self._attempt > self._retry.attempts


class Signal(NamedTuple):
    """What comes beside the content of a signal."""

    topic: str
    src: str  # context/service/instance of its publisher
    sent: int  # ms of the epoch; 0 from a publisher that does not say
    attachments: list[bytes]
    #: The bus that keeps the session and the trace of this signal.
    bus: EventBus


class Call(NamedTuple):
    """A call, for its method."""

    id: str
    method: str
    src: str  # context/service/instance of the caller
    headers: dict
    #: Set when the caller no longer waits.
    given_up: Flag
    #: The bus that keeps the deadline, the session and the trace of this call.
    bus: EventBus


def read_payload(claims: Claims, body: bytes, checks: tuple[Check, Check]) -> dict:
    """The body of an event; raises Unreadable."""
    try:
        payload = json.loads(claims.fetch(body))
    except BusError as error:
        raise Unreadable("claim", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("malformed", str(error)) from error
    if not isinstance(payload, dict):
        raise Unreadable("malformed", "the body of an event is a JSON object")
    if not isinstance(payload.get("event_name"), str) or not isinstance(payload.get("meta"), dict):
        raise Unreadable("malformed", "an event has event_name, content, context and meta")
    problem = misfit(checks, payload.get("content"), payload.get("context"))
    if problem is not None:
        raise Unreadable("schema", problem)
    return payload


class Unreadable(Exception):
    """An event that no attempt can help."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# The bus


class EventBus:
    """Talks with other services: events to groups, calls to methods, signals to all that listen.

    Every method may be called from any thread, and waits until what it says is so.
    """

    def __init__(
        self, member: Membership, lineage: Lineage | None = None, flags: Sequence[Flag] = ()
    ) -> None:
        self._member, self._lineage = member, lineage
        #: Those that end the waiting for an answer.
        self._flags = flags

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        token: str | None = None,
        *,
        context_file: str | os.PathLike[str] | None = None,
        src: str | None = None,
        timeout_s: float = 10.0,
    ) -> EventBus:
        """The bus for a program that is no task; raises BusError when no broker answers in time.

        :param url: of the broker, as `context-bus url` prints it; by default ZCONTEXT_BUS_URL.
        :param token: by default ZCONTEXT_BUS_TOKEN, or what is in the file beside the socket.
        :param context_file: of a context on this machine whose provider runs, in place of a URL.
        :param src: what messages name as their sender; by default program and pid.
        :raises BusError: ERR_USAGE without an address, ERR_PROVIDER_UNREACHABLE where no provider
            runs the file, ERR_REQUEST_TIMEOUT where it does not answer, ERR_ENGINE_UNREACHABLE,
            ERR_ENGINE_REFUSED, ERR_ENGINE_UNFIT for an engine on a server.
        """
        if context_file is not None:
            url = bus_of(os.fspath(context_file))
        url = url or os.environ.get("ZCONTEXT_BUS_URL") or ""
        name = src or f"/{os.path.basename(sys.argv[0])}/{os.getpid()}"
        member = join(url, token, Signals(name))
        try:
            if member.broker.wait_until_up(timeout_s):
                return cls(member)
            raise BusError("ERR_ENGINE_UNREACHABLE", f"no broker answers at {url} in {timeout_s} s")
        except BusError:
            member.close()
            raise

    @property
    def trouble(self) -> str | None:
        """Why nothing can be sent or received now; None while all is well."""
        return self._member.broker.trouble

    @property
    def signal_figures(self) -> dict:
        """What became of the signals that were published and heard here.

        `{"published": [{"topic": …, "published": 3}], "heard": [{"topic": …, "publisher": …,
        "received": 2, "lost": 1}]}`. A publisher is `context/service/instance`.
        """
        signals = self._member.signals
        return {"published": signals.published(), "heard": signals.heard()}

    def within(self, lineage: Lineage, given_up: Flag) -> EventBus:
        """The same bus for what follows from a message: it keeps session, trace and deadline."""
        return EventBus(self._member, lineage, [given_up, self._member.is_over])

    def without_deadline(self) -> EventBus:
        """The same bus for what goes on after an answer was given."""
        lineage = self._lineage and self._lineage._replace(deadline=None)
        return EventBus(self._member, lineage, [self._member.is_over])

    def set_schemata(
        self, contents: Mapping[str, Schema | None], context: Schema | None = None
    ) -> None:
        """Checks what is emitted from now on; raises BusError ERR_SCHEMA_INVALID.

        :param contents: a schema of the content for each event.
        :param context: a schema of the context of all of them.
        """
        for name, content in contents.items():
            checks = checks_of(name, {"content": content, "context": context})
            self._member.schemata[name] = checks

    def emit(
        self,
        name: str,
        content: Any = None,
        context: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        require_route: bool = False,
        ttl_s: float | None = None,
        session_id: str | None = None,
    ) -> Receipt:
        """Emits an event, and returns when it is stored.

        :param name: `domain.type`, such as `orders.created`.
        :param content: any JSON.
        :param context: any JSON; by default {}.
        :param require_route: wait until a group listens; ERR_EVENT_UNROUTED when none does in time.
        :param ttl_s: how long it is of use; it is a dead letter afterwards. By default for ever.
        :raises BusError: ERR_EVENT_NAME, ERR_EVENT_INVALID, ERR_EVENT_UNROUTED, ERR_OVERLOADED,
            ERR_MESSAGE_TOO_LARGE, ERR_ENGINE_UNREACHABLE. ValueError: what is not possible in JSON.
        """
        check_event_name(name)
        context = {} if context is None else context
        problem = misfit(self._member.schemata.get(name), content, context)
        if problem is not None:
            raise BusError("ERR_EVENT_INVALID", f"event {name}: {problem}")
        ttl_ms = None if ttl_s is None else ttl_s * 1000
        own = headers and dict(headers)
        more = {"ttl_ms": ttl_ms, "session_id": session_id, "headers": own}
        envelope = new_envelope(self._member.src, self._lineage, **more)
        meta = {"version": PAYLOAD_VERSION, "timestamp": envelope["sent"]}
        payload = {
            "event_name": name,
            "content": content,
            "context": context,
            "meta": {**meta, "session_id": envelope["session_id"]},
        }
        body = self._member.claims.check_in(to_json(f"event {name}", payload), EVENT_CLAIM_S)
        operation: dict = {"event": name, **({"requireRoute": True} if require_route else {})}
        broker = self._member.broker
        reply, _ = broker.emit(operation, envelope, body)
        return Receipt(envelope["id"], broker.welcome["stored"], reply["op"] == "done")

    def listen(
        self,
        name: str,
        group: str,
        handler: Callable[[Event], object],
        *,
        prefetch: int = 16,
        retry: Retry = DEFAULT_RETRY,
        content: Schema | None = None,
        context: Schema | None = None,
        handler_name: str | None = None,
    ) -> Subscription:
        """Handles the events of a name for a group; returns when the subscription is in force.

        A return is ack, an exception is another attempt by the retry policy.

        :param group: each group gets each event; within it, one member does.
        :param prefetch: how many events this member handles at a time, each in a thread of its own.
        :param content: a JSON Schema; an event that does not fit is a dead letter. So is `context`.
        """
        check_event_name(name)
        if not is_name(group):
            raise BusError("ERR_EVENT_NAME", f"group {group!r}: expected one word")
        known_as = str(handler_name or getattr(handler, "__qualname__", name))
        checks = checks_of(name, {"content": content, "context": context})
        workers = Workers(prefetch)

        def take(delivery: Delivery) -> None:
            verdicts = Verdicts(retry, known_as, delivery.given["attempt"])

            def work() -> None:
                if not delivery.taken.is_set:
                    self._handle(delivery, verdicts, checks, handler)

            def give_back() -> None:
                delivery.settle(**GIVEN_BACK)

            self._member.work(workers, work, give_back)

        self._member.broker.listen(name, group, prefetch, take)
        return Subscription(lambda: self._member.broker.unlisten(name, group))

    def _handle(
        self,
        delivery: Delivery,
        verdicts: Verdicts,
        checks: tuple[Check, Check],
        handler: Callable[[Event], object],
    ) -> None:
        envelope = delivery.envelope
        ttl_ms = envelope.get("ttl_ms")
        if ttl_ms is not None and envelope["sent"] + ttl_ms < time.time() * 1000:
            late = Exception(f"it was of use for {ttl_ms} ms")
            return delivery.settle(**verdicts.dead("expired", late))
        if verdicts.is_last_over:
            last = delivery.given["attempt"] - 1
            died = Exception(f"the member that had attempt {last} has died")
            return delivery.settle(**verdicts.dead("attempts", died))
        try:
            payload = read_payload(self._member.claims, delivery.body, checks)
        except Unreadable as error:
            return delivery.settle(**verdicts.dead(error.reason, error))
        bus = self.within(lineage_of(envelope), delivery.taken)
        event = Event(delivery, payload, verdicts, bus)
        try:
            handler(event)
            if not event.is_settled:
                event.ack()
        except Stopped:
            delivery.settle(**GIVEN_BACK)
        except (Exception, SystemExit) as error:
            print_error(f"event {event.name}", error)
            if not event.is_settled:
                if isinstance(error, NonRetryableError):
                    event._settle(verdicts.dead("not-retryable", error))
                else:
                    event._settle(verdicts.again(error))

    def call(
        self,
        name: str,
        params: Any = None,
        *,
        timeout_s: float = 10.0,
        idempotent: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Calls a method, and returns its result.

        :param name: `service.method`, such as `billing.get_invoice`.
        :param timeout_s: not longer than what is left of the call that is being handled.
        :param idempotent: whether it may be sent again when the instance that had it is lost.
        :raises CallError: with the code of the service, or ERR_SERVICE_UNKNOWN, ERR_METHOD_UNKNOWN,
            ERR_SERVICE_LOST, ERR_CALL_TIMEOUT, ERR_OVERLOADED, ERR_ENGINE_UNREACHABLE.
        """
        expected = "service.method, such as billing.get_invoice"
        service, method = split_name(name, "ERR_METHOD_UNKNOWN", expected)
        deadline = self._lineage.deadline if self._lineage else None
        budget_s = timeout_s if deadline is None else min(timeout_s, deadline - time.monotonic())
        if budget_s <= 0:
            text = f"{name}: the time for what is handled here is over"
            raise CallError(service, method, refusal("ERR_CALL_TIMEOUT", text))
        body = self._member.claims.check_in(to_json(f"params of {name}", params), SHORT_CLAIM_S)
        about = {"ttl_ms": budget_s * 1000, "headers": headers and dict(headers)}
        envelope = new_envelope(self._member.src, self._lineage, **about)
        operation = {"service": service, "method": method, "isIdempotent": idempotent}
        try:
            reply, result = self._member.broker.call(
                operation, envelope, body, budget_s, self._flags
            )
        except BusError as error:
            said = {"code": error.code, "message": f"{name}: {error}"}
            is_late = error.code == "ERR_CALL_TIMEOUT"
            failure = {**said, "retryable": not is_late, "executed": error.executed}
            raise CallError(service, method, failure) from None
        if reply["op"] == "failure":
            raise CallError(service, method, reply["failure"])
        return json.loads(self._member.claims.fetch(result))

    def serve(
        self,
        service: str,
        methods: Mapping[str, Callable[[Any, Call], Any]],
        *,
        params: Mapping[str, Schema | None] | None = None,
        threads: int = 16,
        with_stack: bool = False,
    ) -> Subscription:
        """Serves the methods of a service; returns when calls arrive.

        A method returns its result, any JSON, or raises ServiceError.

        :param params: a JSON Schema of the parameters, by method; others are ERR_PARAMS_INVALID.
        :param threads: how many calls are carried out at a time.
        :param with_stack: whether callers get the stack of an unexpected exception.
        """
        if not is_name(service) or "." in service:
            raise BusError("ERR_METHOD_UNKNOWN", f"service {service!r}: expected one word, no dot")
        schemata = params or {}
        own = {
            name: (handle, check_of(schemata.get(name), f"method {service}.{name}"))
            for name, handle in methods.items()
        }
        workers = Workers(threads)
        #: Answers to calls that may be sent again.
        known = Answers()

        def take(request: Request) -> None:
            served = own.get(request.given["method"])
            call_id = request.envelope["id"]

            def work() -> None:
                answer = known.once(call_id, lambda: self._answer(request, served, with_stack))
                self._member.broker.answer(request, answer)

            def refuse() -> None:
                self._member.broker.answer(request, stopped(request))

            self._member.work(workers, work, refuse)

        self._member.broker.serve(service, list(own), take)
        return Subscription(lambda: self._member.broker.unserve(service))

    def _answer(
        self,
        request: Request,
        served: tuple[Callable[[Any, Call], Any], Check] | None,
        with_stack: bool,
    ) -> Answer:
        given, envelope = request.given, request.envelope
        name = f"{given['service']}.{given['method']}"
        if served is None:
            return refusal("ERR_METHOD_UNKNOWN", f"there is no method {name}")
        handle, check = served
        try:
            params = json.loads(self._member.claims.fetch(request.body))
        except (BusError, ValueError, RecursionError) as error:
            return refusal("ERR_PARAMS_INVALID", f"{name}: {error}")
        problem = check(params)
        if problem is not None:
            return refusal("ERR_PARAMS_INVALID", f"{name}: {problem}")
        lineage = lineage_of(envelope)._replace(deadline=request.deadline)
        bus = self.within(lineage, request.given_up)
        headers = envelope.get("headers") or {}
        call_id, method, src = envelope["id"], given["method"], envelope["src"]
        try:
            result = handle(params, Call(call_id, method, src, headers, request.given_up, bus))
            return self._member.claims.check_in(to_json(f"result of {name}", result), SHORT_CLAIM_S)
        except Stopped:
            return {**stopped(request), "executed": "unknown"}
        except (Exception, SystemExit) as error:
            if not isinstance(error, ServiceError):
                print_error(name, error)
            return failure_of(error, with_stack)

    def publish(self, topic: str, content: Any, attachments: Sequence[bytes] = ()) -> None:
        """Publishes a signal, for all that subscribe at this moment. Does not wait.

        :param topic: one ASCII word.
        :param attachments: bytes that travel beside the content as they are, 8 MiB each at most.
        """
        body = to_json(f"signal {topic}", content)
        if len(body) > LARGEST_BODY:
            content = json.loads(self._member.claims.check_in(body, SHORT_CLAIM_S))
        envelope = new_envelope(self._member.src, self._lineage)
        self._member.signals.publish(topic, content, envelope, attachments)

    def subscribe(
        self, topic: str, handler: Callable[[Any, Signal], object], *, queue: str | None = None
    ) -> Subscription:
        """Hears the signals of a topic; returns when the subscription is in force.

        They are handled one after the other, in a thread for all that subscribe to the topic here.

        :param queue: each signal goes to one of the subscribers that name the same queue, in
            whatever program and language they are.
        """

        def handle(heard: HeardSignal) -> None:
            header, content = heard.header, heard.content
            try:
                if is_claim(content):
                    content = json.loads(self._member.claims.fetch(to_json("claim", content)))
                handler(content, self._signal(topic, header, heard.attachments))
            except Stopped:
                pass
            except (Exception, SystemExit) as error:
                print_error(f"signal {topic}", error)

        return Subscription(self._member.signals.subscribe(topic, queue, handle))

    def _signal(self, topic: str, header: Mapping[str, Any], attachments: list[bytes]) -> Signal:
        sent, session, trace = (header.get(name) for name in ("sent", "session_id", "traceparent"))
        lineage = Lineage(str(session or header.get("id") or uuid.uuid4()), str(trace or ""))
        bus = EventBus(self._member, lineage, [self._member.is_over])
        return Signal(topic, publisher_in(header), sent or 0, attachments, bus)

    def services(self) -> list[dict]:
        """Who serves what now: `[{"service": …, "methods": […], "instances": 2}]`."""
        return self._member.broker.services()

    def drain(self, seconds: float) -> bool:
        """Takes no more events and calls, and waits until those under way are settled.

        What is not settled in time is given back: others get it at once. Returns whether all was, and
        the broker has kept it.
        """
        return self._member.drain(seconds)

    def close(self) -> None:
        """Leaves the broker, which gives to others what is not settled here."""
        self._member.close()

    def __enter__(self) -> EventBus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


#: The bus for a program that is no task: see EventBus.connect.
connect = EventBus.connect


class Subscription:
    """A subscription in force."""

    def __init__(self, close: Callable[[], None]) -> None:
        #: Returns when nothing further arrives; what has arrived is still settled.
        self.close = close


class Answers:
    """The last answers, for calls that are sent again: a method runs once for each id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: collections.OrderedDict[str, Future[Answer]] = collections.OrderedDict()

    def once(self, name: str, work: Callable[[], Answer]) -> Answer:
        with self._lock:
            known = self._answers.get(name)
            answer = known or Future()
            self._answers[name] = answer
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        if known is None:
            answer.set_result(work())
        return answer.result()


#: What has not come to its end where its member leaves: others get it at once.
GIVEN_BACK = {"verdict": "again", "delayMs": 0}


def stopped(request: Request) -> dict:
    message = f"{request.given['service']}.{request.given['method']}: the service is stopping"
    return refusal("ERR_SERVICE_LOST", message, retryable=True)


class Membership:
    """What all buses of a program share: its connection, and what it is handling."""

    def __init__(self, broker: Broker, signals: Signals) -> None:
        self.broker, self.src, self.signals = broker, broker.src, signals
        self.claims = Claims(lambda: broker.welcome.get("claims"))
        #: What the content and the context of an event must look like that is emitted, by name.
        self.schemata: dict[str, tuple[Check, Check]] = {}
        self.has_left = False
        #: Set when there is no time left for what is handled.
        self.is_over = Flag()
        self._idle = threading.Condition()
        self._unsettled: dict[object, Callable[[], None]] = {}
        self._beside = 0

    def work(
        self, workers: Workers, work: Callable[[], None], give_back: Callable[[], None]
    ) -> None:
        """Does it in one of these threads, or gives it back when this member is leaving by then."""

        def do() -> None:
            with self._idle:
                has_left = self.has_left
                if not has_left:
                    self._unsettled[do] = give_back
            if has_left:
                return give_back()
            try:
                work()
            finally:
                with self._idle:
                    self._unsettled.pop(do, None)
                    self._idle.notify_all()

        workers.do(do)

    def hold(self, what: str, work: Callable[[], Any]) -> bool:
        """Does it in a thread of its own, which drain() waits for; not where there are too many."""

        def do() -> None:
            try:
                work()
            except Stopped:
                pass
            except (Exception, SystemExit) as error:
                print_error(what, error)
            finally:
                with self._idle:
                    self._beside -= 1
                    self._unsettled.pop(do, None)
                    self._idle.notify_all()

        with self._idle:
            if self._beside >= MOST_TAKEN:
                return False
            self._beside += 1
            self._unsettled[do] = lambda: None
        threading.Thread(target=do, daemon=True).start()
        return True

    def drain(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        with self._idle:
            self.has_left = True
        self.broker.leave()
        self.signals.leave()
        with self._idle:
            is_settled = self._idle.wait_for(lambda: not self._unsettled, seconds)
            late = list(self._unsettled.values())
        if late:
            many = f"{len(late)} handlers have not ended after {seconds:g} s"
            print(f"{many}: others get what they have", file=sys.stderr)
        for give_back in late:
            give_back()
        self.is_over.set()
        is_confirmed = self.broker.wait_until_confirmed(max(end - time.monotonic(), 0))
        return is_settled and is_confirmed

    def close(self) -> None:
        self.has_left = True
        self.is_over.set()
        self.signals.close()
        self.broker.close()


def join(url: str, token: str | None, signals: Signals) -> Membership:
    """Becomes a member of the broker, as soon as it can be reached."""
    if zmq is None:
        raise BusError("ERR_ENGINE_MISSING", f"{sys.executable} can't import zmq: {PYZMQ_HINT}")
    if not url:
        text = "expected the url of a broker or a context file: ZCONTEXT_BUS_URL is not set"
        raise BusError("ERR_USAGE", text)
    scheme = url.partition("://")[0]
    if scheme not in ("ipc", "tcp"):
        url, token = gateway_to(url)
        signals.is_refused = True
    known = token_for(url) if token is None else token
    broker = Broker(url, known, signals.src, HeardNews(signals.heard).take)
    signals.endpoints = lambda: broker.welcome.get("endpoints")
    return Membership(broker, signals)


def gateway_to(url: str) -> tuple[str, str]:
    """Where a task reaches a server: its provider has a process that speaks the broker's protocol."""
    gateway = os.environ.get("ZCONTEXT_BUS_GATEWAY")
    if gateway is None or os.environ.get("ZCONTEXT_BUS_URL") != url:
        scheme = url.partition("://")[0]  # not the whole url, which may have a password
        text = "programs in Python reach a server as tasks of a context, or not at all"
        raise BusError("ERR_ENGINE_UNFIT", f"{scheme}://…: {text}")
    return gateway, os.environ.get("ZCONTEXT_BUS_GATEWAY_TOKEN", "")


def token_for(url: str) -> str:
    """Of the environment, where that is for the same broker; else the file beside the socket."""
    token = os.environ.get("ZCONTEXT_BUS_TOKEN")
    if token is not None and os.environ.get("ZCONTEXT_BUS_URL") == url:
        return token
    path = os.path.join(os.path.dirname(url.partition("://")[2]), "token")
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        text = f"no broker is at {url}: its provider has ended"
        raise BusError("ERR_ENGINE_UNREACHABLE", text) from None
    except OSError as error:
        text = f"the token of {url} can't be read: {error}"
        raise BusError("ERR_ENGINE_REFUSED", text) from error


def lineage_of(envelope: Mapping[str, Any]) -> Lineage:
    return Lineage(envelope["session_id"], envelope["traceparent"])


def print_error(what: str, error: BaseException) -> None:
    """Prints what a handler has raised, in one piece."""
    print(f"{what}: {stack_of(error)}", end="", file=sys.stderr, flush=True)


def stack_of(error: BaseException) -> str:
    """The traceback, from where it leaves these modules."""
    frames, own = error.__traceback__, os.path.dirname(__file__)
    while frames is not None and os.path.dirname(frames.tb_frame.f_code.co_filename) == own:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


# Finding the provider of a context file


def bus_of(context_file: str) -> str:
    """The URL of the broker of a context on this machine; raises BusError."""
    presence = find_presence(context_file)
    url = dig(presence, "bus").get("url")
    if isinstance(url, str):
        return url
    why = "no provider runs it" if presence is None else "its provider has no broker"
    text = f"{context_file}: {why}; `service-context {context_file} --start` starts it"
    raise BusError("ERR_PROVIDER_UNREACHABLE", text)


def find_presence(context_file: str) -> dict | None:
    """What the provider of a file says of itself; None where none runs it.

    Each provider listens on a socket in the run folder of its user, and answers which file it runs.
    """
    sought = look_at(path_as_given(context_file))
    owners = {os.getuid(), 0}
    for path in (sought.path, os.path.dirname(sought.path)):
        with contextlib.suppress(OSError):
            owners.add(os.stat(path).st_uid)
    folders = list(run_folders())
    found = find_in([path for path, uid in folders if uid in owners], context_file, sought)
    # Any user can claim to run a file. Only root, who may look after all users, takes the word of
    # a stranger.
    if found is None and os.getuid() == 0:
        found = find_in([path for path, uid in folders if uid not in owners], context_file, sought)
    return found


class Sought(NamedTuple):
    """A context file, as it is seen now."""

    path: str
    names: list[
        str
    ]  # folder, by device and inode, and name: as the path has them, and where links lead
    file: str  # device and inode; empty where there is none


def look_at(path: str) -> Sought:
    names = []
    for each in (path, os.path.realpath(path) if os.path.exists(path) else path):
        folder = identity_of(os.path.dirname(each))
        name = f"{folder}/{os.path.basename(each)}"
        if folder and name not in names:
            names.append(name)
    return Sought(path, names, identity_of(path))


def identity_of(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"


def path_as_given(file: str) -> str:
    """The absolute path as a person means it: a shell names a folder by the link that led there."""
    if os.path.isabs(file):
        return file
    here, shell = os.getcwd(), os.environ.get("PWD", "")
    is_here = os.path.isabs(shell) and identity_of(shell) == identity_of(here)
    return f"{shell if is_here else here}/{file}"


def run_folders() -> Iterator[tuple[str, int]]:
    """The folders of all users in which providers listen, and their users."""
    for place in ("/dev/shm", "/tmp") if sys.platform == "linux" else (tempfile.gettempdir(),):
        with contextlib.suppress(OSError):
            for entry in os.scandir(place):
                found = entry.stat(follow_symlinks=False)
                own = f"zcontext-{found.st_uid}"
                is_own = entry.name == own or entry.name.startswith(f"{own}-")
                # Not what somebody has made under the name of another, or could have written to.
                if is_own and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022:
                    yield entry.path, found.st_uid


def find_in(folders: Sequence[str], context_file: str, sought: Sought) -> dict | None:
    """Asks all providers in these folders, and takes the nearest answer."""
    sockets = []
    for folder in folders:
        with contextlib.suppress(OSError):
            sockets += [os.path.join(folder, name) for name in os.listdir(folder)]
    if not sockets:
        return None
    with ThreadPoolExecutor(min(len(sockets), 16)) as threads:
        answers = list(threads.map(ask_presence, sockets))
    kinships = [kinship_of(dig(answer, "claim"), sought) for answer in answers]
    for kinship in ("same path", "same file"):
        if kinship in kinships:
            return dig(answers[kinships.index(kinship)], "presence")
    keys = {hashlib.sha256(name.encode()).hexdigest()[:32] for name in sought.names}
    if any(
        answer is None and os.path.basename(path) in keys for path, answer in zip(sockets, answers)
    ):
        text = f"the provider of {context_file} does not answer within {PRESENCE_S} s"
        raise BusError("ERR_REQUEST_TIMEOUT", f"{text}: it is halted or overloaded")
    return None


def ask_presence(path: str) -> dict | None:
    """What listens at this path; None where it does not answer, and {} where nobody is."""
    deadline, answer = time.monotonic() + PRESENCE_S, b""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(PRESENCE_S)
        try:
            asking.connect(path)
        except (BlockingIOError, socket.timeout):
            return None  # connections that it has not accepted
        except OSError:
            return {}
        try:
            for part in iter(lambda: asking.recv(65_536), b""):
                answer += part
                asking.settimeout(max(0.001, deadline - time.monotonic()))
            said = json.loads(answer)
        except (OSError, ValueError):
            return None
    return said if isinstance(said, dict) else None


def kinship_of(claim: dict, sought: Sought) -> str:
    """What the file of a provider is to the one that is sought: none, same file or same path.

    A path alone does not tell: a link is switched, a folder is moved, and another container has
    another file at the same path. Device and inode of the folder are the same for everybody; those
    of the file change whenever an editor saves it.
    """
    first, now, path = dig(claim, "first"), dig(claim, "now"), claim.get("path")
    is_same_path = isinstance(path, str) and os.path.normpath(path) == os.path.normpath(sought.path)
    known = [*(first.get("names") or ()), *(now.get("names") or ())]
    if any(name in known for name in sought.names):
        return "same path" if is_same_path else "same file"
    # The whole folder is gone, for both.
    if (
        is_same_path
        and not sought.names
        and not now.get("names")
        and claim.get("mounts") == mounts()
    ):
        return "same path"
    # It was renamed, or moved elsewhere. Where it is still at its place, this is a hard link.
    was_moved = sought.file and first.get("file") == sought.file != now.get("file")
    return "same file" if was_moved else "none"


def mounts() -> str:
    """The mount namespace; empty where the system has none."""
    try:
        return os.readlink("/proc/self/ns/mnt")
    except OSError:
        return ""


# Health


class Health:
    """Serves `GET /_health`: 200 and null, or 503 and why the service does not take what is sent.
    And `GET /metrics`: the figures of its streams.

    At `health_port` (0: any) and `health_host` (this machine by default) of the configuration.
    """

    def __init__(
        self, configuration: dict, link: Link, bus: TaskBus, metrics: Callable[[], str]
    ) -> None:
        self._link, self._bus, self._metrics = link, bus, metrics
        self._taken: tuple[Sequence[str], str] | None = None
        host, port = health_address(configuration)
        self.url = (
            f"http://{f'[{host}]' if ':' in host else host}:{self._serve(host, port)}/_health"
        )

    def started(self, events: Sequence[str], group: str) -> None:
        """From now on it takes these events, for this group."""
        self._taken = (events, group)

    def _serve(self, host: str, port: int) -> int:
        # Loaded here: few services need it.
        import http.server
        import socketserver

        health = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = HEALTH_IDLE_S

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    return self._send(200, METRICS_TYPE, health._metrics().encode())
                if path != "/_health":
                    return self._answer(404, ["expected /_health or /metrics"])
                reasons = health._reasons()
                self._answer(503 if reasons else 200, reasons)

            do_HEAD = do_GET

            def _refuse(self) -> None:
                self._answer(405, ["expected GET"])

            do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse

            def _answer(self, status: int, reasons: list[str]) -> None:
                body = to_json("health", {"reasons": reasons} if reasons else None)
                self._send(status, "application/json; charset=utf-8", body)

            def _send(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("cache-control", "no-store")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Whoever asks each second must not fill the log."""

        try:
            server = Server((host, port), Handler)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "another process has it" if taken else error.strerror or str(error)
            text = f"health_port: can't listen on {host}:{port}: {why}"
            raise BusError("ERR_ENDPOINT_IN_USE", text) from error
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    def _reasons(self) -> list[str]:
        if self._link.is_stopping:
            return ["the service is stopping"]
        if self._taken is None:
            return ["the service has not started yet"]
        if not self._bus.is_used:
            return []
        try:
            problems = self._bus.problems(*self._taken)
        except BusError as error:
            problems = [str(error)]
        return problems


def health_address(configuration: dict) -> tuple[str, int]:
    port, host = configuration.get("health_port", ""), configuration.get("health_host", "127.0.0.1")
    if not re.fullmatch("[0-9]{1,5}", str(port)) or int(port) > LARGEST_PORT:
        text = f"health_port: expected 0 to {LARGEST_PORT}, got {json.dumps(port)}"
        raise BusError("ERR_CONFIG_INVALID", text)
    if not isinstance(host, str) or not host:
        text = f"health_host: expected an address, got {json.dumps(host)}"
        raise BusError("ERR_CONFIG_INVALID", text)
    return host, int(port)


# One run


class TaskBus:
    """The bus of a task, which connects when it is first used."""

    def __init__(self, link: Link, env: Mapping[str, str]) -> None:
        self._link, self._lock = link, threading.Lock()
        self._bus: EventBus | None = None
        self._is_used = False
        about = ("ZCONTEXT_CONTEXT_ID", "ZCONTEXT_SERVICE_NAME", "ZCONTEXT_SERVICE_ID")
        self._src = "/".join(env[name] for name in about)
        self._header = {
            "service_id": env["ZCONTEXT_SERVICE_ID"],
            "service_name": env["ZCONTEXT_SERVICE_NAME"],
            "service_transaction": env["ZCONTEXT_TRANSACTION"],
        }
        self._url = env.get("ZCONTEXT_BUS_URL", "")
        self._token = env.get("ZCONTEXT_BUS_TOKEN", "")
        #: How long the task has to stop, in seconds.
        self.grace_s = float(env.get("ZCONTEXT_GRACE_S", DEFAULT_GRACE_S))

    def open(self) -> EventBus:
        """Waits until the broker is there; raises Stopped when the task is told to stop."""
        self._is_used = True
        with self._lock:
            if self._bus is not None:
                return self._bus
            signals = Signals(self._src, self._header, self._link)
            member = join(self._url, self._token, signals)
            try:
                while not member.broker.wait_until_up(PATIENCE_S, [self._link.stopping]):
                    if self._link.is_stopping:
                        raise Stopped
                    print(f"waits for the broker at {self._url}", file=sys.stderr)
            except BaseException:
                member.close()
                raise
            self._bus = EventBus(member, flags=[self._link.stopping])
            return self._bus

    @property
    def is_used(self) -> bool:
        return self._is_used

    def problems(self, events: Sequence[str], group: str) -> list[str]:
        """Why nothing is taken: the broker is away, is silent, or gives this group nothing."""
        if self._bus is None:
            return ["its messages: not connected yet"]
        trouble, broker = self._bus.trouble, self._bus._member.broker
        if trouble is not None:
            return [f"its messages: {trouble}"]
        queues = broker.queues(HEALTH_S)
        if queues is None:
            return [f"its messages: no answer from the broker within {HEALTH_S * 1000} ms"]
        ours = {each["event"]: each for each in queues if each["group"] == group}
        return [
            problem for name in events for problem in queue_problems(name, group, ours.get(name))
        ]

    def drain(self) -> None:
        """Lets handlers end, within half of the time that the task has to stop."""
        if self._bus is not None:
            self._bus.drain(self.grace_s / 2)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()


def queue_problems(name: str, group: str, queue: dict | None) -> list[str]:
    if queue is None or queue["members"] == 0:
        return [f"group {group} has no member that takes {name}"]
    stalled, ready = queue.get("stalled_s"), queue["ready"]
    if stalled is None:
        return []
    return [f"group {group} has settled no {name} for {stalled} s, though {ready} wait"]


def run_service(service: Service, link: Link, scope: Scope, bus: TaskBus) -> int:
    """Announces that the task has started, runs it, and returns the exit code.

    The end is told to the provider alone, which announces it once the process is gone.
    """
    pid, fault = {"pid": os.getpid()}, {}
    try:
        task = load_task(service)
        has_handlers = uses_bus(task)
        fault = {"code": START_FAULT}
        streams = make_streams(task, scope, link)
        health = open_health(scope, link, bus, streams)
        if has_handlers:
            open_handlers(task, scope)
        if streams is not None:
            streams.start()
            scope.log(f"consuming {streams.describe()}")
    except Stopped:
        scope._announce("ending", "success", {}, topic="~ending")
        return 0
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        scope._announce("started", "failure", {**pid, **fault, "reason": reason_of(error)})
        return 1
    served = {}
    if health is not None:
        events = [each.name for each, _ in handlers_of(task) if each.kind == "event"]
        health.started(events, getattr(task, "group", scope.service_name))
        served = {"health_url": health.url}
    scope._announce("started", "success", {**pid, **served})
    try:
        work(task, scope)
    except SystemExit as error:  # Stopped is one, without a code
        if error.code:
            link.crash(error)
    except Exception as error:
        link.crash(error)
    if streams is not None:
        streams.stop(bus.grace_s / 2)  # its handlers may still use the bus
    leave(task, scope, bus, has_handlers)
    failure = {} if link.error is None else {"reason": reason_of(link.error)}
    scope._announce("ending", "failure" if failure else "success", failure, topic="~ending")
    return 1 if failure or link.has_failed else 0


def open_health(scope: Scope, link: Link, bus: TaskBus, streams: Any) -> Health | None:
    """Serves the health of the task where its configuration asks for that."""
    if "health_port" not in scope.configuration:
        return None
    metrics = (lambda: "") if streams is None else streams.counts.metrics
    health = Health(scope.configuration, link, bus, metrics)
    scope.log(f"health at {health.url}")
    return health


def work(task: Any, scope: Scope) -> None:
    if not hasattr(task, "run"):
        scope.sleep(threading.TIMEOUT_MAX)
    while not scope.is_stopping:
        task.run(scope)
        if task.kind == "single":
            return
        time.sleep(0.001)  # a run() that never waits must not flood the provider


def leave(task: Any, scope: Scope, bus: TaskBus, has_handlers: bool) -> None:
    """Lets handlers end, then the task itself."""
    bus.drain()
    try:
        if has_handlers and callable(getattr(task, "stop", None)):
            scope._flags = ()  # it may still sleep
            task.stop(scope)
    except (Exception, SystemExit) as error:
        print_error("stop()", error)
    bus.close()


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
        print(f"{program}: {sys.executable} can't import zmq: {PYZMQ_HINT}", file=sys.stderr)
        return 1

    link = Link(env["ZCONTEXT_PUBLISH"], env["ZCONTEXT_SUBSCRIBE"], env["ZCONTEXT_INCARNATION"])
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    take_signals(orders)
    end_threads_quietly()
    threading.Thread(target=watch, args=(link, orders, provider), daemon=True).start()
    bus = TaskBus(link, env)
    scope = Scope(link, env, bus.open)

    def obey(message: dict) -> None:
        if is_stop(message, scope):
            orders.put("stop")

    try:
        link.open()
        link.listen(env["ZCONTEXT_TOPIC"], obey)
        code = run_service(service, link, scope, bus)
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
    # Python takes its handlers away before it ends: a signal at that moment would be the end.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    return code
