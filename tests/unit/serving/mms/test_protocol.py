"""Multi Model Server's frames, whole, in pieces, and damaged."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.mms.protocol import Load, ProtocolError, parse

MAX = 10_000


def field(content: bytes) -> bytes:
    return struct.pack("!i", len(content)) + content


def predict(body: bytes, headers: dict[str, str]) -> bytes:
    end = struct.pack("!i", -1)
    lines = b"".join(field(text.encode()) for pair in headers.items() for text in pair)
    request = field(b"id") + lines + end + field(b"body") + field(b"") + field(body) + end
    return b"I" + request + end


def load(name: str, folder: str) -> bytes:
    texts = [field(name.encode()), field(folder.encode()), struct.pack("!i", 1), field(b"h:f")]
    return b"L" + b"".join(texts) + struct.pack("!i", -1) + field(b"io")


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3))
def test_a_message_in_pieces_is_the_message_and_nothing_before_its_last_byte(
    body: bytes, headers: dict[str, str]
) -> None:
    frame = predict(body, headers)
    buffer = bytearray()

    for byte in frame[:-1]:
        buffer.append(byte)
        assert parse(buffer, max_bytes=MAX) is None
    buffer += frame[-1:] + b"I"
    message = parse(buffer, max_bytes=MAX)

    assert isinstance(message, list)
    assert message[0].body == body
    assert message[0].headers == {name.lower(): value for name, value in headers.items()}
    assert buffer == b"I"


def test_a_load_names_model_and_folder() -> None:
    assert parse(bytearray(load("7", "/m/7")), max_bytes=MAX) == Load("7", "/m/7", "io")


@given(st.binary(max_size=100), st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_message_is_an_error_or_another_message_and_nothing_else(
    noise: bytes, place: int, byte: int
) -> None:
    frame = bytearray(predict(b"{}", {"Accept": "*/*"}))
    frame[place % len(frame)] = byte
    for damaged in (bytearray(noise), frame):
        try:
            parse(damaged, max_bytes=MAX)
        except ProtocolError:
            continue


@pytest.mark.parametrize(
    "frame",
    [b"X", b"I" + struct.pack("!i", -2), b"I" + struct.pack("!i", 2**31 - 1), b"L" + struct.pack("!i", MAX)],
    ids=["unknown", "negative", "endless", "too large"],
)
def test_bytes_that_cannot_become_a_message_are_an_error_at_once(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse(bytearray(frame), max_bytes=MAX)
