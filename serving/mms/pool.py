"""One process of the shared pool: many models behind one event loop.

Multi Model Server opens a connection per model and sends one message at a time on it.  Between two looks at
its connections, the loop computes responses for some milliseconds (see `Schedule`), so that no request waits
long for another.

One forecast of 7 days costs some 10 µs of processor time for the system calls, 10 µs for parsing the message,
the forecast itself and 5 µs for the response's frame.  A loaded model costs a connection and 2-4 KB.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from serving.drain import Drain, shutting_down
from serving.errors import RequestError, UnavailableError
from serving.mms.buffers import Buffers
from serving.mms.connection import Connection
from serving.mms.loading import Loader, end_launcher
from serving.mms.model_state import Ready, Rejected, StoreBacked, Unloaded
from serving.mms.protocol import Load, Predict, ProtocolError, Request, loaded, predicted
from serving.mms.schedule import Job, Schedule
from serving.mms.store_endpoint import StoreEndpoint
from serving.models import look_up_each
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

TICK_SECONDS: Final = 0.25
"""How often the loop looks at deadlines, at its parent process and at the end of a drain."""
MAX_FRAME_BYTES: Final = 1024 * 1024
"""Size of a message besides the body of its request."""
RESERVED_SHARE: Final = 0.1
MIN_RESERVED_SECONDS: Final = 1.0
"""A late request is refused this long before Multi Model Server's own timeout, after which it would close the
connection: a tenth of the timeout, and at least a second."""


class Pool:
    """A pool process; `beat` is called on each tick, so that the supervisor notices a hung loop."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        *,
        settings: ServingSettings,
        folder: Path,
        slot: int,
        beat: Callable[[], None],
    ) -> None:
        self._listeners = listeners
        self._settings = settings
        self._beat = beat
        self._drain = Drain()
        self._schedule = Schedule(self._call_soon)
        self._budget = RequestBudget(
            max_body_bytes=settings.max_request_bytes,
            max_queued_large_requests=sys.maxsize,  # Multi Model Server's queues are the bound
        )
        self._buffers = Buffers(self._budget)
        store = StoreEndpoint(settings, self._budget) if settings.model_store else None
        self._loader = Loader(settings, folder=folder, slot=slot, store=store)
        self._is_computing = False
        self._accepting: set[asyncio.Task[Any]] = set()
        self._parent = os.getppid()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Future[None]

    def run(self) -> None:
        """Serve until `stop` was called and the drain is over, or the parent process is gone.

        An exception in the loop ends the process: the supervisor starts another one.
        """
        asyncio.run(self._serve())
        self._loader.close()

    def stop(self) -> None:
        """Refuse new requests from now on, and end after the drain; safe in a signal handler."""
        self._drain.begin()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.create_future()
        self._loop.set_exception_handler(self._fail)
        for listener in self._listeners:
            listener.settimeout(0)
            self._loop.add_reader(listener, self._accept, listener)
        self._tick()
        await self._end

    def _fail(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the process after an exception that nobody handled."""
        if not self._end.done():
            self._end.set_exception(context.get("exception") or RuntimeError(context["message"]))

    def _accept(self, listener: socket.socket) -> None:
        """Accept one connection, so that the processes share those to the store between them."""
        with suppress(BlockingIOError):  # another process of the pool was faster
            accepted, _ = listener.accept()
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._connection, accepted))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    def _connection(self) -> Connection:
        max_message_bytes = self._settings.max_request_bytes + MAX_FRAME_BYTES
        return Connection(self, self._buffers, max_message_bytes=max_message_bytes)

    def _tick(self) -> None:
        self._beat()
        self._refuse_late_requests()
        self._buffers.resume(is_idle=not self._schedule)
        self._compute_soon()
        is_idle = not self._schedule and not self._buffers.sending
        is_orphan = os.getppid() != self._parent
        if not is_orphan and not self._drain.is_over(is_idle=is_idle):
            self._loop.call_later(TICK_SECONDS, self._tick)
            return
        for job in self._schedule.everything():
            job.refuse(shutting_down())
        if not self._end.done():
            self._end.set_result(None)

    # Computing

    def _call_soon(self, change: Callable[[], None]) -> None:
        """Make the loop apply a change to the schedule; may be called from any thread."""

        def apply() -> None:
            change()
            self._compute_soon()

        self._loop.call_soon_threadsafe(apply)

    def _compute_soon(self) -> None:
        """Make the loop compute after it has looked at its connections."""
        with_long = self._buffers.has_room_for_long_work
        if not self._is_computing and self._schedule.has_step(with_long=with_long):
            self._is_computing = True
            self._loop.call_soon(self._compute)

    def _compute(self) -> None:
        self._schedule.run(with_long=self._buffers.has_room_for_long_work)
        self._is_computing = False
        self._buffers.resume(is_idle=not self._schedule)
        self._compute_soon()

    # What connections call, see `Owner`

    def handle(self, connection: Connection, message: Load | Predict) -> None:
        """Load a model, or begin to compute a response."""
        if isinstance(message, Load):
            self._load(connection, message)
        else:
            self._predict(connection, message)

    def _load(self, connection: Connection, message: Load) -> None:
        connection.launcher = self._loader.launcher_of(message)
        if self._drain.has_begun:
            connection.model = Rejected(message, shutting_down())
        else:
            connection.model = self._loader.load(message)
        if isinstance(connection.model, Rejected):
            response = loaded(connection.model.error.status, pid=os.getpid())
            end_launcher(connection.launcher, lambda: connection.respond(response))
            return
        connection.respond(loaded(HTTPStatus.OK, pid=os.getpid()))
        if connection.launcher is not None:
            self._loader.release_launcher(connection.launcher, is_wanted=lambda: not connection.is_closed)

    def response_sent(self) -> None:
        """Go on with connections and work that paused while responses could not be sent."""
        self._buffers.resume(is_idle=not self._schedule)
        self._compute_soon()

    def closed(self, connection: Connection) -> None:
        """Give up the work for a connection, and unload its model."""
        if connection.job is not None:
            self._schedule.remove(connection.job)
        self._loader.unload(connection.model)
        if connection.launcher is not None and not isinstance(connection.model, Unloaded):
            self._loader.forget_launcher(connection.model.load, connection.launcher)
        self._buffers.resume(is_idle=not self._schedule)

    def _predict(self, connection: Connection, requests: Predict) -> None:
        self._drain.note_request()
        model = connection.model
        if isinstance(model, Unloaded):
            raise ProtocolError("a request came before its model was loaded")
        request_ids = [request.request_id for request in requests]

        def refuse(error: RequestError) -> None:
            if connection.job is not None:
                self._schedule.remove(connection.job)
            connection.respond(predicted((request_id, error_response(error)) for request_id in request_ids))

        if self._drain.has_begun:
            refuse(shutting_down())
            return
        if isinstance(model, Rejected):
            refuse(model.error)
            return
        connection.job = Job(
            self._steps(model, requests),
            finish=connection.respond,
            refuse=refuse,
            deadline=time.monotonic() + seconds_until_refusal(self._settings.timeout_seconds),
        )
        self._schedule.add(connection.job)
        self._compute_soon()

    def _steps(self, model: Ready | StoreBacked, requests: Predict) -> Steps[bytes]:
        responses = []
        for request in requests:
            response = yield from self._respond(model, request)
            if len(response.body) > self._settings.max_response_bytes:
                response = error_response(self._too_large(len(response.body)))
            responses.append((request.request_id, response))
        return predicted(responses)

    def _respond(self, model: Ready | StoreBacked, request: Request) -> Steps[Response]:
        if isinstance(model, StoreBacked):
            return model.endpoint.respond(request)
        target = RouteModel(model.load.name, customer_from_headers(request.headers))
        return respond_in_steps(
            Invocation(request.body, request.headers, target),
            look_up_each(lambda _name: model.forecaster),
            budget=self._budget,
            default_accept=self._settings.default_accept,
        )

    def _too_large(self, size: int) -> RequestError:
        return RequestError(
            f"the response would have {size} bytes; the limit is {self._settings.max_response_bytes}, an "
            "eighth of SAGEMAKER_MAX_HEAP_SIZE: send fewer records at once, or ask for a shorter period"
        )

    def _refuse_late_requests(self) -> None:
        for job in self._schedule.late():
            seconds = self._settings.timeout_seconds
            job.refuse(
                UnavailableError(
                    f"the response was not ready within {seconds} seconds (SAGEMAKER_MODEL_SERVER_TIMEOUT); "
                    "send fewer records at once, or ask for a shorter period"
                )
            )


def seconds_until_refusal(timeout_seconds: int) -> float:
    """Return how long a request may take, so that its refusal comes before Multi Model Server's timeout."""
    reserved = max(MIN_RESERVED_SECONDS, RESERVED_SHARE * timeout_seconds)
    return timeout_seconds - min(reserved, timeout_seconds / 2)
