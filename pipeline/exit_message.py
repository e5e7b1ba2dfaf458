"""The sentence that SageMaker shows of a processing job: `ExitMessage` in `DescribeProcessingJob`."""

from collections.abc import Mapping
from typing import Final

from container import Paths

MOST_BYTES: Final = 1024
"""Of `output/message`; SageMaker shows no more."""


def write_exit_message(env: Mapping[str, str], sentence: str) -> None:
    """Write a sentence to `output/message`; raise OSError."""
    message = Paths.from_env(env).base / "output" / "message"
    message.parent.mkdir(parents=True, exist_ok=True)
    message.write_bytes(sentence.encode(errors="replace")[:MOST_BYTES].decode(errors="ignore").encode())
