"""What the script that Multi Model Server starts for each model does with an archive's own code."""

import subprocess
import sys
from pathlib import Path

import pytest

import serving

LAUNCHER = Path(serving.__file__).with_name("launcher.sh")


@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({"OMP_NUM_THREADS": "1", "OWN_CODE_THREADS": "4"}, "4"),
        ({"OMP_NUM_THREADS": "3"}, "3"),
        ({}, "None"),
    ],
    ids=["the profile's", "the user's", "none chosen"],
)
def test_own_code_gets_the_threads_that_were_chosen_for_it(
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
