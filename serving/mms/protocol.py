"""The binary protocol between Multi Model Server and its workers: parses messages and builds responses.

A field is a 4-byte length, big-endian, and that many bytes; the length -1 ends a list.  A message does not
state its own length, so it is parsed from its start again until it is complete.  That is cheap: parsing skips
from field to field, about 20 for a request, and copies only what it returns.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

from serving.request import Response

LOAD: Final = ord("L")
PREDICT: Final = ord("I")
END: Final = -1
_INT: Final = struct.Struct("!i")


class ProtocolError(Exception):
    """The bytes are no message of this protocol."""


class _Incomplete(Exception):  # noqa: N818 -- no error: more bytes will come
    pass


@dataclass(frozen=True, slots=True)
class Load:
    """A message to load a model; the predictions that follow on the connection are for it."""

    name: str
    folder: str
    io_name: str
    """Multi Model Server opens <temporary folder>/<io_name>-stdout and -stderr, and leaves them there."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request for forecasts."""

    request_id: bytes
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


Predict: TypeAlias = list[Request]
"""The requests of one message; one, unless the model was registered with a batch size."""


def parse(buffer: bytearray, *, max_bytes: int) -> Load | Predict | None:
    """Take the first message out of `buffer`, or return None if it is incomplete.

    Raises `ProtocolError` for bytes that cannot become a message of at most `max_bytes`.
    """
    reader = _Reader(buffer, max_bytes)
    try:
        message = reader.message()
    except _Incomplete:
        return None
    del buffer[: reader.place]
    return message


def loaded(code: HTTPStatus, *, pid: int) -> bytes:
    """Return the response to `Load`; Multi Model Server passes `code` on, and needs a process id."""
    return _INT.pack(code) + _field(f"{code.phrase} [PID]:{pid}".encode()) + _INT.pack(END)


def predicted(responses: Iterable[tuple[bytes, Response]]) -> bytes:
    """Return the response to `Predict`: the id and the response of each of its requests."""
    parts = [_INT.pack(HTTPStatus.OK), _field(b"")]
    for request_id, response in responses:
        headers = b"".join(_field(text.encode()) for pair in response.headers.items() for text in pair)
        parts += [
            _field(request_id),
            _field(response.content_type.encode()),
            _INT.pack(response.status),
            _field(response.status.phrase.encode()),
            _INT.pack(len(response.headers)),
            headers,
            _field(response.body),
        ]
    parts.append(_INT.pack(END))
    return b"".join(parts)


def _field(content: bytes) -> bytes:
    return _INT.pack(len(content)) + content


class _Reader:
    """Reads a buffer field by field; raises `_Incomplete` at its end."""

    __slots__ = ("buffer", "max_bytes", "place")

    def __init__(self, buffer: bytearray, max_bytes: int) -> None:
        self.buffer = buffer
        self.max_bytes = max_bytes
        self.place = 0

    def message(self) -> Load | Predict:
        if not self.buffer:
            raise _Incomplete
        self.place = 1
        if self.buffer[0] == PREDICT:
            return self._predict()
        if self.buffer[0] == LOAD:
            return self._load()
        raise ProtocolError(f"unknown command {self.buffer[0]}")

    def _load(self) -> Load:
        name, folder = self._text(), self._text()
        self._int()  # batch size
        self._field()  # handler
        self._int()  # GPU
        return Load(name, folder, self._text())

    def _predict(self) -> Predict:
        requests = []
        while (length := self._int()) != END:
            request_id = self._bytes(length)
            headers = self._headers()
            requests.append(Request(request_id, headers, self._body()))
        return requests

    def _headers(self) -> dict[str, str]:
        headers = {}
        while (length := self._int()) != END:
            name = self._bytes(length).decode("utf-8", "replace").lower()
            headers[name] = self._text()
        return headers

    def _body(self) -> bytes:
        """Return the parameter called body: parameters of the URL and of forms are named otherwise."""
        body = b""
        while (length := self._int()) != END:
            name = self._bytes(length)
            self._field()  # content type
            value = self._field()
            if name == b"body":
                body = value
        return body

    def _text(self) -> str:
        return self._field().decode("utf-8", "replace")

    def _field(self) -> bytes:
        return self._bytes(self._int())

    def _int(self) -> int:
        place = self.place
        if place + 4 > self.max_bytes:
            raise ProtocolError(f"a message of more than {self.max_bytes} bytes")
        if place + 4 > len(self.buffer):
            raise _Incomplete
        self.place = place + 4
        return int(_INT.unpack_from(self.buffer, place)[0])

    def _bytes(self, length: int) -> bytes:
        if length < 0:
            raise ProtocolError(f"a field of {length} bytes")
        end = self.place + length
        if end > self.max_bytes:
            raise ProtocolError(f"a message of more than {self.max_bytes} bytes")
        if end > len(self.buffer):
            raise _Incomplete
        content = bytes(self.buffer[self.place : end])
        self.place = end
        return content
