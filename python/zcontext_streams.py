"""Consumers of queues for services in Python: what zcontext loads for a task that declares some.

A protocol takes messages, has them handled, and ends in order: HTTPHandler by the standard library,
RMQIOHandler by pika (apt-get install python3-pika), ZMQHandler by the bus of the task. Streams
starts those of a task and counts what becomes of messages. docs/streams.md has what each promises.
"""

from __future__ import annotations

import collections
import http.server
import json
import os
import queue
import re
import socket
import socketserver
import sys
import threading
import time
from typing import Any, Callable, NamedTuple
from urllib.parse import unquote

from zcontext import LARGEST_PORT, BusError, EventBus, print_error, reason_of

PIKA_HINT = "apt-get install python3-pika, or pip install pika"
LARGEST_BODY = 8 * 1024 * 1024  # bytes
MOST_DISCARDED = 64 * 1024 * 1024  # bytes of a body that is too long
MOST_WAITING, MOST_BYTES = 10_000, 256 * 1024 * 1024  # for the handlers of a queue
REQUEST_S = 30  # for a client to send a request, or the next one
LOOK_S = 0.2  # between looks whether the task is told to stop
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15  # between attempts to reach a server
TELL_S = 1  # how long counts are gathered
OUTCOMES = ("sent", "unsent", "accepted", "refused", "handled", "failed")
GROUP = "streams"  # of all consumers on the bus
#: Protocols of TypeScript that there is no client for, or no use.
ABSENT = {
    "KafkaHandler": "Debian has no client of Kafka for Python that this could use",
    "NATSHandler": "Debian has no client of NATS for Python; ZMQHandler reaches the engine of the context, NATS or not",
    "AsyncIOHandler": "nothing else in the process of a Python service sends to it",
}

#: Handles one message; what it raises depends on the protocol.
Handle = Callable[[Any], Any]


class Stream(NamedTuple):
    """A queue that a task consumes."""

    queue: str
    protocol: str
    concurrency: int
    handle: Handle


class Place(NamedTuple):
    """What the protocols of a task work with."""

    configuration: dict
    open_bus: Callable[[], EventBus]
    is_leaving: Callable[[], bool]
    counts: Counts


class Counts:
    """What becomes of messages, by queue and protocol; told a moment after it changes."""

    def __init__(self, tell: Callable[[list[dict]], None]) -> None:
        self._tell, self._lock = tell, threading.Lock()
        self._figures: dict[tuple[str, str], dict[str, int]] = {}
        self._timer: threading.Timer | None = None

    def add(self, stream: Stream, outcome: str) -> None:
        with self._lock:
            key = (stream.queue, stream.protocol)
            figures = self._figures.setdefault(key, dict.fromkeys(OUTCOMES, 0))
            figures[outcome] += 1
            if self._timer is None:
                self._timer = threading.Timer(TELL_S, self._say)
                self._timer.daemon = True
                self._timer.start()

    def figures(self) -> list[dict]:
        with self._lock:
            return [
                {"queue": name, "protocol": protocol, **figures}
                for (name, protocol), figures in self._figures.items()
            ]

    def metrics(self) -> str:
        """The same in the text format of Prometheus. Names of queues need no escape."""
        name = "zcontext_stream_messages_total"
        lines = [
            f"# HELP {name} Messages of a queue by protocol and by what became of them.",
            f"# TYPE {name} counter",
        ]
        for each in self.figures():
            about = f'queue="{each["queue"]}",protocol="{each["protocol"]}"'
            lines += [f'{name}{{{about},outcome="{word}"}} {each[word]}' for word in OUTCOMES]
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def _say(self) -> None:
        with self._lock:
            self._timer = None
        self._tell(self.figures())


def handled(stream: Stream, place: Place, message: Any) -> BaseException | None:
    """Has a message handled, and counts and prints what its handler raises."""
    try:
        stream.handle(message)
    except (Exception, SystemExit) as error:
        place.counts.add(stream, "failed")
        print_error(f"stream {stream.queue}", error)
        return error
    place.counts.add(stream, "handled")
    return None


class Intake:
    """Messages that were accepted, and the threads that have them handled."""

    def __init__(self, stream: Stream, place: Place) -> None:
        self._stream, self._place = stream, place
        self._changed = threading.Condition()
        self._waiting: collections.deque[tuple[Any, int]] = collections.deque()
        self._bytes = self._running = 0
        for _ in range(stream.concurrency):
            threading.Thread(target=self._work, daemon=True).start()

    def add(self, message: Any, size: int) -> bool:
        """False where there is no room for it."""
        with self._changed:
            is_full = self._waiting and self._bytes + size > MOST_BYTES
            if is_full or len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append((message, size))
            self._bytes += size
            self._changed.notify_all()
        return True

    def drain(self, seconds: float) -> int:
        """Waits until all is handled; returns how many messages are not."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._waiting or self._running), seconds)
            return len(self._waiting) + self._running

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                message, size = self._waiting.popleft()
                self._bytes -= size
                self._running += 1
            try:
                handled(self._stream, self._place, message)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()


class HttpProtocol:
    """POST /<queue>: 202 once the message is with the queue of its handler."""

    def __init__(self, streams: list[Stream], place: Place) -> None:
        self._place = place
        self._streams = {each.queue: each for each in streams}
        self._intakes = {each.queue: Intake(each, place) for each in streams}
        self._server = self._listen(*address_of(place.configuration))

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(LOOK_S,), daemon=True).start()

    def stop(self, seconds: float) -> None:
        self._server.shutdown()
        self._server.server_close()
        until = time.monotonic() + seconds
        for name, intake in self._intakes.items():
            left = intake.drain(max(0, until - time.monotonic()))
            if left > 0:
                text = f"stream {name}: {left} messages that were accepted have not been handled"
                print(text, file=sys.stderr)

    def _listen(self, host: str, port: int) -> socketserver.TCPServer:
        protocol = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            block_on_close = False
            request_queue_size = 128
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = REQUEST_S

            def _take(self) -> None:
                status, problem, headers = protocol._answer(self)
                body = b"" if problem is None else json.dumps({"error": problem}).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if body:
                    self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _take

            def log_message(self, *_: object) -> None:
                """Each message must not be a line of the log."""

        try:
            return Server((host, port), Handler)
        except OSError as error:
            text = f"{host}:{port}: {error.strerror or error}"
            raise BusError("ERR_ENDPOINT_IN_USE", text) from error

    def _answer(self, request: Any) -> tuple[int, str | None, dict]:
        name = unquote(request.path.partition("?")[0])[1:]
        stream = self._streams.get(name)
        close = {"connection": "close"}  # what was not read is no further request
        if stream is None:
            return 404, f"no queue {name}; have {', '.join(self._streams)}", close
        if request.command != "POST":
            return 405, f"queue {name} takes POST, not {request.command}", {**close, "allow": "POST"}
        answer = self._accept(name, request, close)
        self._place.counts.add(stream, "accepted" if answer[0] == 202 else "refused")
        return answer

    def _accept(self, name: str, request: Any, close: dict) -> tuple[int, str | None, dict]:
        try:
            body = read_body(request)
        except socket.timeout:
            return 408, f"the body did not come within {REQUEST_S} s", close
        except ValueError as error:
            return 400, str(error), close
        if body is None:
            return 413, f"the body has more than {LARGEST_BODY} bytes", close
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            return 400, f"the body is no JSON: {error}", {}
        if not self._intakes[name].add(message, len(body)):
            return 503, f"queue {name} is full", {"retry-after": "1"}
        return 202, None, {}


def read_body(request: Any) -> bytes | None:
    """None where it is too long. Raises ValueError for a length that is none."""
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        return read_chunks(request.rfile)
    length = request.headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,18}", length):
        raise ValueError(f"content-length {length[:30]}: expected a number")
    size = int(length)
    if size > LARGEST_BODY:
        discard(request.rfile, min(size, MOST_DISCARDED))
        return None
    body = request.rfile.read(size)
    if len(body) < size:
        raise ValueError(f"the body has {len(body)} of {size} bytes")
    return body


def discard(stream: Any, size: int) -> None:
    """Reads what is not wanted: a client that is cut off while it sends never reads the answer."""
    while size > 0:
        chunk = stream.read(min(size, 65_536))
        if not chunk:
            return
        size -= len(chunk)


def read_chunks(stream: Any) -> bytes | None:
    body = bytearray()
    while True:
        line = stream.readline(100).partition(b";")[0].strip()
        if not re.fullmatch(b"[0-9A-Fa-f]{1,8}", line):
            raise ValueError("the body: expected the length of a chunk")
        size = int(line, 16)
        if len(body) + size > LARGEST_BODY:
            return None
        chunk = stream.read(size)
        if len(chunk) < size:
            raise ValueError("the body ends within a chunk")
        body += chunk
        stream.readline(100)
        if size == 0:
            return bytes(body)


def address_of(configuration: dict) -> tuple[str, int]:
    port = configuration.get("http_port", os.environ.get("HTTP_PORT", "9000"))
    host = configuration.get("http_host", "127.0.0.1")
    if not re.fullmatch("[0-9]{1,5}", str(port)) or int(port) > LARGEST_PORT:
        text = f"http_port: expected 0 to {LARGEST_PORT}, got {json.dumps(port)}"
        raise BusError("ERR_CONFIG_INVALID", text)
    return host, int(port)


class RabbitmqProtocol:
    """The durable queue of the name: acknowledged once handled, and rejected where a handler fails."""

    def __init__(self, streams: list[Stream], place: Place) -> None:
        try:
            import pika
        except ImportError:
            text = f"protocol RMQIOHandler: {sys.executable} can't import pika: {PIKA_HINT}"
            raise BusError("ERR_ENGINE_MISSING", text) from None
        self._pika, self._place = pika, place
        self._consumers = [RabbitmqConsumer(each, place, pika) for each in streams]

    def start(self) -> None:
        for each in self._consumers:
            each.start()

    def stop(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for each in self._consumers:
            each.stop(max(0, until - time.monotonic()))


class RabbitmqConsumer:
    """One queue, in a thread with a connection of its own, which it makes again when it is lost."""

    def __init__(self, stream: Stream, place: Place, pika: Any) -> None:
        self._stream, self._place, self._pika = stream, place, pika
        self._is_consuming, self._is_leaving = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._work: queue.SimpleQueue = queue.SimpleQueue()
        self._under_way = 0
        self._refusal: BaseException | None = None

    def start(self) -> None:
        """Returns when messages arrive, or the task is told to stop."""
        for _ in range(self._stream.concurrency):
            threading.Thread(target=self._handle, daemon=True).start()
        self._thread.start()
        while not self._is_consuming.wait(LOOK_S):
            if self._place.is_leaving():
                return
            if self._refusal is not None:
                raise self._refusal

    def stop(self, seconds: float) -> None:
        self._is_leaving.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._is_leaving.is_set():
            try:
                self._consume()
                return
            except (self._pika.exceptions.AMQPError, OSError) as error:
                if isinstance(error, self._pika.exceptions.ProbableAuthenticationError):
                    text = f"{self._host}: the server refuses the user: {reason_of(error)}"
                    self._refusal = BusError("ERR_ENGINE_REFUSED", text)
                    return
                reason = reason_of(error) or type(error).__name__
                text = f"queue {self._stream.queue} over RMQIOHandler waits: {self._host}: {reason}"
                print(text, file=sys.stderr)
            pause = FIRST_PAUSE_S if self._is_consuming.is_set() else min(2 * pause, LONGEST_PAUSE_S)
            self._is_leaving.wait(pause)

    @property
    def _host(self) -> str:
        return os.environ.get("RMQ_HOST", "127.0.0.1")

    def _parameters(self) -> Any:
        host, _, port = self._host.partition(":")
        env = os.environ.get
        login = self._pika.PlainCredentials(env("RMQ_USER", "guest"), env("RMQ_PASS", "guest"))
        return self._pika.ConnectionParameters(
            host=host,
            port=int(port or env("RMQ_PORT", "5672")),
            virtual_host=env("RMQ_VHOST", "/"),
            credentials=login,
        )

    def _consume(self) -> None:
        stream = self._stream
        connection = self._pika.BlockingConnection(self._parameters())
        try:
            channel = self._declare(connection)
            channel.basic_qos(prefetch_count=stream.concurrency)
            tag = channel.basic_consume(
                stream.queue, lambda *given: self._take(connection, *given)
            )
            self._is_consuming.set()
            while not self._is_leaving.is_set():
                connection.process_data_events(LOOK_S)
            channel.basic_cancel(tag)
            while self._under_way > 0:
                connection.process_data_events(LOOK_S)
        finally:
            if connection.is_open:
                connection.close()

    def _declare(self, connection: Any) -> Any:
        """A queue that another program has declared in its own way is used as it is."""
        channel = connection.channel()
        try:
            channel.queue_declare(self._stream.queue, passive=True)
            return channel
        except self._pika.exceptions.ChannelClosedByBroker:
            channel = connection.channel()
            channel.queue_declare(self._stream.queue, durable=True)
            return channel

    def _take(self, connection: Any, channel: Any, method: Any, _: Any, body: bytes) -> None:
        tag = method.delivery_tag
        try:
            message = json.loads(body)
        except ValueError as error:
            self._place.counts.add(self._stream, "refused")
            print_error(f"stream {self._stream.queue}", error)
            channel.basic_reject(tag, requeue=False)
            return
        self._place.counts.add(self._stream, "accepted")
        self._under_way += 1
        self._work.put((connection, channel, tag, message))

    def _handle(self) -> None:
        while True:
            connection, channel, tag, message = self._work.get()
            error = handled(self._stream, self._place, message)
            settle = lambda: self._settle(channel, tag, error)  # noqa: E731
            try:
                connection.add_callback_threadsafe(settle)
            except self._pika.exceptions.AMQPError:  # the server has given it to another consumer
                self._under_way -= 1

    def _settle(self, channel: Any, tag: int, error: BaseException | None) -> None:
        self._under_way -= 1
        if not channel.is_open:
            return
        if error is None:
            channel.basic_ack(tag)
        else:
            channel.basic_reject(tag, requeue=False)


class BusProtocol:
    """The event streams.<queue> on the engine of the context: what fails comes back, six times."""

    def __init__(self, streams: list[Stream], place: Place) -> None:
        self._streams, self._place = streams, place

    def start(self) -> None:
        bus = self._place.open_bus()
        for each in self._streams:
            bus.listen(
                f"streams.{each.queue}",
                GROUP,
                self._listener(each),
                prefetch=each.concurrency,
                handler_name=each.queue,
            )

    def stop(self, seconds: float) -> None:
        """The bus of the task is drained with its other handlers."""

    def _listener(self, stream: Stream) -> Callable[[Any], None]:
        def listen(event: Any) -> None:
            counts = self._place.counts
            if event.attempt == 1:
                counts.add(stream, "accepted")
            try:
                stream.handle(event.content)
            except (Exception, SystemExit):  # the bus prints it
                counts.add(stream, "failed")
                raise
            counts.add(stream, "handled")

        return listen


PROTOCOLS = {"HTTPHandler": HttpProtocol, "RMQIOHandler": RabbitmqProtocol, "ZMQHandler": BusProtocol}


class Streams:
    """The consumers of a task."""

    def __init__(self, streams: list[Stream], place: Place) -> None:
        names = sorted({each.protocol for each in streams})
        self.counts, self._streams = place.counts, streams
        self._protocols = [
            PROTOCOLS[name]([each for each in streams if each.protocol == name], place)
            for name in names
        ]

    def start(self) -> None:
        for each in self._protocols:
            each.start()

    def describe(self) -> str:
        return ", ".join(f"{each.queue} over {each.protocol}" for each in self._streams)

    def stop(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for each in self._protocols:
            each.stop(max(0, until - time.monotonic()))
        self.counts.close()


def assert_protocol(name: object) -> str:
    """Raises BusError where services in Python have no such protocol."""
    if isinstance(name, str) and name in PROTOCOLS:
        return name
    have = ", ".join(PROTOCOLS)
    if name is None:
        hint = "name it in @stream(queue, protocol=…), or as <protocol> in the <configuration>"
        raise BusError("ERR_USAGE", f"no protocol is named: {hint}; have {have}")
    why = ABSENT.get(str(name))
    reason = "" if why is None else f": {why}"
    text = f"no consumer in Python for the protocol {json.dumps(name)}{reason}; have {have}"
    raise BusError("ERR_PROTOCOL_UNKNOWN", text)
