"""Every member of gunicorn that `serving.http` relies on; gunicorn documents few of them.

A release of gunicorn that renames one, or calls it in another way, fails here with a sentence.
"""

import ast
import inspect
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.http.body import Body
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

import serving.http

SOURCE = Path(serving.http.__file__).parent
HEAD = b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\n\r\n"

OF_THE_WORKER = {
    "alive": "False ends the event loop",
    "app": "the object of gunicorn_server.Server, with settings and budget",
    "cfg": "`threads` bounds the forecasts in progress",
    "finish_request": "waits for the next request of a connection",
    "handle": "answers one request in a thread",
    "method_queue": "`defer` calls a function in the event loop",
    "nr_conns": "the number of open connections; the event loop ends at 0",
    "poller": "the selector of the event loop; a key's data is called with the socket",
    "tpool": "the threads that answer requests",
}
OF_A_CONNECTION = {
    "cfg": "the parser's configuration",
    "client": "the client's address",
    "close": "closes the socket",
    "data_ready": "True keeps a thread from waiting for the socket",
    "parser": "None until the first request; one that is there stays",
    "sock": "the socket",
}
OF_THE_PARSER = {
    "mesg": "the request that was parsed last; what is left of its body is read after the response",
    "mesg_class": "the class of requests",
    "req_count": "the number of requests on the connection",
    "source_addr": "the client's address",
    "unreader": "`unread` puts bytes before those that it has, `take_buffered` takes all",
    "cfg": "the configuration",
}
OF_A_REQUEST = {
    "headers": "pairs of a name in capitals and a value",
    "method": "POST for forecasts",
    "_expected_100_continue": "True has gunicorn send `100 Continue`",
}
CALLED: list[tuple[Callable[..., object], str, list[str]]] = [
    (ThreadWorker.run, "murder_pending", ["self"]),
    (ThreadWorker.run, "notify", ["self"]),
    (ThreadWorker.accept, "enqueue_req", ["self", "conn"]),
    (ThreadWorker.on_client_socket_readable, "enqueue_req", ["self", "conn"]),
    (ThreadWorker.finish_request, "enqueue_req", ["self", "conn"]),
    (ThreadWorker.init_signals, "handle_exit", ["self", "sig", "frame"]),
    (ThreadWorker.handle, "handle_error", ["self", "req", "client", "addr", "exc"]),
]
"""A method of gunicorn's worker, the method that it calls, and what that one takes."""


@pytest.fixture
def connection() -> Iterator[TConn]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2))


@pytest.fixture
def worker() -> Iterator[ThreadWorker]:
    cfg = Config()
    made = ThreadWorker(0, 0, [], None, 30, cfg, Logger(cfg))
    yield made
    made.tmp.close()


def request() -> Request:
    return next(RequestParser(Config(), [HEAD + b"1"], ("127.0.0.1", 1)))


def missing(owner: object, name: str, purpose: str) -> str:
    member = f"{type(owner).__name__}.{name}"
    return f"gunicorn {version('gunicorn')} has no {member}, which serving.http uses ({purpose})"


@pytest.mark.parametrize(("name", "purpose"), OF_THE_WORKER.items())
def test_the_worker_has_the_members_that_ours_uses(worker: ThreadWorker, name: str, purpose: str) -> None:
    assert hasattr(worker, name), missing(worker, name, purpose)


@pytest.mark.parametrize(("name", "purpose"), OF_A_CONNECTION.items())
def test_a_connection_has_the_members_that_our_worker_uses(
    connection: TConn, name: str, purpose: str
) -> None:
    assert hasattr(connection, name), missing(connection, name, purpose)


@pytest.mark.parametrize(("name", "purpose"), OF_THE_PARSER.items())
def test_the_parser_has_the_members_that_ours_uses(name: str, purpose: str) -> None:
    parser = RequestParser(Config(), (), ("127.0.0.1", 1))

    assert hasattr(parser, name), missing(parser, name, purpose)


@pytest.mark.parametrize(("name", "purpose"), OF_A_REQUEST.items())
def test_a_request_has_the_members_that_our_parser_uses(name: str, purpose: str) -> None:
    assert hasattr(request(), name), missing(request(), name, purpose)


def attributes(module: str, owner: str) -> set[str]:
    """Return the attributes of the name `owner` in one of our modules, besides those that it defines."""
    tree = ast.parse((SOURCE / f"{module}.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner
    }
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return used - functions


def own(module: str) -> set[str]:
    """Return the attributes that the objects of one of our modules have of their own."""
    return {name for name in attributes(module, "self") if name.startswith("_")}


def test_the_lists_name_every_member_that_our_code_uses() -> None:
    of_requests = {*attributes("head_parser", "message"), "_expected_100_continue"}

    assert attributes("worker", "self") - own("worker") == set(OF_THE_WORKER)
    assert attributes("worker", "conn") == set(OF_A_CONNECTION)
    assert attributes("head_parser", "self") - {"_expected_100_continue"} == set(OF_THE_PARSER)
    assert of_requests == set(OF_A_REQUEST)


@pytest.mark.parametrize(("caller", "name", "parameters"), CALLED)
def test_gunicorn_calls_the_methods_that_our_worker_replaces(
    caller: Callable[..., object], name: str, parameters: list[str]
) -> None:
    replaced = getattr(ThreadWorker, name)

    assert name in caller.__code__.co_names, f"gunicorn's {caller.__name__} no longer calls {name}"
    assert list(inspect.signature(replaced).parameters) == parameters


def test_a_connection_keeps_the_parser_that_it_has(connection: TConn) -> None:
    parser = RequestParser(Config(), (), ("127.0.0.1", 1))
    connection.parser = parser

    connection.init()

    assert connection.parser is parser
    assert connection.initialized


def test_a_parser_without_a_socket_reads_its_buffer_only() -> None:
    parser = RequestParser(Config(), (), ("127.0.0.1", 1))
    parser.unreader.unread(HEAD)

    message = parser.mesg_class(parser.cfg, parser.unreader, parser.source_addr, 1)
    parser.unreader.unread(b"1next")

    assert isinstance(message.body, Body)
    assert message.body.read() == b"1"
    assert parser.unreader.take_buffered() == b"next"
    assert parser.unreader.chunk() == b""


def test_a_request_asks_one_method_which_headers_of_a_proxy_to_believe() -> None:
    assert "_peer_trusted_for_forwarded" in Request.parse_headers.__code__.co_names
    cfg = Config()
    cfg.set("forwarded_allow_ips", "")

    untrusted = next(RequestParser(cfg, [HEAD + b"1"], ("127.0.0.1", 1)))

    assert untrusted._peer_trusted_for_forwarded() == ({}, [])  # noqa: SLF001


def test_the_expectation_of_100_continue_is_a_flag_of_the_request() -> None:
    head = HEAD[:-2] + b"Expect: 100-continue\r\n\r\n"
    expects = next(RequestParser(Config(), [head], ("127.0.0.1", 1)))

    assert (expects._expected_100_continue, request()._expected_100_continue) == (True, False)  # noqa: SLF001


@pytest.mark.parametrize(
    "name", ["LimitRequestLine", "LimitRequestHeaders", "ExpectationFailed", "InvalidHeader"]
)
def test_an_error_of_the_parser_is_a_parse_exception(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.ParseException)


def test_a_parser_without_more_bytes_says_so_with_an_exception_of_its_own() -> None:
    with pytest.raises(errors.NoMoreData):
        next(RequestParser(Config(), [HEAD[:-2]], ("127.0.0.1", 1)))


def test_each_setting_that_we_make_is_one_of_gunicorns() -> None:
    tree = ast.parse((SOURCE / "gunicorn_server.py").read_text())
    (configuration,) = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    names = {key.value for key in configuration.keys if isinstance(key, ast.Constant)}

    assert len(names) > 10
    assert names <= set(Config().settings)


def test_the_arbiter_calls_our_hooks_and_has_a_table_of_its_workers() -> None:
    assert {"pre_fork", "post_fork"} <= set(Arbiter.spawn_worker.__code__.co_names)
    assert "when_ready" in Arbiter.start.__code__.co_names
    assert isinstance(Arbiter.WORKERS, dict)
    assert list(inspect.signature(Config().pre_fork).parameters) == ["server", "worker"]
    assert list(inspect.signature(Config().post_fork).parameters) == ["server", "worker"]
    assert list(inspect.signature(Config().when_ready).parameters) == ["server"]


def test_an_application_is_configured_by_load_config_and_made_by_load() -> None:
    assert "load_config" in BaseApplication.do_load_config.__code__.co_names
    assert "load" in BaseApplication.wsgi.__code__.co_names
