"""How the hosts of a cluster end, for the documentation."""

from dataclasses import dataclass
from typing import Final

from container.cluster.settings import JOIN_SECONDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What can happen to a cluster, and the exit codes of its hosts."""

    event: str
    head: str
    others: str


OUTCOMES: Final = (
    Outcome("the job ends, well or badly", "the job's own", "0"),
    Outcome(
        f"a host does not join within `{JOIN_SECONDS.name}`",
        "1; the error names the missing hosts",
        "1, with the same error; the missing host, if it runs: 1, as it does not reach the head",
    ),
    Outcome(
        "Ray ends on a host other than the head, such as out of memory",
        "the job's own; other hosts do its work",
        "that host 1, the others 0",
    ),
    Outcome(
        "a host is cut off from the head",
        "the job's own; other hosts do its work",
        "that host 1 within 15 seconds, the others 0",
    ),
    Outcome(
        "Ray ends on the head", "1 within 15 seconds; archives that were written stay", "1 within 15 seconds"
    ),
    Outcome("the head is lost", "none", "1 within 15 seconds"),
    Outcome("SIGTERM to all hosts, as SageMaker stops a job", "143; all that was done is written", "143"),
)


def outcome_table() -> str:
    """Return the outcomes as a table in Markdown."""
    rows = [f"| {each.event} | {each.head} | {each.others} |" for each in OUTCOMES]
    return "\n".join(
        ["| what happens | exit code of the head | of the other hosts |", "| --- | --- | --- |", *rows]
    )
