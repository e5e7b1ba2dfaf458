"""Starting the stock stack: the published Multi Model Server with the settings of sagemaker-inference."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mms

from container import find_java
from testbed.server import Server, free_port, wait_for_an_answer

PROPERTIES = """\
inference_address=http://0.0.0.0:{port}
management_address=http://0.0.0.0:{port}
model_store=/
default_service_handler=benchmarks.stock.handler:handle
default_workers_per_model=1
max_request_size=6291456
decode_input_request=false
enable_envvars_config=true
"""


@contextmanager
def stock_serving() -> Iterator[Server]:
    """Run it in a session of its own until the block ends; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="stock-"))
    port = free_port()
    (folder / "mms.properties").write_text(PROPERTIES.format(port=port))
    home = Path(mms.__file__).parent.parent
    command = [str(find_java(os.environ)), f"-Dmodel_server_home={home}", f"-Djava.io.tmpdir={folder}"]
    command += [f"-Dlog4j.configurationFile={Path(__file__).with_name('log4j2.xml').as_uri()}"]
    command += ["-cp", str(home / "mms" / "frontend" / "*"), "com.amazonaws.ml.mms.ModelServer"]
    command += ["--python", sys.executable, "-f", str(folder / "mms.properties")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for_an_answer(server)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
