"""Lets child processes import this project's packages, whatever else has their names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The folder of this project's packages."""


def variables_for_own_packages(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a Python process that finds this project's packages before all others.

    `python -c` and `python -m` look into the working directory first; a folder `train` there would replace
    ours.
    """
    path = env.get("PYTHONPATH")
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), path]) if path else str(ROOT)}
