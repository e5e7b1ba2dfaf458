"""Starts Multi Model Server, as published: its configuration file, command line and environment."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import mms

from container import usable_cpus
from serving.mms.store_endpoint import STORE_NAME
from serving.settings import ServingSettings

MAIN_CLASS = "com.amazonaws.ml.mms.ModelServer"
HANDLER = "fleetcast_archive_code:handle"
"""What a worker of an archive's own code is to import; `archive_code` answers to that name."""
PASSED_VARIABLES = re.compile(
    "PATH|HOME|USER|LOGNAME|HOSTNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|LD_PRELOAD|PYTHON.*"
    "|(OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|NUMEXPR|MALLOC|DNNL|CUDA|NVIDIA|TF_(CPP|ENABLE|NUM|XLA))_.*"
    "|LRU_CACHE_CAPACITY|THP_MEM_ALLOC_ENABLE|SAGEMAKER_.*|AWS_REGION|AWS_DEFAULT_REGION|OWN_CODE_THREADS"
    "|JAVA_HOME|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS"
)
"""Environment variables that Multi Model Server gets, and with it the code of archives; none is a secret."""
FIRST_JAVA_THAT_WARNS = 24
"""The first release of Java that logs warnings about what Multi Model Server's libraries do."""
LOG_LEVELS = {10: "debug", 20: "info", 30: "warn", 40: "error", 50: "fatal"}
"""Python's log levels by the names of log4j."""
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""Multi Model Server's own limit, which must exceed ours: it answers a longer response with an error."""
OUR_CLASSES = Path(__file__).with_name("java")
"""Folder of a class, `RegisterModelRequest`, that replaces one of Multi Model Server's."""


def configuration(settings: ServingSettings, *, folder: Path) -> str:
    """Return MMS's properties file."""
    address = f"http://0.0.0.0:{settings.port}"
    netty_threads = max(1, usable_cpus() // 2)  # on two processors 20 % more requests than with two each
    properties: dict[str, object] = {
        "inference_address": address,
        "management_address": address,
        "model_store": "/",
        "default_service_handler": HANDLER,
        "default_workers_per_model": 1,
        "job_queue_size": settings.job_queue_size,
        "default_response_timeout_seconds": settings.timeout_seconds,
        "unregister_model_timeout": 60,
        "max_request_size": settings.max_request_bytes,
        "max_response_size": MAX_RESPONSE_BYTES,
        "decode_input_request": "false",
        "async_logging": "true",
        "number_of_netty_threads": netty_threads,
        "netty_client_threads": netty_threads,
        "metric_time_interval": 86_400,
    }
    if settings.model_store:
        properties["load_models"] = f"{STORE_NAME}={folder / STORE_NAME}"
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def command(settings: ServingSettings, *, java: Path, folder: Path) -> list[str]:
    """Return the command line that starts MMS with the files that lie in `folder`.

    MMS's own launcher puts Java in the background and leaves its process id in a file that a crash makes
    stale; here Java is a child like any other.
    """
    jars = Path(mms.__file__).parent / "frontend" / "*"
    return [
        str(java),
        f"-Dmodel_server_home={folder}",
        f"-Dlog4j.configurationFile={Path(__file__).with_name('log4j2.xml').as_uri()}",
        f"-Djava.io.tmpdir={folder}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xss256k",
        f"-Xmx{settings.heap_megabytes}m",
        "-XX:+ExitOnOutOfMemoryError",
        *_processor_count(settings.vmargs),
        *_without_warnings(java),
        *settings.vmargs,
        "-cp",
        f"{OUR_CLASSES}{os.pathsep}{jars}",
        MAIN_CLASS,
        "--python",
        str(folder / "bin" / "python"),
        "-f",
        str(folder / "mms.properties"),
    ]


def environment(settings: ServingSettings, env: Mapping[str, str], *, folder: Path) -> dict[str, str]:
    """Return the environment of MMS and its launchers, in which every name of Python is launcher.sh.

    The code of archives gets the same environment: the variables of `env` that PASSED_VARIABLES or the
    operator names, and no credentials.
    """
    ours = {
        "PATH": f"{folder / 'bin'}:{env.get('PATH', os.defpath)}",
        "POOL_FOLDER": str(folder),
        "POOL_PROCESSES": str(settings.processes),
        "POOL_STORE_NAME": STORE_NAME if settings.model_store else "",
        "WORKER_LOG_LEVEL": LOG_LEVELS[logging.getLogger().getEffectiveLevel()],
    }
    if settings.allow_archive_code:
        ours |= {
            "OWN_CODE_PYTHON": sys.executable,
            "OWN_CODE_WORKER": str(Path(__file__).with_name("archive_code.py")),
            "OWN_CODE_BELOW": str(settings.paths.models),
        }
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if "utf" not in locale.lower():
        ours["LC_ALL"] = "C.UTF-8"  # otherwise Java finds no folder and starts no program with such a name
    passed = {
        name: text
        for name, text in env.items()
        if PASSED_VARIABLES.fullmatch(name) or name in settings.own_code_variables
    }
    return passed | ours


def start(settings: ServingSettings, *, java: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start MMS in a process group of its own, to which the launchers will belong as well."""
    (folder / "mms.properties").write_text(configuration(settings, folder=folder))
    (folder / "bin").mkdir(exist_ok=True)
    (folder / STORE_NAME).mkdir(exist_ok=True)
    for name in ("python", "python2", "python3"):
        path = folder / "bin" / name
        path.unlink(missing_ok=True)
        path.symlink_to(Path(__file__).with_name("launcher.sh"))
    return subprocess.Popen(  # noqa: S603 -- the command line is ours
        command(settings, java=java, folder=folder),
        cwd=folder,
        env=environment(settings, os.environ, folder=folder),
        start_new_session=True,
    )


def _processor_count(vmargs: Sequence[str]) -> tuple[str, ...]:
    """Return the option that tells Java our number of processors, unless the user's options have it."""
    name = "-XX:ActiveProcessorCount="
    return () if any(option.startswith(name) for option in vmargs) else (f"{name}{usable_cpus()}",)


def _without_warnings(java: Path) -> tuple[str, ...]:
    """Return the options that keep newer releases of Java from warning about MMS's libraries."""
    release = java.resolve().parent.parent / "release"
    text = release.read_text() if release.is_file() else ""
    version = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    if version is None or int(version[1]) < FIRST_JAVA_THAT_WARNS:
        return ()
    return "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"
