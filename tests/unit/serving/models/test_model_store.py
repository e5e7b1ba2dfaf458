import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from fleetcast.archive import BundleWriter
from fleetcast.errors import SettingError
from serving.errors import ModelNotFoundError, RequestError, UnavailableError
from serving.models import ModelStore, archive_key, open_store
from serving.models.store import MAX_PACKED_BYTES
from tests.aws import moto

BUCKET = "fleet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    (store / "eu").mkdir(parents=True)
    (store / "7.tar.gz").write_bytes(b"seven")
    (store / "eu" / "7 ü.tar.gz").write_bytes(b"seven in Europe")
    (tmp_path / "secret.tar.gz").write_bytes(b"secret")
    return store


@pytest.fixture
def directory(folder: Path) -> ModelStore:
    return open_store(str(folder))


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Yield a client of an S3 that the environment names as boto3's."""
    with moto() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client
        client.close()


def content(store: ModelStore, name: str) -> bytes:
    packed = store.read(archive_key(name))
    assert packed is not None
    return packed.content


def test_the_ending_of_a_key_may_be_omitted_and_folders_are_allowed(directory: ModelStore) -> None:
    assert content(directory, "7") == content(directory, "7.tar.gz") == b"seven"
    assert content(directory, "eu/7 ü") == b"seven in Europe"


def test_an_unchanged_archive_is_not_read_again(directory: ModelStore, folder: Path) -> None:
    packed = directory.read("7.tar.gz")
    assert packed is not None
    assert directory.read("7.tar.gz", known_version=packed.version) is None

    (folder / "new").write_bytes(b"SEVEN")
    (folder / "new").rename(folder / "7.tar.gz")

    assert directory.read("7.tar.gz", known_version=packed.version) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".tar.gz",
        "../secret",
        "../secret.tar.gz",
        "eu/../../secret",
        "/etc/passwd",
        "//secret",
        "./7",
        "eu//7",
        "eu/",
        "..",
        "7\0",
        "7\0.tar.gz",
        "x" * 4_096,
        "x" * 256,
        "a/" * 2_000 + "7",
        "\ud800",
        "file:///etc/passwd",
        "http://127.0.0.1/7",
        "s3://other/7",
        "7.tar.gz.sagemaker-ignore",
    ],
)
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="target_model must be the name of an archive"):
        archive_key(name)


@pytest.mark.parametrize("name", ["8", "eu", "7.tar.gz/7", "C:\\secret", "%2e%2e/secret", "~/7", "eu/8"])
def test_a_name_without_an_archive_is_not_found(directory: ModelStore, name: str) -> None:
    with pytest.raises(ModelNotFoundError):
        content(directory, name)


@pytest.mark.parametrize("target", ["../secret.tar.gz", "7.tar.gz", "/etc/passwd", "nowhere"])
def test_a_link_is_not_followed(directory: ModelStore, folder: Path, target: str) -> None:
    (folder / "link.tar.gz").symlink_to(target)
    (folder / "out").symlink_to("..")

    for name in ("link", "out/secret"):
        with pytest.raises(RequestError, match="links are not followed"):
            content(directory, name)


def test_a_pipe_or_a_folder_is_no_model(directory: ModelStore, folder: Path) -> None:
    os.mkfifo(folder / "pipe.tar.gz")
    (folder / "dir.tar.gz").mkdir()

    for name in ("pipe", "dir"):
        with pytest.raises(ModelNotFoundError):
            content(directory, name)


def test_an_archive_above_the_limit_is_refused(directory: ModelStore, folder: Path) -> None:
    with (folder / "large.tar.gz").open("wb") as large:
        large.truncate(MAX_PACKED_BYTES + 1)

    with pytest.raises(RequestError, match="larger than"):
        content(directory, "large")


def test_a_missing_directory_is_unavailable(directory: ModelStore, folder: Path) -> None:
    folder.rename(folder.with_name("gone"))

    with pytest.raises(UnavailableError):
        content(directory, "7")


def test_an_archive_that_is_replaced_all_the_time_is_read_as_one_version(
    directory: ModelStore, folder: Path
) -> None:
    versions, ended = [bytes([each]) * 300_000 for each in range(2)], threading.Event()
    (folder / "7.tar.gz").write_bytes(versions[0])

    def replace() -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            (folder / "new").write_bytes(versions[turn % 2])
            (folder / "new").rename(folder / "7.tar.gz")

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        contents = {content(directory, "7") for _ in range(500)}
    finally:
        ended.set()
        thread.join()

    assert contents == set(versions)


def write_bundle(path: Path, **archives: bytes) -> None:
    with BundleWriter(path) as bundle:
        for customer, packed in archives.items():
            bundle.add(customer, packed)
        bundle.finish()


def test_a_bundle_can_be_the_store(folder: Path) -> None:
    write_bundle(folder / "fleet-a.sqlite", eight=b"8")
    store = open_store(str(folder / "fleet-a.sqlite"))

    packed = store.read("eight.tar.gz")

    assert packed is not None
    assert packed.content == b"8"
    assert store.read("eight.tar.gz", known_version=packed.version) is None
    with pytest.raises(ModelNotFoundError):
        store.read("7.tar.gz")


def test_the_bundles_of_a_directory_are_searched_after_its_files(folder: Path) -> None:
    write_bundle(folder / "fleet-a.sqlite", eight=b"8", **{"7": b"not this"})
    write_bundle(folder / "fleet-b.sqlite", nine=b"9")
    store = open_store(str(folder))

    assert [content(store, name) for name in ("7", "eight", "nine")] == [b"seven", b"8", b"9"]


def test_a_replaced_bundle_is_read_again(folder: Path) -> None:
    write_bundle(folder / "fleet-a.sqlite", eight=b"8")
    store = open_store(str(folder / "fleet-a.sqlite"))
    first = store.read("eight.tar.gz")
    assert first is not None

    write_bundle(folder / "fleet-a.sqlite", eight=b"eight")

    second = store.read("eight.tar.gz", known_version=first.version)
    assert second is not None
    assert second.content == b"eight"


def test_an_invalid_bundle_is_refused_without_its_path(folder: Path) -> None:
    (folder / "fleet-a.sqlite").write_bytes(b"no bundle" * 1_000)

    with pytest.raises(RequestError, match="cannot be used") as refused:
        content(open_store(str(folder)), "eight")
    assert str(folder) not in str(refused.value)


def test_a_bundle_is_read_by_many_threads(folder: Path) -> None:
    write_bundle(folder / "fleet-a.sqlite", **{str(each): b"%d" % each for each in range(20)})
    store, wrong = open_store(str(folder / "fleet-a.sqlite")), []

    def read() -> None:
        wrong.extend(each for each in range(20) if content(store, str(each)) != b"%d" % each)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


@pytest.mark.parametrize("place", ["/nowhere", "http://127.0.0.1/x", "file:///tmp", "s3://", "s3:///x"])
def test_an_invalid_store_setting_is_refused_by_name(place: str) -> None:
    with pytest.raises(SettingError, match="MODEL_STORE must"):
        open_store(place)


def test_a_directory_does_not_import_boto3(folder: Path) -> None:
    program = (
        "import sys; from serving.models import open_store; "
        f"open_store({str(folder)!r}).read('7.tar.gz'); "
        "print(sorted({'boto3', 'botocore', 'pandas', 'prophet'} & set(sys.modules)))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)

    assert answer.stdout == b"[]\n"


@pytest.mark.parametrize("prefix", ["", "models", "models/", "/models/2026"])
def test_an_object_in_s3_is_transferred_only_if_it_is_new(s3: Any, prefix: str) -> None:
    key = f"{prefix.strip('/')}/eu/7 ü.tar.gz".lstrip("/")
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"seven")
    store = open_store(f"s3://{BUCKET}/{prefix}")

    first = store.read(archive_key("eu/7 ü"))
    assert first is not None
    again = store.read(archive_key("eu/7 ü"), known_version=first.version)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"SEVEN")
    replaced = store.read(archive_key("eu/7 ü"), known_version=first.version)

    assert first.content == b"seven"
    assert again is None
    assert replaced is not None
    assert replaced.content == b"SEVEN"


def test_a_missing_object_in_s3_is_not_found(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="secret.tar.gz", Body=b"secret")

    with pytest.raises(ModelNotFoundError):
        open_store(f"s3://{BUCKET}/below").read("secret.tar.gz")


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        open_store("s3://another").read("7.tar.gz")


def test_an_object_above_the_limit_is_not_transferred(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="large.tar.gz", Body=bytes(MAX_PACKED_BYTES + 1))

    with pytest.raises(RequestError, match="larger than"):
        open_store(f"s3://{BUCKET}").read("large.tar.gz")


@pytest.mark.usefixtures("s3")
def test_an_s3_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(UnavailableError):
        open_store(f"s3://{BUCKET}").read("7.tar.gz")


@pytest.mark.usefixtures("s3")
def test_an_invalid_name_of_a_bucket_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        open_store("s3://NO_such*bucket").read("7.tar.gz")
