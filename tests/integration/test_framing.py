"""Requests in every framing over a real socket: each is answered completely, or refused in JSON."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from container import Paths
from testbed.server import Server, serving_plain
from tests.unit.models import packed_model

BODY = b'{"target_model":"1","period":1}'
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LIMIT = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    paths = Paths(tmp_path_factory.mktemp("framing"))
    paths.model.mkdir(parents=True)
    (paths.model / "1.tar.gz").write_bytes(packed_model(1.0))
    with serving_plain(paths.base) as running:
        yield running


def talk(server: Server, *sent: bytes, ends: bool = True) -> bytes:
    """Send bytes, close our side unless `ends` is false, and return all bytes that come back."""
    with socket.create_connection(server.address, timeout=30) as connection:
        for each in sent:
            connection.sendall(each)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def everything(connection: socket.socket) -> bytes:
    """Return all bytes that come until the server closes the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def statuses(received: bytes) -> list[int]:
    """Return the status of each response, after a check that its body is JSON."""
    answers = received.split(b"HTTP/1.1 ")[1:]
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"100"):
            assert b"\r\nContent-Type: application/json\r\n" in head
            json.loads(body)
    return [int(answer[:3]) for answer in answers]


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_body_in_chunks_is_answered_as_one_with_a_length(server: Server, size: int) -> None:
    whole, chunked = (
        talk(server, with_length(BODY)),
        talk(server, HEAD + CHUNKED + b"\r\n" + in_chunks(BODY, size)),
    )

    assert statuses(whole) == statuses(chunked) == [200]
    assert whole.partition(b"\r\n\r\n")[2] == chunked.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(("length", "status"), [(LIMIT, 200), (LIMIT + 1, 413), (LIMIT + 700_000, 413)])
@pytest.mark.parametrize("chunk", [0, 10_000, LIMIT * 2])
def test_the_largest_body_is_the_same_in_any_frame(
    server: Server, length: int, status: int, chunk: int
) -> None:
    body = BODY[:-1] + b" " * (length - len(BODY)) + b"}"
    framed = HEAD + CHUNKED + b"\r\n" + in_chunks(body, chunk) if chunk else with_length(body)

    assert statuses(talk(server, framed)) == [status]


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + CHUNKED + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n-5\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n0x1f\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + CHUNKED + b"\r\n1f\r\n" + BODY + b"\r\n",
        HEAD + CHUNKED + b"\r\n1f\r\n" + BODY[:-9],
        HEAD + CHUNKED + CHUNKED + b"\r\n" + in_chunks(BODY, 9),
        HEAD + CHUNKED + b"Content-Length: 5\r\n\r\n" + in_chunks(BODY, 9),
        HEAD + b"Content-Length: 31\r\n" + CHUNKED + b"\r\n" + in_chunks(BODY, 9),
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: identity\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + in_chunks(BODY, 9),
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + in_chunks(BODY, 9),
        HEAD + b"Content-Length: 31\r\nContent-Length: 5\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 31, 31\r\n\r\n" + BODY,
        HEAD + b"Content-Length: +31\r\n\r\n" + BODY,
        HEAD + b"Content-Length: -1\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 0x1f\r\n\r\n" + BODY,
        HEAD + b"Content-Length: 31\r\n\r\n" + BODY[:-1],
        HEAD + b"Content-Length: 31\r\n",
        HEAD + b"X: a\r\n b\r\nContent-Length: 31\r\n\r\n" + BODY,
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /ping\r\n\r\n",
    ],
    ids=range(25),
)
def test_a_damaged_or_ambiguous_framing_gets_one_400(server: Server, sent: bytes) -> None:
    assert statuses(talk(server, sent)) == [400]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 150 + b"\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\na: " + b"b" * 9_000 + b"\r\n\r\n", 431),
        (HEAD + b"Expect: 200-ok\r\nContent-Length: 31\r\n\r\n" + BODY, 417),
        (HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413),
    ],
    ids=range(5),
)
def test_a_refusal_by_gunicorns_parser_is_json_too(server: Server, sent: bytes, status: int) -> None:
    assert statuses(talk(server, sent)) == [status]


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    bodies = [b'{"target_model":"1","period":%d}' % period for period in range(1, 6)]
    requests = [with_length(body) for body in bodies]
    requests[2] = HEAD + CHUNKED + b"\r\n" + in_chunks(bodies[2], 9)

    received = talk(server, b"".join(requests))

    assert statuses(received) == [200] * 5
    assert [answer.count(b'"ds"') for answer in received.split(b"HTTP/1.1 ")[1:]] == [1, 2, 3, 4, 5]


def test_bytes_after_a_body_are_read_as_the_next_request(server: Server) -> None:
    received = talk(server, with_length(BODY) + b"more and more\r\n\r\n")

    assert statuses(received) == [200, 400]


def test_a_client_that_expects_100_continue_gets_it_once(server: Server) -> None:
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 31\r\n\r\n")
        consent = connection.recv(1_000)
        connection.sendall(BODY)
        connection.shutdown(socket.SHUT_WR)
        received = everything(connection)

    assert consent == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert statuses(received) == [200]


def test_a_gzipped_body_is_decoded_and_a_damaged_one_refused(server: Server) -> None:
    packed = gzip.compress(BODY)
    bomb = gzip.compress(bytes(50_000_000))

    def ask(body: bytes, encoding: str) -> int:
        headers = {"Content-Encoding": encoding}
        return server.request("POST", "/invocations", body, headers=headers).status

    assert ask(packed, "gzip") == 200
    assert ask(packed[:-4], "gzip") == 400
    assert ask(bomb, "gzip") == 413
    assert ask(BODY, "br") == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/ping", 200),
        ("HEAD", "/", 200),
        ("GET", "/ping/", 200),
        ("GET", "/execution-parameters/", 200),
        ("POST", "/invocations/", 200),
        ("GET", "/pi%0Ang", 404),
    ],
)
def test_a_slash_at_the_end_and_a_head_change_nothing(
    server: Server, method: str, path: str, status: int
) -> None:
    assert server.request(method, path, BODY if method == "POST" else None).status == status


def test_ipv6_is_answered_as_ipv4_is(server: Server) -> None:
    _, port = server.address
    try:
        connection = socket.create_connection(("::1", port), timeout=30)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with connection:
        connection.sendall(with_length(BODY))
        connection.shutdown(socket.SHUT_WR)
        received = everything(connection)

    assert statuses(received) == [200]


def test_six_and_a_half_megabytes_in_chunks_are_refused_not_cut(server: Server) -> None:
    lines = (BODY[:-1].ljust(8_998) + b"}\n") * 760
    head = HEAD.replace(b"application/json", b"application/jsonlines") + CHUNKED + b"\r\n"

    assert statuses(talk(server, head, in_chunks(lines, 65_536))) == [413]
