"""The token that every process of a cluster must show, the same on all hosts without an exchange."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

TOKEN: Final = "RAY_AUTH_TOKEN"  # noqa: S105 -- the name of Ray's variable, not a token
TOKEN_PATH: Final = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 -- as above
JOB_NAMES: Final = ("TRAINING_JOB_ARN", "PROCESSING_JOB_ARN", "TRAINING_JOB_NAME")
"""Variables in which SageMaker names the job, the most precise first."""


def is_set_by_user(env: Mapping[str, str]) -> bool:
    """Return whether the environment has a token, which Ray then reads by itself."""
    return bool(env.get(TOKEN) or env.get(TOKEN_PATH))


def derived_token(env: Mapping[str, str], hosts: Sequence[str]) -> str:
    """Return a token that is the same on all hosts of a job and differs between jobs: 64 hexadecimal digits.

    It is no secret: whoever knows the name of the job and of its hosts can compute it.
    """
    job = next((env[name] for name in JOB_NAMES if env.get(name)), "")
    parts = ["fleetcast", job, *hosts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
