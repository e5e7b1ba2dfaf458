"""One process of the shared pool: many models, and one loop for all of Multi Model Server's connections.

Multi Model Server opens a connection per model and sends one message at a time on it.  The loop takes what
the kernel says is there, works on it in steps (see `Schedule`), and answers.

What one forecast of 7 days costs here, of the processor: 10 µs for select, recv and send, 10 µs for reading
the message, the forecast itself, 5 µs for the answer's frame.  A loaded model costs a connection and 2-4 KB.
"""

import logging
import os
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

from container import free_bytes
from serving.drain import MAX_BUFFERED_BYTES, Drain, shutting_down
from serving.errors import DefectError, NoMemoryError, RequestError, UnavailableError
from serving.mms.connection import Connection
from serving.mms.launchers import Launchers, kill, stop_listening
from serving.mms.protocol import Load, Predict, ProtocolError, Request, loaded, predicted
from serving.mms.schedule import Job, Schedule
from serving.mms.spare_files import has_room, keep_spare_files
from serving.mms.store_endpoint import STORE_NAME, StoreEndpoint
from serving.models import Forecaster, check_model_name, load_folder, look_up_each
from serving.request import (
    Invocation,
    RequestBudget,
    Response,
    RouteModel,
    customer_from_headers,
    error_response,
    respond_in_steps,
)
from serving.settings import ServingSettings
from serving.steps import Steps

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.25
MOST_UNSENT_BYTES: Final = 64 * 1024 * 1024
"""Of answers that Multi Model Server has not taken yet; beyond it long work pauses."""
MOST_FRAME_BYTES: Final = 1024 * 1024
"""Of a message besides the body of its request."""
LAST_SHARE: Final = 0.1
LEAST_LAST_SECONDS: Final = 1.0
"""Of the time after which Multi Model Server gives up: a request that is not answered by then is refused."""
UNLISTEN_SECONDS: Final = 1.0
END_SECONDS: Final = 5.0
"""How long Java may take to note that a launcher has ended."""
END_SECONDS_UNSEEN: Final = 0.1
"""The same where it is not known."""


class Pool:
    """The loop.  `beat` is called in every round, so that somebody notices if there are none any more."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        *,
        settings: ServingSettings,
        folder: Path,
        slot: int,
        beat: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._beat = beat
        self._launchers = Launchers(folder, slot=slot)
        self._budget = RequestBudget(
            max_body_bytes=settings.max_request_bytes,
            max_queued_large_requests=sys.maxsize,  # Multi Model Server's queues are the bound
        )
        self._store = StoreEndpoint(settings, self._budget) if settings.model_store else None
        self._selector = selectors.DefaultSelector()
        self._schedule = Schedule(self._soon)
        self._finished: deque[Callable[[], None]] = deque()
        self._models = 0
        self._held_bytes = 0
        self._sending: set[Connection] = set()
        self._paused: deque[Connection] = deque()
        """Connections that are not read, because too many bytes are unanswered."""
        self._exempt: Connection | None = None
        """The one that is read all the same, because nothing else could go on."""
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._drain = Drain()
        self._wake, woken = socket.socketpair()
        for each in (*listeners, woken, self._wake):
            each.settimeout(0)
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ, lambda _mask, s=listener: self._accept(s))
        self._selector.register(woken, selectors.EVENT_READ, lambda _mask: woken.recv(4096))
        self._most_message_bytes = settings.max_request_bytes + MOST_FRAME_BYTES
        self._at(TICK_SECONDS, self._refuse_the_late)

    def run(self) -> None:
        """Serve until `stop` was called and all is quiet, or the parent process is gone."""
        parent = os.getppid()
        while os.getppid() == parent and not self._is_over():
            self._beat()
            for key, mask in self._selector.select(self._timeout()):
                key.data(mask)
            while self._finished:
                self._finished.popleft()()
            self._schedule.run(with_long=self._may_do_long())
            self._read_on()
            self._run_what_is_due()
        self._launchers.close()

    def stop(self) -> None:
        """Refuse new requests from now on, and end once there are none."""
        self._drain.begin()

    def _is_over(self) -> bool:
        is_idle = not self._schedule and not self._sending
        if not self._drain.is_over(is_idle=is_idle):
            return False
        for job in self._schedule.everything():
            job.refuse(shutting_down())
        return True

    # Connections

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError):  # another process of the pool was faster
            accepted, _ = listener.accept()
            accepted.settimeout(0)
            self._watch(Connection(accepted))

    def _watch(self, connection: Connection) -> None:
        """Have the selector tell of what the connection can do next."""
        events = 0 if connection.is_paused else selectors.EVENT_READ
        events |= selectors.EVENT_WRITE if connection.unsent_bytes else 0
        if events == connection.events:
            return
        if not events:
            self._selector.unregister(connection.socket)
        elif not connection.events:
            self._selector.register(connection.socket, events, lambda mask: self._ready(connection, mask))
        else:
            self._selector.modify(connection.socket, events, self._selector.get_key(connection.socket).data)
        connection.events = events

    def _ready(self, connection: Connection, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._do(connection, connection.flush)
            self._go_on(connection)
        if mask & selectors.EVENT_READ and not connection.is_closed:
            if self._held_bytes > MAX_BUFFERED_BYTES and connection is not self._exempt:
                connection.is_paused = True
                self._paused.append(connection)
                self._watch(connection)
            else:
                self._do(connection, lambda: self._receive(connection))

    def _do(self, connection: Connection, step: Callable[[], None]) -> None:
        """Do something with a connection, close it if that fails, and count what it holds afterwards."""
        if connection.is_closed:
            return
        try:
            step()
        except (OSError, ProtocolError) as error:
            logger.warning("connection lost: %s", error)
            self._close(connection)
        self._held_bytes += connection.bytes_in_hand - connection.held_bytes
        connection.held_bytes = connection.bytes_in_hand
        if connection.unsent_bytes:
            self._sending.add(connection)
        else:
            self._sending.discard(connection)
        if not connection.is_closed:
            self._watch(connection)

    def _receive(self, connection: Connection) -> None:
        if connection.receive():
            self._next(connection)
        else:
            self._close(connection)

    def _next(self, connection: Connection) -> None:
        """Begin with the next message if all of it is there."""
        message = connection.message(most_bytes=self._most_message_bytes)
        if message is None:
            return
        if connection is self._exempt:
            self._exempt = None
        if isinstance(message, Load):
            self._load(connection, message)
        else:
            self._predict(connection, message)

    def _send(self, connection: Connection, content: bytes) -> None:
        self._do(connection, lambda: connection.put(content))
        self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """Look for the next message once an answer is sent; most come later."""
        if connection.has_more:
            self._soon(lambda: self._do(connection, lambda: self._next(connection)))

    def _read_on(self) -> None:
        """Read paused connections again once there is room, or one of them where nothing else goes on."""
        if not self._paused:
            return
        if self._held_bytes > MAX_BUFFERED_BYTES:
            if self._schedule or self._sending or self._exempt is not None:
                return
            self._exempt = self._paused[0]
        for _ in range(1 if self._exempt is not None else len(self._paused)):
            connection = self._paused.popleft()
            connection.is_paused = False
            if not connection.is_closed:
                self._watch(connection)

    def _may_do_long(self) -> bool:
        return not self._sending or sum(each.unsent_bytes for each in self._sending) <= MOST_UNSENT_BYTES

    def _close(self, connection: Connection) -> None:
        """Forget the model and remove what Multi Model Server leaves behind when it unloads one."""
        if connection.is_closed:
            return
        if connection.events:
            self._selector.unregister(connection.socket)
        if connection.job is not None:
            self._schedule.remove(connection.job)
        if connection is self._exempt:
            self._exempt = None
        connection.close()
        self._models -= connection.model is not None
        if (load := connection.load) is not None:
            if (pid := connection.launcher) is not None:
                self._at(UNLISTEN_SECONDS, lambda: self._launchers.forget(load.name, pid))
            for stream in ("stdout", "stderr"):
                (self._folder / f"{load.io_name}-{stream}").unlink(missing_ok=True)
            keep_spare_files(self._folder)

    # Loading

    def _load(self, connection: Connection, message: Load) -> None:
        connection.load = message
        connection.launcher = self._launchers.find(message.name)
        try:
            if self._drain.has_begun:
                raise shutting_down()
            if message.name != STORE_NAME or self._store is None:
                check_model_name(message.name)
                connection.model = self._model(message)
                self._models += 1
        except RequestError as error:
            logger.warning("model %r is not loaded: %s", message.name, error)
            connection.refused = error
            answer = loaded(error.status, pid=os.getpid())
            self._end_launcher(connection, lambda: connection.put(answer))
        else:
            connection.put(loaded(HTTPStatus.OK, pid=os.getpid()))
            if (pid := connection.launcher) is not None:
                self._at(UNLISTEN_SECONDS, lambda: None if connection.is_closed else stop_listening(pid))

    def _model(self, message: Load) -> Forecaster:
        full = self._models * self._settings.processes >= self._settings.most_models
        if full or free_bytes() < self._settings.memory_reserve_bytes:
            raise NoMemoryError("there is no memory for another model")
        if not has_room(self._folder):
            logger.error("the disk of %s is full: no model can be loaded", self._folder)
            raise NoMemoryError("the disk of the server's temporary folder is full")
        try:
            return load_folder(Path(message.folder), store=self._settings.paths.models)
        except RequestError:
            raise
        except MemoryError:
            raise NoMemoryError("there is no memory for this model") from None
        except Exception as error:
            logger.exception("model %r", message.name)
            raise DefectError("the model could not be loaded") from error

    def _end_launcher(self, connection: Connection, then: Callable[[], None]) -> None:
        """End the launcher, then answer: Multi Model Server keeps a model whose launcher it has to end."""
        pipe = None if connection.launcher is None else kill(connection.launcher)
        if pipe is None:
            self._at(END_SECONDS_UNSEEN, lambda: self._do(connection, then))
            return
        is_over = False

        def over(_mask: int = 0) -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._selector.unregister(pipe)
                os.close(pipe)
                self._do(connection, then)

        self._selector.register(pipe, selectors.EVENT_READ, over)
        self._at(END_SECONDS, over)

    # Forecasting

    def _predict(self, connection: Connection, requests: Predict) -> None:
        self._drain.note_request()

        def refuse(error: RequestError) -> None:
            if connection.job is not None:
                self._schedule.remove(connection.job)
            self._send(connection, predicted((each, error_response(error)) for each in names))

        names = [each.request_id for each in requests]
        refused = shutting_down() if self._drain.has_begun else connection.refused
        if refused is not None:
            refuse(refused)
            return
        connection.job_bytes = sum(len(each.body) for each in requests)
        connection.job = Job(
            self._steps(connection, requests),
            finish=lambda content: self._send(connection, content),
            refuse=refuse,
            deadline=time.monotonic() + _patience(self._settings.timeout_seconds),
        )
        self._schedule.add(connection.job)

    def _steps(self, connection: Connection, requests: Predict) -> Steps[bytes]:
        answers = []
        for each in requests:
            answer = yield from self._answer(connection, each)
            if len(answer.body) > self._settings.most_answer_bytes:
                answer = error_response(self._too_large(len(answer.body)))
            answers.append((each.request_id, answer))
        return predicted(answers)

    def _too_large(self, size: int) -> RequestError:
        return RequestError(
            f"the answer would have {size} bytes; {self._settings.most_answer_bytes} are allowed, an eighth "
            "of SAGEMAKER_MAX_HEAP_SIZE: send fewer records at once, or ask for a shorter period"
        )

    def _answer(self, connection: Connection, request: Request) -> Steps[Response]:
        model, load = connection.model, connection.load
        if model is not None and load is not None:
            target = RouteModel(load.name, customer_from_headers(request.headers))
            return respond_in_steps(
                Invocation(request.body, request.headers, target),
                look_up_each(lambda _name: model),
                budget=self._budget,
                default_accept=self._settings.default_accept,
            )
        assert self._store is not None  # noqa: S101 -- only its connections have no model
        return self._store.respond(request)

    def _refuse_the_late(self) -> None:
        for job in self._schedule.late():
            seconds = self._settings.timeout_seconds
            job.refuse(UnavailableError(f"the answer was not ready within {seconds} seconds; ask for less"))
        self._at(TICK_SECONDS, self._refuse_the_late)

    # Later

    def _soon(self, do: Callable[[], None]) -> None:
        """Have the loop do something; may be called from any thread."""
        self._finished.append(do)
        with suppress(BlockingIOError):  # the loop has been woken often enough
            self._wake.send(b"!")

    def _at(self, seconds: float, do: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, do))

    def _timeout(self) -> float:
        if self._finished or self._schedule.has_step(with_long=self._may_do_long()):
            return 0.0
        due = min((when for when, _ in self._later), default=float("inf"))
        return max(0.0, min(TICK_SECONDS, due - time.monotonic()))

    def _run_what_is_due(self) -> None:
        now = time.monotonic()
        due = [do for when, do in self._later if when <= now]
        if due:
            self._later = [(when, do) for when, do in self._later if when > now]
        for do in due:
            do()


def _patience(timeout_seconds: int) -> float:
    """Return after how many seconds a request is refused, so that Multi Model Server sees an answer."""
    last = max(LEAST_LAST_SECONDS, LAST_SHARE * timeout_seconds)
    return timeout_seconds - min(last, timeout_seconds / 2)
