"""What the profile's bfloat16 changes: for a brought PyTorch model, and nothing of a forecast.

`make bench-brought`, with TORCH=… for a Python that has torch.  Without torch it compares the forecasts only
and exits with 2.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks._report import RESULTS, about
from container.profile import profile

BF16: Final = {"DNNL_DEFAULT_FPMATH_MODE": "BF16"}
MODEL: Final = Path(__file__).with_name("_mlp.py")
TITLES: Final = {"eager": "eager, as `torch.nn` runs it", "oneDNN": "converted to oneDNN's layout"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write benchmarks/results/brought-model-<architecture>.json and .md, print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.brought_model", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="which has torch (default: this one)")
    parser.add_argument("--rounds", type=int, default=15, help="(default: %(default)s)")
    options = parser.parse_args(arguments)
    if not forecasts_are_equal():
        return 1
    if subprocess.run([options.python, "-c", "import torch"], capture_output=True, check=False).returncode:
        sys.stderr.write("torch is not installed: pip install torch\n")
        return 2
    rounds = [(brought(options.python, {}), brought(options.python, BF16)) for _ in range(options.rounds)]
    sys.stdout.write(write(rounds, command=f"python -m benchmarks.brought_model --rounds {options.rounds}"))
    return 0


def forecasts_are_equal() -> bool:
    """Compare the hash without any variable of a profile and with all that a profile has."""
    hashes = [_forecasts(variables) for variables in _environments()]
    equal = len(set(hashes)) == 1
    verdict = f"equal, sha256 {hashes[0]}" if equal else f"they differ: {', '.join(hashes)}"
    sys.stdout.write(f"bytes of the forecasts without and with the variables: {verdict}\n")
    return equal


def _environments() -> Iterator[Mapping[str, str]]:
    everything = profile("aarch64", ("bf16",), cores=os.cpu_count() or 1, env={}).variables
    yield {}
    yield everything
    yield dict(everything) | {"OMP_NUM_THREADS": "4"}


def _forecasts(variables: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "testbed.forecasts_hash"]
    done = subprocess.run(command, env=_clean() | variables, capture_output=True, text=True, check=True)
    return done.stdout


def brought(python: str, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 -- JSON
    """Return what the model's own process says of itself."""
    done = subprocess.run(
        [python, MODEL], env=_clean() | variables, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _clean() -> dict[str, str]:
    """Return the environment without what a profile may have set."""
    known = profile("aarch64", ("bf16",), cores=1, env={}).variables
    return {name: value for name, value in os.environ.items() if name not in known}


def write(rounds: Sequence[tuple[Any, Any]], *, command: str) -> str:
    """Write the result files and return the table."""
    first = rounds[0][0]
    facts = about(command, packages=("numpy",))
    if first["machine"] != platform.machine():
        facts["system"] += f", {first['machine']} emulated: the times are the emulator's"
    facts["versions"] |= {"torch": first["torch"]}
    ways = {name: _compared([(off["ways"][name], on["ways"][name]) for off, on in rounds]) for name in TITLES}
    file = RESULTS / f"brought-model-{first['machine']}"
    file.with_suffix(".json").write_text(json.dumps(facts | {"ways": ways}, indent=1) + "\n")
    text = _table(facts, ways)
    file.with_suffix(".md").write_text(text)
    return text


def _compared(pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    off, on = pairs[0]
    seconds, seconds_bf16 = (min(each["seconds"] for each in side) for side in zip(*pairs, strict=True))
    return {
        "seconds": seconds,
        "seconds_bf16": seconds_bf16,
        "ratio": seconds / seconds_bf16,
        "error": off["error"],
        "error_bf16": on["error"],
        "same_bytes": off["digest"] == on["digest"],
    }


def _table(facts: Mapping[str, Any], ways: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {where}; {versions}.",
        "A network 512 → 1,024 → 1,024 → 16 of float32, 256 rows at once, one thread; the least",
        "processor seconds of the rounds, without and with DNNL_DEFAULT_FPMATH_MODE=BF16 in turn. The error",
        "is the largest as a share of the largest value, against the same network in float64.",
        "",
        "| way | without | with | ratio | error without | error with | same bytes |",
        "| --- | --: | --: | --: | --: | --: | --- |",
    ]
    for name, way in ways.items():
        times = f"{way['seconds'] * 1e3:.2f} ms | {way['seconds_bf16'] * 1e3:.2f} ms | {way['ratio']:.2f}"
        errors = f"{way['error']:.1e} | {way['error_bf16']:.1e} | {'yes' if way['same_bytes'] else 'no'}"
        lines.append(f"| {TITLES[name]} | {times} | {errors} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
