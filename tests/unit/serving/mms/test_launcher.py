"""The script that Multi Model Server starts for each model, and what the pool knows of those that run."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import serving
from serving.mms.launchers import Launchers, kill
from serving.mms.spare_files import SPARE_FILES, keep_spare_files

LAUNCHER = Path(serving.__file__).with_name("mms") / "launcher.sh"


@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({"OMP_NUM_THREADS": "1", "OWN_CODE_THREADS": "4"}, "4"),
        ({"OMP_NUM_THREADS": "3"}, "3"),
        ({}, "None"),
    ],
    ids=["the profile's", "the user's", "none chosen"],
)
def test_an_archives_code_gets_its_own_number_of_threads(
    tmp_path: Path, variables: dict[str, str], threads: str
) -> None:
    folder = tmp_path / "models" / "own" / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").touch()
    worker = tmp_path / "worker.py"
    worker.write_text("import os\nprint(os.environ.get('OMP_NUM_THREADS'))\n")
    env = {"OWN_CODE_PYTHON": sys.executable, "OWN_CODE_WORKER": str(worker)}
    env["OWN_CODE_BELOW"] = str(tmp_path / "models")
    arguments = ["/x/model_service_worker.py", "--sock-type", "unix", "--sock-name", "/x/s.9000"]
    arguments += ["--handler", "h", "--model-path", str(folder), "--model-name", "own"]

    done = subprocess.run(
        ["/bin/sh", LAUNCHER, *arguments], env=env | variables, capture_output=True, check=True, timeout=60
    )

    assert done.stdout.decode().strip() == threads


def start_launcher(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Start one as Multi Model Server does, and wait until it says so."""
    script = folder / "python"
    if not script.exists():
        script.symlink_to(LAUNCHER)
    arguments = ["/x/model_service_worker.py", "--sock-type", "unix", "--sock-name", str(folder / "s.9000")]
    arguments += ["--handler", "h", "--model-path", str(folder), "--model-name", name]
    started = subprocess.Popen(
        [script, *arguments],
        env={"POOL_FOLDER": str(folder), "POOL_PROCESSES": "1", "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == b"MMS worker started.\n"
    return started


def finish(started: subprocess.Popen[bytes]) -> None:
    started.kill()
    started.wait()
    for stream in (started.stdin, started.stdout):
        assert stream is not None
        stream.close()


def test_the_launcher_of_a_model_is_the_one_that_runs(tmp_path: Path) -> None:
    launchers = Launchers(tmp_path, slot=0)
    first = start_launcher(tmp_path, "7\n;é")
    other = start_launcher(tmp_path, "8")
    finish(first)
    second = start_launcher(tmp_path, "7\n;é")

    pid = launchers.find("7\n;é")
    finish(second)
    finish(other)
    gone = launchers.find("7\n;é")
    launchers.close()

    assert pid == second.pid
    assert gone is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_launcher_that_could_not_write_its_line_is_found_too(tmp_path: Path) -> None:
    started = start_launcher(tmp_path, "7")
    (tmp_path / "0.launchers").write_bytes(b"")

    launchers = Launchers(tmp_path, slot=0)
    pid = launchers.find("7")
    launchers.close()
    finish(started)

    assert pid == started.pid


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_another_servers_launcher_of_a_model_with_the_same_name_is_never_found(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    other = start_launcher(theirs, "7")
    launchers = Launchers(ours, slot=0)

    without_ours = launchers.find("7")
    own = start_launcher(ours, "7")
    with_both = launchers.find("7")
    finish(own)
    (ours / "0.launchers").write_bytes(f"{other.pid} 7\0".encode())
    after_a_process_id_was_reused = Launchers(ours, slot=0)
    reused = after_a_process_id_was_reused.find("7")
    for each in (launchers, after_a_process_id_was_reused):
        each.close()
    finish(other)

    assert without_ours is None
    assert with_both == own.pid
    assert reused is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_the_end_of_a_launcher_is_reported_once_its_parent_has_noticed_it(tmp_path: Path) -> None:
    started = start_launcher(tmp_path, "7")

    pipe = kill(started.pid)
    assert pipe is not None
    code = started.wait()
    before, _, _ = select.select([pipe], [], [], 0)
    assert started.stdin is not None
    started.stdin.close()
    after, _, _ = select.select([pipe], [], [], 10)
    os.close(pipe)
    finish(started)

    assert code == -signal.SIGKILL
    assert before == []
    assert after == [pipe]


@pytest.mark.parametrize("missing", [0, 1], ids=["the disk took all", "the disk did not take the last one"])
def test_spare_files_make_room_once_the_disk_did_not_take_all_of_them(tmp_path: Path, missing: int) -> None:
    keep_spare_files(tmp_path)
    for number in range(SPARE_FILES - missing, SPARE_FILES):
        (tmp_path / f"spare-{number}").unlink()

    finish(start_launcher(tmp_path, "7"))

    assert len(list(tmp_path.glob("spare-*"))) == (0 if missing else SPARE_FILES)
