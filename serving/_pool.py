"""One process of the shared pool: many models, and one loop for all of Multi Model Server's connections.

Multi Model Server opens a connection per model and sends one message at a time on it.  The loop takes what
the kernel says is there, forecasts, and answers; what waits meanwhile waits in the kernel.

What one forecast of 7 days costs here, of the processor: 10 µs for select, recv and send, 10 µs for reading
the message, the forecast itself, 5 µs for the answer's frame.  A loaded model costs a connection and 2-4 KB.
"""

import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from container import free_bytes
from serving._answer import Answer, answer, refusal
from serving._errors import DefectError, NoMemoryError, RequestError, UnavailableError
from serving._launchers import Launchers
from serving._load import Forecaster, load_folder
from serving._protocol import Load, Predict, ProtocolError, Request, loaded, parse, predicted
from serving._settings import ServingSettings
from serving._store_service import STORE_NAME, Brought, StoreService

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.25
MOST_BYTES_AT_ONCE: Final = 256 * 1024
ROUND_SECONDS: Final = 0.25
"""What is still unanswered of a round of the loop after this long is answered 503."""
QUIET_SECONDS: Final = 1.0
"""A pool that is told to stop ends once nothing was asked for so long."""
LAST_SECONDS: Final = 15.0
"""And at last after this."""
UNLISTEN_SECONDS: Final = 1.0
DEAD_SECONDS: Final = 0.03
"""Multi Model Server needs a moment to see that a launcher is gone."""


@dataclass(eq=False, slots=True)
class Connection:
    """One of Multi Model Server's, for one model."""

    socket: socket.socket
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    load: Load | None = None
    model: Forecaster | None = None
    refused: RequestError | None = None
    """Why there is no model."""


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
        self._launchers = Launchers(folder / f"{slot}.launchers")
        self._store = StoreService(settings) if settings.model_store else None
        self._selector = selectors.DefaultSelector()
        self._finished: deque[Callable[[], None]] = deque()
        self._working = 0
        self._models = 0
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._stop_at: float | None = None
        self._last_request = 0.0
        self._wake, woken = socket.socketpair()
        for each in (*listeners, woken, self._wake):
            each.settimeout(0)
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ, lambda _mask, s=listener: self._accept(s))
        self._selector.register(woken, selectors.EVENT_READ, lambda _mask: woken.recv(4096))

    def run(self) -> None:
        """Serve until `stop` was called and all is quiet, or the parent process is gone."""
        parent = os.getppid()
        while os.getppid() == parent and not self._is_over():
            self._beat()
            ready = self._selector.select(self._timeout())
            self._round = time.monotonic()
            for key, mask in ready:
                key.data(mask)
            while self._finished:
                with suppress(OSError):  # the connection is gone
                    self._finished.popleft()()
            self._run_what_is_due()

    def stop(self) -> None:
        """Refuse new requests from now on, and end once there are none."""
        self._stop_at = self._stop_at or time.monotonic() + LAST_SECONDS

    def _is_over(self) -> bool:
        if self._stop_at is None:
            return False
        now = time.monotonic()
        quiet = self._stop_at - LAST_SECONDS + QUIET_SECONDS
        return now > self._stop_at or (
            not self._working and now > max(quiet, self._last_request + QUIET_SECONDS)
        )

    # Connections

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError):  # another process of the pool was faster
            accepted, _ = listener.accept()
            accepted.settimeout(0)
            connection = Connection(accepted)
            self._selector.register(
                accepted, selectors.EVENT_READ, lambda mask: self._ready(connection, mask)
            )

    def _ready(self, connection: Connection, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(connection)
            if mask & selectors.EVENT_READ:
                self._receive(connection)
        except (OSError, ProtocolError) as error:
            logger.warning("connection lost: %s", error)
            self._close(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            received = connection.socket.recv(MOST_BYTES_AT_ONCE)
        except BlockingIOError:
            return
        if not received:
            self._close(connection)
            return
        connection.incoming += received
        while (message := parse(connection.incoming)) is not None:
            if isinstance(message, Load):
                self._load(connection, message)
            else:
                self._predict(connection, message)

    def _send(self, connection: Connection, content: bytes) -> None:
        connection.outgoing += content
        self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        with suppress(BlockingIOError):
            sent = connection.socket.send(connection.outgoing)
            del connection.outgoing[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0)
        if self._selector.get_key(connection.socket).events != events:
            self._selector.modify(connection.socket, events, self._selector.get_key(connection.socket).data)

    def _close(self, connection: Connection) -> None:
        """Forget the model and remove what Multi Model Server leaves behind when it unloads one."""
        if connection.socket.fileno() < 0:
            return
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._models -= connection.model is not None
        if connection.load is not None:
            self._launchers.forget(connection.load.name)
            for stream in ("stdout", "stderr"):
                (self._folder / f"{connection.load.io_name}-{stream}").unlink(missing_ok=True)

    # Loading

    def _load(self, connection: Connection, message: Load) -> None:
        connection.load = message
        try:
            if self._stop_at is not None:
                raise UnavailableError("the server stops")
            if message.name != STORE_NAME or self._store is None:
                connection.model = self._model(message)
                self._models += 1
        except RequestError as error:
            logger.warning("model %s is not loaded: %s", message.name, error)
            self._refuse_load(connection, error)
        else:
            self._send(connection, loaded(HTTPStatus.OK, pid=os.getpid()))
            self._at(UNLISTEN_SECONDS, lambda: self._launchers.signal(message.name, signal.SIGUSR1))

    def _model(self, message: Load) -> Forecaster:
        full = self._models * self._settings.processes >= self._settings.most_models
        if full or free_bytes() < self._settings.memory_reserve_bytes:
            raise NoMemoryError("there is no memory for another model")
        try:
            return load_folder(Path(message.folder), store=self._settings.paths.models)
        except RequestError:
            raise
        except MemoryError:
            raise NoMemoryError("there is no memory for this model") from None
        except Exception as error:
            logger.exception("model %s", message.name)
            raise DefectError("the model could not be loaded") from error

    def _refuse_load(self, connection: Connection, error: RequestError) -> None:
        """End the launcher, then answer: Multi Model Server keeps a model whose launcher it has to end."""
        connection.refused = error
        message = loaded(error.status, pid=os.getpid())
        name = connection.load.name if connection.load else ""
        self._launchers.signal(name, signal.SIGKILL)
        self._at(DEAD_SECONDS, lambda: self._send(connection, message))

    # Forecasting

    def _predict(self, connection: Connection, requests: Predict) -> None:
        self._last_request = time.monotonic()
        refused = self._refused(connection)
        if refused is not None:
            answered = refusal(refused)
            self._send(connection, predicted((each.request_id, answered) for each in requests))
        elif connection.model is not None:
            self._send(
                connection, predicted((each.request_id, self._answer(connection, each)) for each in requests)
            )
        else:
            self._ask_store(connection, requests)

    def _refused(self, connection: Connection) -> RequestError | None:
        if self._stop_at is not None:
            return UnavailableError("the server stops")
        if self._last_request - self._round > ROUND_SECONDS:
            return UnavailableError("too much waits already")
        return connection.refused

    def _answer(self, connection: Connection, request: Request) -> Answer:
        model, load = connection.model, connection.load
        assert model is not None and load is not None  # noqa: S101, PT018 -- see _predict
        return answer(
            request.body,
            content_type=request.headers.get("content-type"),
            accept=request.headers.get("accept"),
            target_model=load.name,
            find=lambda _name: model,
            default_accept=self._settings.default_accept,
        )

    def _ask_store(self, connection: Connection, requests: Predict, brought: Brought | None = None) -> None:
        """Answer from the models in memory; where some have to be brought first, when they are there."""
        assert self._store is not None  # noqa: S101 -- only its connections have no model
        brought = {} if brought is None else brought
        answers = self._store.answer(requests, brought)
        if answers is None and self._working >= self._settings.job_queue_size:
            answered = refusal(UnavailableError("too much waits already"))
            answers = [(each.request_id, answered) for each in requests]
        if answers is not None:
            self._send(connection, predicted(answers))
            return
        self._working += 1
        awaited = [flight for flight in brought.values() if not flight.done()]
        left = len(awaited) or 1

        def landed() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._working -= 1
                self._ask_store(connection, requests, brought)

        for flight in awaited:
            flight.add_done_callback(lambda _flight: self._soon(landed))
        if not awaited:
            self._soon(landed)

    def _soon(self, do: Callable[[], None]) -> None:
        """Have the loop do something; may be called from any thread."""
        self._finished.append(do)
        with suppress(BlockingIOError):  # the loop has been woken often enough
            self._wake.send(b"!")

    # Later

    def _at(self, seconds: float, do: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, do))

    def _timeout(self) -> float:
        due = min((when for when, _ in self._later), default=float("inf"))
        return max(0.0, min(TICK_SECONDS, due - time.monotonic()))

    def _run_what_is_due(self) -> None:
        now = time.monotonic()
        due = [do for when, do in self._later if when <= now]
        self._later = [(when, do) for when, do in self._later if when > now]
        for do in due:
            with suppress(OSError):  # the connection is gone
                do()
