"""What Multi Model Server says to its workers, and what they answer: its binary protocol, in bytes.

A field is a 4-byte length, big-endian, and that many bytes; the length -1 ends a list.  A message does not
tell its own length, so it is read from the start again until all of it is there: reading skips from field to
field and copies nothing but what is returned, about 20 fields for a request.
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
    """The other side does not speak this protocol."""


class _Incomplete(Exception):  # noqa: N818 -- no error: more bytes will come
    pass


@dataclass(frozen=True, slots=True)
class Load:
    """A model is to be loaded and to be answered for on this connection."""

    name: str
    folder: str
    io_name: str
    """Multi Model Server opens <temporary folder>/<io_name>-stdout and -stderr, and leaves them there."""


@dataclass(frozen=True, slots=True)
class Request:
    """One forecast to be made."""

    request_id: bytes
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


Predict: TypeAlias = list[Request]
"""What is to be answered in one message; one request, unless the model was registered with a batch size."""


def parse(buffer: bytearray, *, max_bytes: int) -> Load | Predict | None:
    """Take the first message out of `buffer`, or return None while not all of it is there.

    Raises `ProtocolError` for what can be no message of at most `max_bytes`.
    """
    reader = _Reader(buffer, max_bytes)
    try:
        message = reader.message()
    except _Incomplete:
        return None
    del buffer[: reader.place]
    return message


def loaded(code: HTTPStatus, *, pid: int) -> bytes:
    """Return the answer to `Load`, whose code Multi Model Server passes on; it wants a process id as well."""
    return _INT.pack(code) + _field(f"{code.phrase} [PID]:{pid}".encode()) + _INT.pack(END)


def predicted(answers: Iterable[tuple[bytes, Response]]) -> bytes:
    """Return the answer to `Predict`: (request_id, answer) for each of its requests."""
    parts = [_INT.pack(HTTPStatus.OK), _field(b"")]
    for request_id, answer in answers:
        headers = b"".join(_field(text.encode()) for pair in answer.headers.items() for text in pair)
        parts += [
            _field(request_id),
            _field(answer.content_type.encode()),
            _INT.pack(answer.status),
            _field(answer.status.phrase.encode()),
            _INT.pack(len(answer.headers)),
            headers,
            _field(answer.body),
        ]
    parts.append(_INT.pack(END))
    return b"".join(parts)


def _field(content: bytes) -> bytes:
    return _INT.pack(len(content)) + content


class _Reader:
    """Goes through a buffer field by field; raises `_Incomplete` at its end."""

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
