"""The real Multi Model Server: hostile urls and names, large requests, its port, an archive's own code."""

import gzip
import json
import os
import socket
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from container import Paths
from testbed.server import Server, free_port, installed, serving
from tests.integration.test_pool import eventually, pool

Writer = Callable[[Path], None]


def zip_of(*names: str) -> Writer:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "written")

    return write


ESCAPES = ("../outside.txt", "../../outside.txt", "../../../outside.txt", "a/../../../../outside.txt")
FILES: dict[str, Writer] = {
    "plain.zip": zip_of("a.txt", "model.json"),
    "up.zip": zip_of(*ESCAPES),
    "up.mar": zip_of(*ESCAPES, "MAR-INF/MANIFEST.json"),
    "up.model": zip_of(*ESCAPES, "MANIFEST.json"),
    "renamed.tar.gz": zip_of(*ESCAPES),
    "no zip.zip": lambda path: path.write_text("text") and None,
    "pipe": os.mkfifo,
}


def listing(*folders: Path) -> set[str]:
    return {str(path) for folder in folders for path in folder.rglob("*") if not path.name.startswith(".mms")}


@pytest.fixture(scope="module")
def hostile(fleet: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, Path]]:
    """Return a server, its temporary folder, and a folder outside the model store; hostile files in both."""
    outside, temporary = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("temporary")
    for name, write in FILES.items():
        for folder in (outside, fleet.models):
            write(folder / name)
    zip_of(str(outside / "absolute.txt"))(outside / "absolute.zip")
    (fleet.models / "link.zip").symlink_to(outside / "up.zip")
    (fleet.models / "linked").symlink_to(outside)
    with serving(fleet.base, TMPDIR=str(temporary)) as server:
        yield server, temporary, outside
    for path in [fleet.models / name for name in (*FILES, "link.zip", "linked")]:
        path.unlink()


URLS = [f"{{store}}/{name}" for name in (*FILES, "link.zip", "linked", "linked/up.zip")]
URLS += [f"{{outside}}/{name}" for name in (*FILES, "absolute.zip")]
URLS += ["file://{store}/up.zip", "FILE:{store}/up.zip", "http://127.0.0.1:9/up.zip", "s3://bucket/up.zip"]
URLS += ["up.zip", "{store}/../models/up.zip", "{store}/1/../up.zip", "/dev/null", "/dev/zero", "/proc/1/mem"]
URLS += ["{outside}", "/", "/etc", ""]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_no_model_folder_is_400_and_nothing_is_written(
    hostile: tuple[Server, Path, Path], fleet: Paths, url: str
) -> None:
    server, temporary, outside = hostile
    before = listing(fleet.base, temporary, outside)

    answer = server.load("hostile", url.format(store=fleet.models, outside=outside))

    assert answer.status == 400
    assert str(fleet.base).encode() not in answer.content
    eventually(lambda: listing(fleet.base, temporary, outside) == before)
    assert server.request("GET", "/models").json["models"] == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"model_name": "7"} x', b'{"model_name": [], "url": "/"}', b'{"model_name": "7"}'],
    ids=str,
)
def test_a_load_without_a_name_and_a_url_is_400(hostile: tuple[Server, Path, Path], body: bytes) -> None:
    assert hostile[0].request("POST", "/models", body).status == 400


@pytest.mark.parametrize(
    "name",
    ["a/b", "..", ".", "a\nb", "a\x00b", "\x1b[31m", "\x7f", "\ud800", "x" * 5_000, "x" * 200_000],
    ids=lambda name: ascii(name)[:12],
)
def test_a_name_that_no_route_reaches_is_400(server: Server, fleet: Paths, name: str) -> None:
    answer = server.load(name, fleet.models / "1" / "model")

    assert answer.status == 400
    assert [each["modelName"] for each in server.request("GET", "/models").json["models"]] == ["0"]


def test_a_response_names_the_customer_and_not_the_models_opaque_name(server: Server, fleet: Paths) -> None:
    server.load("5f3c", fleet.models / "1" / "model")

    by_header = server.request(
        "POST",
        "/models/5f3c/invoke",
        b'{"period": 2}',
        headers={"X-Amzn-SageMaker-Target-Model": "0.tar.gz"},
    ).json
    without = server.invoke("5f3c", {"period": 2}).json
    other = server.invoke("0", {"period": 2}).json
    server.request("DELETE", "/models/5f3c")

    assert by_header["target_model"] == "0"
    assert by_header["predictions"] == without["predictions"]
    assert by_header["predictions"] != other["predictions"]


def test_a_name_in_any_script_is_loaded_and_refused_in_any_locale(fleet: Paths) -> None:
    folder = fleet.models / "Łódź 北京" / "model"
    folder.mkdir(parents=True, exist_ok=True)
    path = f"/models/{quote(folder.parent.name)}"
    with serving(fleet.base, LC_ALL="C", LANG="C") as server:
        refused = [server.load(folder.parent.name, folder).status for _ in range(3)]
        (folder / "model.json").write_bytes((fleet.models / "1" / "model" / "model.json").read_bytes())
        loaded = server.load(folder.parent.name, folder).status
        answer = server.request("POST", f"{path}/invoke", b'{"period": 2}')

    assert refused == [400] * 3
    assert loaded == 200
    assert answer.json["target_model"] == "Łódź 北京"


def test_a_compressed_body_is_read(server: Server) -> None:
    packed = gzip.compress(b'{"period": 3}')

    answer = server.request("POST", "/models/0/invoke", packed, headers={"Content-Encoding": "gzip"})

    assert answer.json == server.invoke("0", {"period": 3}).json


def test_a_large_request_is_answered_and_others_meanwhile(fleet: Paths) -> None:
    large = b'{"period": 1}\n' * 20_000
    statuses: list[int] = []
    with serving(fleet.base, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        for name in "01":
            server.load(name, fleet.models / name / "model")
        before = pool(server)
        is_over = threading.Event()

        def ask(*, packed: bool) -> int:
            answered = 0
            body = gzip.compress(b'{"period": 7}') if packed else b'{"period": 7}'
            headers = {"Content-Encoding": "gzip"} if packed else {}
            while not is_over.is_set():
                statuses.append(server.request("POST", "/models/1/invoke", body, headers=headers).status)
                answered += 1
            return answered

        with ThreadPoolExecutor() as threads:
            others = [threads.submit(ask, packed=packed) for packed in (False, False, True, True)]
            answer = server.request("POST", "/models/0/invoke", large, content_type="application/jsonlines")
            is_over.set()
            answered = [each.result(60) for each in others]

        assert answer.status == 200
        assert answer.content.count(b"\n") == 20_000
        assert min(answered) > 10
        assert set(statuses) == {200}
        assert pool(server) == before


def test_requests_to_many_models_at_once_are_all_answered(fleet: Paths) -> None:
    with serving(fleet.base, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server, ThreadPoolExecutor(60) as threads:
        for name in range(60):
            server.load(str(name), fleet.models / "1" / "model")

        answers = threads.map(lambda n: server.invoke(str(n % 60), {"period": 10_000}), range(120))

        assert {answer.status for answer in answers} == {200}


def test_large_requests_of_many_models_are_all_answered(fleet: Paths) -> None:
    large = b'{"period": 1}\n' * 10_000
    with serving(fleet.base, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server, ThreadPoolExecutor(5) as threads:
        for name in "01234":
            server.load(name, fleet.models / name / "model")

        answers = threads.map(
            lambda name: server.request(
                "POST", f"/models/{name}/invoke", large, content_type="application/jsonlines"
            ),
            "01234",
        )

        assert {answer.status for answer in answers} == {200}


def test_a_request_that_takes_too_long_is_503_and_ends_no_process(fleet: Paths) -> None:
    large = b'{"period": 3}\n' * 90_000
    with serving(fleet.base, SAGEMAKER_MODEL_SERVER_TIMEOUT="2") as server:
        server.load("0", fleet.models / "0" / "model")
        before = pool(server)

        late = server.request("POST", "/models/0/invoke", large, content_type="application/jsonlines")
        after = server.invoke("0", {"period": 2})

        assert late.status == 503
        assert after.status == 200
        assert pool(server) == before


def test_a_port_that_is_taken_is_one_line_that_names_the_setting(fleet: Paths) -> None:
    port = free_port()
    environment = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BIND_TO_PORT": str(port)}
    environment["SAGEMAKER_BASE_DIR"] = str(fleet.base)
    with socket.create_server(("127.0.0.1", port)):
        ended = subprocess.run(
            installed("serve"),
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "SAGEMAKER_BIND_TO_PORT" in ended.stderr


def test_proxy_variables_change_nothing(fleet: Paths) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    with serving(fleet.base, MODEL_STORE=str(fleet.checkpoints), **proxies) as server:

        def workers() -> int:
            described = server.request("GET", "/models/model-store").json
            return len((described[0] if isinstance(described, list) else described)["workers"])

        eventually(lambda: workers() > 1)
        answer = server.request("POST", "/invocations", b'{"target_model": "0", "period": 2}')

    assert answer.status == 200


OWN_PACKAGES = """
import json, os
from serving import features
import archive, container, fleetcast, train

try:
    import processing
except ModuleNotFoundError as error:
    missing = error.name

def model_fn(model_dir):
    return features.SCALE * archive.SCALE * container.SCALE * fleetcast.SCALE * train.SCALE

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model):
    with open("/proc/self/environ") as file:
        names = [each.partition("=")[0] for each in file.read().split(chr(0))]
    return {"scale": model, "missing": missing, "variables": sorted({*os.environ, *names})}

def output_fn(prediction, accept):
    return json.dumps(prediction)
"""


def test_an_archives_code_imports_its_own_packages_and_gets_no_credentials(
    fleet: Paths,
) -> None:
    folder = fleet.models / "packages" / "model"
    for package in ("archive", "container", "fleetcast", "serving", "train"):
        (folder / "code" / package).mkdir(parents=True)
        (folder / "code" / package / "__init__.py").write_text("SCALE = 3\n")
    (folder / "code" / "serving" / "features.py").write_text("SCALE = 2\n")
    (folder / "code" / "inference.py").write_text(OWN_PACKAGES)
    secrets = {"AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x", "DATABASE_PASSWORD": "x"}
    chosen = {"OWN_CODE_VARIABLES": "HF_TASK", "HF_TASK": "x"}
    with serving(fleet.base, ALLOW_ARCHIVE_CODE="true", **secrets, **chosen) as server:
        loaded = server.load("packages", folder)
        answer = server.invoke("packages", {}).json

    assert loaded.status == 200
    assert answer["scale"] == 2 * 3**4
    assert answer["missing"] == "processing"
    assert {"PATH", "HF_TASK", "SAGEMAKER_BASE_DIR"} <= set(answer["variables"])
    assert not {*secrets} & set(answer["variables"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 2 MB and 300 files."""
    options = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=300", "tmpfs", str(tmp_path)]
    if os.geteuid() or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill_with_bytes(folder: Path) -> None:
    descriptor = os.open(folder / "filler", os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)


def fill_with_files(folder: Path) -> None:
    with suppress(OSError):
        for number in range(1_000):
            (folder / f"filler-{number}").touch()


@pytest.mark.parametrize("fill", [fill_with_bytes, fill_with_files])
def test_while_the_disk_is_full_loads_are_507_and_loaded_models_are_served(
    fleet: Paths, small_disk: Path, fill: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(fleet.base, TMPDIR=str(small_disk)) as server:
        server.load("0", fleet.models / "0" / "model")
        fill(small_disk)
        refused, served = [], []
        for _ in range(3):
            eventually(lambda: any(small_disk.glob("serve-*/spare-0")) or fill is fill_with_bytes)
            refused.append(server.load("1", fleet.models / "1" / "model").status)
            served.append(server.invoke("0", {"period": 2}).status)
        for path in small_disk.glob("filler*"):
            path.unlink()
        loaded = server.load("1", fleet.models / "1" / "model").status

    assert refused == [507] * 3
    assert served == [200] * 3
    assert loaded == 200
    assert f"the disk of {small_disk}" in capfd.readouterr().err


def test_a_refused_model_leaves_no_launcher_behind(server: Server, fleet: Paths) -> None:
    (fleet.models / "damaged" / "model").mkdir(parents=True, exist_ok=True)
    (fleet.models / "damaged" / "model" / "model.json").write_text("{")

    def launchers() -> int:
        processes = psutil.Process(server.process.pid).children(recursive=True)
        return sum("model_service_worker" in " ".join(each.cmdline()) for each in processes)

    before = launchers()
    answers = {server.load("damaged", fleet.models / "damaged" / "model").status for _ in range(20)}

    assert answers == {400}
    eventually(lambda: launchers() == before)
    assert json.loads(server.request("GET", "/models").content)["models"][0]["modelName"] == "0"


def test_a_refused_load_disturbs_no_load_of_another_model(server: Server, fleet: Paths) -> None:
    empty = fleet.models / "empty" / "model"
    empty.mkdir(parents=True, exist_ok=True)

    def refuse() -> set[int]:
        return {server.load("empty", empty).status for _ in range(60)}

    def load() -> set[int]:
        statuses = set()
        for _ in range(60):
            statuses.add(server.load("1", fleet.models / "1" / "model").status)
            statuses.add(server.invoke("1", {"period": 2}).status)
            statuses.add(server.request("DELETE", "/models/1").status)
        return statuses

    with ThreadPoolExecutor() as threads:
        refused, loaded = threads.submit(refuse), threads.submit(load)

    assert refused.result() == {400}
    assert loaded.result() == {200}
