"""The command line of `ingest`."""

import argparse
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from container import Paths, StopRequest, run
from fleetcast.errors import SettingError
from processing.ingest.settings import MOST_PER_CALL, IngestSettings
from processing.options import DIALECT, add_column_options, add_dialect_options, columns, reading_options

if TYPE_CHECKING:
    from processing.ingest.group_setup import NewGroup

logger = logging.getLogger(__name__)

DESCRIPTION: Final = """\
Put raw readings into a SageMaker feature group, from which `fleetcast process --from-feature-store` reads
them.

Reads what `fleetcast process` reads, with the same options: every .csv, .tsv, .txt (each also with .gz) and
.parquet file below <base>/processing/input.  Each reading becomes a record: its customer is the identifier,
its time the event time (UTC, to the millisecond), its value and regressors are features.  Only the offline
store is written.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.

Nothing is put before every file was read to its end.  Calls that are throttled or fail for a while are
repeated after growing random pauses.  A row that cannot be read and a record that was refused go to
<base>/processing/rejected/rejected.csv with file, line and reason.  The same input put again is the same
store: of equal customer and time the record that was put last counts.  What was put is noted in
<base>/processing/ingest/<group>.journal, so that a run after a kill sends only the rest."""
EPILOGUE: Final = """\
examples:
  ingest --feature-group readings --customer-id meter --timestamp ds --value y --regressors temperature
  ingest --feature-group readings --create --role-arn "$ROLE" --s3-uri s3://bucket/features
  ingest --feature-group readings --delete     for each row, the customer's readings up to its time

exit codes: 0 done; 1 too many records failed, a file that cannot be read, a group that does not fit, a call
that is refused; 2 an unknown option, or a package is missing; 130 after Ctrl-C; 143 after SIGTERM"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="fleetcast ingest",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = made.add_argument_group("the feature group").add_argument
    option("--feature-group", required=True, metavar="GROUP", help="its name or ARN")
    option("--create", action="store_true", help="create it, offline store only, if it does not exist")
    option("--role-arn", metavar="ARN", help="with --create: the role that writes to the bucket")
    option(
        "--s3-uri",
        metavar="URI",
        help="with --create: where the offline store is, such as s3://bucket/features",
    )
    option("--kms-key", metavar="ARN", help="with --create: the key that encrypts the offline store")
    option("--description", metavar="TEXT", help="with --create: at most 128 characters")
    option("--tag", action="append", default=[], metavar="KEY=VALUE", help="with --create; may be repeated")
    add_column_options(made)
    add_dialect_options(made)
    default = IngestSettings(group="")
    option = made.add_argument_group("how records are sent").add_argument
    option(
        "--delete",
        action="store_true",
        help="delete, for each row, the customer's readings up to and including its time; no value is read",
    )
    option("--threads", type=int, default=default.threads, metavar="N", help="default: %(default)s")
    option(
        "--records-per-call",
        type=int,
        default=default.per_call,
        metavar="N",
        help=f"at most {MOST_PER_CALL}; 1 calls PutRecord instead of BatchWriteRecord; default: %(default)s",
    )
    option(
        "--max-failed-fraction",
        type=float,
        default=default.max_failed_fraction,
        metavar="F",
        help="share of the records that may fail without an exit code of 1; default: %(default)s",
    )
    option(
        "--wait-minutes",
        type=float,
        default=default.wait_minutes,
        metavar="N",
        help="wait after the last record, because the service writes the offline store within 15 minutes; "
        "default: %(default)s",
    )
    return made


def settings_of(options: argparse.Namespace) -> IngestSettings:
    """Return how records are sent; raises SettingError."""
    return IngestSettings(
        group=options.feature_group,
        deletes=options.delete,
        threads=options.threads,
        per_call=options.records_per_call,
        max_failed_fraction=options.max_failed_fraction,
        wait_minutes=options.wait_minutes,
    )


def new_group(options: argparse.Namespace) -> "NewGroup | None":
    """Return what the group is created with, None without --create; raises SettingError."""
    from processing.ingest.group_setup import NewGroup  # noqa: PLC0415 - slow; --help does without

    needed = ("role_arn", "s3_uri")
    given = [name for name in (*needed, "kms_key", "description", "tag") if getattr(options, name)]
    if not options.create:
        if given:
            raise SettingError(f"--{given[0].replace('_', '-')} belongs to --create")
        return None
    if missing := [name for name in needed if name not in given]:
        raise SettingError(f"--create needs --{missing[0].replace('_', '-')}")
    if options.delete:
        raise SettingError("--create and --delete exclude each other")
    tags = [text.partition("=") for text in options.tag]
    if wrong := [key for key, equals, _ in tags if not (key and equals)]:
        raise SettingError(f"--tag must look like team=energy, not {wrong[0]!r}")
    return NewGroup(
        role_arn=options.role_arn,
        s3_uri=options.s3_uri,
        kms_key=options.kms_key,
        description=options.description,
        tags=tuple((key, value) for key, _, value in tags),
    )


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        settings, new = settings_of(options), new_group(options)
        stop = StopRequest.on_signals()
        from processing.ingest.job import ingest  # noqa: PLC0415 - slow; signals are handled before
        from processing.ingest.send import IngestStoppedError  # noqa: PLC0415 - as above

        texts = {name: getattr(options, name) for name in DIALECT}
        try:
            ingest(
                Paths.from_env(env),
                columns(options),
                settings,
                options=reading_options(**texts),
                new=new,
                stopped=stop.is_made,
            )
        except IngestStoppedError:
            logger.error("stopped; start the same command again to send the rest")  # noqa: TRY400
            return stop.exit_code
        return 0

    return run(program)
