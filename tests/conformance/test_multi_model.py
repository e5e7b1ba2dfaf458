"""The contract of SageMaker's multi-model containers, seen from outside; the requests are Fleetcast's.

"Build Your Own Container for SageMaker AI Multi-Model Endpoints", AWS developer guide.
"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.conftest import Endpoint

INTERNALS = (b"Traceback", b"site-packages", b'File "', b".py", b"java.", b"com.amazonaws")


def leaves_the_list(endpoint: Endpoint, name: str) -> bool:
    """Return whether a model is soon not listed: Multi Model Server answers a moment before it forgets it."""
    until = time.monotonic() + 10
    while name in endpoint.listed():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_ping_is_answered_200_within_2_seconds(endpoint: Endpoint) -> None:
    begun = time.monotonic()

    assert endpoint.server.request("GET", "/ping").status == 200
    assert time.monotonic() - begun < 2


def test_without_models_the_list_is_empty(endpoint: Endpoint) -> None:
    assert endpoint.server.request("GET", "/models").json["models"] == []


def test_a_model_is_loaded_200_and_answers(loaded: Endpoint) -> None:
    assert loaded.load("three").status == 200
    assert loaded.invoke("three", {"period": 7}).status == 200


def test_a_model_that_is_loaded_already_is_409(loaded: Endpoint) -> None:
    assert loaded.load("one").status == 409


def test_a_folder_that_is_not_there_is_404(endpoint: Endpoint) -> None:
    assert endpoint.load("nobody").status == 404
    assert leaves_the_list(endpoint, "nobody")


@pytest.mark.parametrize("folder", ["broken", "empty"])
def test_an_unusable_model_is_400_and_not_listed(endpoint: Endpoint, folder: str) -> None:
    answer = endpoint.load("unusable", folder)

    assert answer.status == 400
    assert leaves_the_list(endpoint, "unusable")


def test_a_load_that_failed_can_be_tried_again(endpoint: Endpoint) -> None:
    endpoint.load("again", "broken")

    second = endpoint.load("again", "one")
    answer = endpoint.invoke("again", {"period": 1})
    endpoint.unload("again")

    assert second.status == 200
    assert answer.status == 200


def test_a_load_without_url_is_400(endpoint: Endpoint) -> None:
    assert endpoint.server.request("POST", "/models", b'{"model_name": "one"}').status == 400


def test_a_load_that_is_not_json_is_400(endpoint: Endpoint) -> None:
    assert endpoint.server.request("POST", "/models", b'{"model_name": ').status == 400


@pytest.mark.parametrize("url", ["/etc", "/", "../one/model", "file:///etc"])
def test_a_url_outside_the_model_store_is_4xx(endpoint: Endpoint, url: str) -> None:
    answer = endpoint.server.load("outside", url)
    endpoint.unload("outside")

    assert 400 <= answer.status < 500


def test_a_remote_url_is_4xx(endpoint: Endpoint) -> None:
    answer = endpoint.server.load("remote", "http://127.0.0.1:9/model.mar")
    endpoint.unload("remote")

    assert 400 <= answer.status < 500


def test_models_are_listed_with_name_and_url(loaded: Endpoint) -> None:
    models = loaded.server.request("GET", "/models").json["models"]

    assert [each["modelName"] for each in models] == ["one", "two"]
    assert models[0]["modelUrl"] == f"{loaded.folder}/one/model"


def test_the_list_has_pages(loaded: Endpoint) -> None:
    first = loaded.server.request("GET", "/models?limit=1").json
    second = loaded.server.request(
        "GET", f"/models?limit=1&next_page_token={first.get('nextPageToken')}"
    ).json

    names = [each["modelName"] for page in (first, second) for each in page["models"]]
    assert names == ["one", "two"]


def test_a_model_is_described(loaded: Endpoint) -> None:
    described = loaded.server.request("GET", "/models/one").json

    described = described[0] if isinstance(described, list) else described
    assert (described["modelName"], described["modelUrl"]) == ("one", f"{loaded.folder}/one/model")


def test_an_unknown_model_is_404_on_every_route(endpoint: Endpoint) -> None:
    answers = [
        endpoint.server.request("GET", "/models/nobody"),
        endpoint.unload("nobody"),
        endpoint.invoke("nobody", {"period": 1}),
    ]

    assert [answer.status for answer in answers] == [404] * 3


def test_an_unloaded_model_is_404_and_can_be_loaded_again(loaded: Endpoint) -> None:
    assert loaded.unload("one").status == 200
    assert loaded.invoke("one", {"period": 1}).status == 404
    assert loaded.load("one").status == 200


def test_each_model_answers_for_itself(loaded: Endpoint) -> None:
    first = [loaded.invoke(name, {"period": 3}).json["predictions"] for name in ("one", "two")]
    again = [loaded.invoke(name, {"period": 3}).json["predictions"] for name in ("one", "two")]

    assert first == again
    assert all(a["yhat"] < b["yhat"] for a, b in zip(*first, strict=True))


def test_models_answer_at_the_same_time(loaded: Endpoint) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: loaded.invoke(("one", "two")[n % 2], {"period": 1}), range(64)))

    assert {answer.status for answer in answers} == {200}


def test_a_forecast_has_the_period_that_was_asked_for(loaded: Endpoint) -> None:
    assert len(loaded.invoke("one", {"period": 30}).json["predictions"]) == 30


@pytest.mark.parametrize(
    "body",
    [
        b'{"period": -1}',
        b'{"period": 0}',
        b'{"period": 1000000}',
        b'{"period": 9223372036854775808}',
        b'{"period": 1e400}',
        b'{"period": NaN}',
        b'{"period": true}',
        b'{"period": "1"}',
        b"[" * 100_000,
        b'{"period": ' + b"1" * 100_000 + b"}",
        b"not json",
    ],
    ids=lambda body: body[:20].decode(),
)
def test_a_bad_request_is_400_without_internals(loaded: Endpoint, body: bytes) -> None:
    answer = loaded.invoke("one", body)

    assert answer.status == 400
    assert not [word for word in INTERNALS if word in answer.content]


def test_an_unknown_content_type_is_415(loaded: Endpoint) -> None:
    answer = loaded.server.request("POST", "/models/one/invoke", b"<a/>", content_type="application/xml")

    assert answer.status == 415


def test_an_unknown_accept_is_406(loaded: Endpoint) -> None:
    answer = loaded.server.request(
        "POST", "/models/one/invoke", b'{"period": 1}', headers={"Accept": "image/png"}
    )

    assert answer.status == 406


def test_a_body_beyond_6_mb_is_413(loaded: Endpoint) -> None:
    with socket.create_connection(loaded.server.address, timeout=10) as connection:
        connection.sendall(
            b"POST /models/one/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 7340032\r\n\r\n"
        )

        assert connection.recv(1024).split()[1] == b"413"


def test_after_a_bad_request_a_model_still_answers(loaded: Endpoint) -> None:
    loaded.invoke("one", b"{")

    assert loaded.invoke("one", {"period": 1}).status == 200
