"""The plain endpoint: real gunicorn, and every route and media type over HTTP."""

import json
import os
import re
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest

from container import Paths
from testbed.server import Answer, Server, serving, serving_plain
from tests.integration.gunicorn_endpoint import (
    ATTRIBUTES,
    LINES,
    TARGET,
    ask,
    level,
    levels,
    write_fleet,
)


def test_an_archive_in_the_model_folder_forecasts(plain: Server) -> None:
    assert level(ask(plain, {"target_model": "7", "period": 2}).json) == 7
    assert level(ask(plain, {"target_model": "7.tar.gz"}).json) == 7


def test_a_header_or_a_custom_attribute_may_name_the_model(plain: Server) -> None:
    header = plain.request("POST", "/invocations", b"{}", headers={TARGET: "3.tar.gz"})
    attribute = plain.request(
        "POST", "/invocations", b"{}", headers={ATTRIBUTES: "trace=1; target_model=4.tar.gz"}
    )
    both = plain.request("POST", "/invocations", b'{"target_model": "5"}', headers={TARGET: "3"})

    assert [level(each.json) for each in (header, attribute, both)] == [3, 4, 5]


def test_each_record_gets_its_own_forecast_or_error_in_order(plain: Server) -> None:
    records = [
        {"target_model": "2"},
        {"target_model": "nobody"},
        {"target_model": "9", "period": -1},
        {"target_model": "9", "freq": "h"},
        "no record",
        {"period": 3},
        {"target_model": "1", "period": 7},
    ]

    responses = ask(plain, {"requests": records}).json["responses"]

    levels_or_codes = [level(each) if "predictions" in each else each["error"]["code"] for each in responses]
    assert levels_or_codes == [2, "NOT_FOUND", "BAD_REQUEST", 9, "BAD_REQUEST", "BAD_REQUEST", 1]


def test_requests_and_responses_may_be_json_lines_or_csv(plain: Server) -> None:
    lines = b'{"target_model": "2", "period": 1}\n{"target_model": "3", "period": 1}\n'
    csv = b"target_model,period\n2,1\n3,1\n"

    from_lines = ask(plain, lines, kind=LINES).content.splitlines()
    from_csv = ask(plain, csv, kind="text/csv").content.decode().splitlines()
    as_json = ask(plain, csv, kind="text/csv", Accept="application/json")

    assert [level(json.loads(line)) for line in from_lines] == [2, 3]
    assert from_csv[0] == "target_model,ds,yhat_lower,yhat_upper,yhat"
    assert [row.split(",")[0] for row in from_csv[1:]] == ["2", "3"]
    assert levels(as_json) == [2, 3]


@pytest.mark.parametrize(
    ("status", "body", "kind", "accept"),
    [
        (400, b"{", "application/json", "*/*"),
        (400, b"{}", "application/json", "*/*"),
        (400, b"", LINES, "*/*"),
        (404, b'{"target_model": "nobody"}', "application/json", "*/*"),
        (400, b'{"target_model": "../1"}', "application/json", "*/*"),
        (406, b'{"target_model": "1"}', "application/json", "image/png"),
        (413, b" " * 7_000_000, "application/json", "*/*"),
        (415, b"a=b", "application/x-www-form-urlencoded", "*/*"),
    ],
)
def test_an_error_is_json_with_the_reason(
    plain: Server, status: int, body: bytes, kind: str, accept: str
) -> None:
    answer = ask(plain, body, kind=kind, Accept=accept)

    assert answer.status == status
    assert answer.json["error"]["code"] == HTTPStatus(status).name
    assert not re.search(r"Traceback|\.py|/opt|/tmp|werkzeug", answer.content.decode())


def test_an_unknown_route_and_method_are_refused_in_json(plain: Server) -> None:
    unknown, method = plain.request("GET", "/nothing"), plain.request("GET", "/invocations")

    assert (unknown.status, method.status) == (404, 405)
    assert unknown.json["error"]["code"] == "NOT_FOUND"


def test_ping_has_no_body_and_the_root_is_one_line(plain: Server) -> None:
    assert plain.request("GET", "/ping") == Answer(200, b"")
    assert len(plain.request("GET", "/").content.splitlines()) == 1


def test_execution_parameters_tell_batch_transform_how_to_send(plain: Server) -> None:
    assert plain.request("GET", "/execution-parameters").json == {
        "MaxConcurrentTransforms": psutil.cpu_count() and len(os.sched_getaffinity(0)),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 1,
    }


def test_both_stacks_give_identical_answers(fleet: Paths) -> None:
    bodies = [
        b"{}",
        b'{"period": 30, "interval_width": 0.95}',
        b'{"period": 3, "freq": "h", "quantiles": [0.1, 0.5]}',
        b'{"period": 2, "components": true}',
        b'{"requests": [{"period": 3}, {"period": 0}, {"period": 4}, {"period": 3}]}',
        b'{"period": 0}',
        b"{",
    ]

    def answers(stack: str) -> list[tuple[int, bytes]]:
        with serving(fleet.base, SERVING_STACK=stack) as server:
            for name in "01":
                assert server.load(name, fleet.models / name / "model").status == 200
            asked = [server.invoke(name, body) for name in "01" for body in bodies]
            asked += [
                server.request("POST", f"/models/{name}/invoke", b"{}", headers={"Accept": kind})
                for name in "01"
                for kind in ("text/csv", LINES, "image/png")
            ]
            return [(answer.status, answer.content) for answer in asked]

    assert answers("gunicorn") == answers("mms")


def test_every_route_is_in_the_openapi_document(plain: Server, fleet: Paths) -> None:
    document = plain.request("GET", "/openapi.json").json
    with serving(fleet.base, SERVING_STACK="gunicorn") as server:
        multi = server.request("GET", "/openapi.json").json

    common = {"/", "/ping", "/execution-parameters", "/metrics", "/invocations", "/openapi.json"}
    assert set(document["paths"]) == common
    assert set(multi["paths"]) == common | {"/models", "/models/{name}", "/models/{name}/invoke"}
    period = document["components"]["schemas"]["Request"]["properties"]["period"]
    assert (period["minimum"], period["maximum"], period["default"]) == (1, 10_000, 7)


def test_a_request_has_an_id_and_one_line_in_the_log_without_its_payload(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    write_fleet(paths.model)

    with serving_plain(tmp_path) as server:
        ask(server, {"target_model": "1", "interval_width": 0.123456}, X_Request_Id="mine-1")
        ask(server, {"period": -5}, X_Request_Id="not printable \t")
        server.request("GET", "/ping")
    out = capfd.readouterr().out

    first, second = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert (first["request_id"], first["status"], first["forecasts"]) == ("mine-1", 200, 1)
    assert second["status"] == 400
    assert re.fullmatch("[0-9a-f]{32}", second["request_id"])
    assert "0.123456" not in out
