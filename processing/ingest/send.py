"""Sends records to Feature Store from many threads, until each was taken or refused.

Three things can go wrong.  A call fails for a while (it is throttled, the service or the connection breaks):
botocore calls again after growing random pauses, and so does `Sender` after it, within a bound.  A record is
refused: it alone fails, with the service's reason.  No call works any more: the program ends, instead of
waiting for each record in turn.

A call whose response is lost may have been carried out.  That is no harm: the same record put again is the
same reading.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Lock
from typing import Any, Final, NamedTuple

from fleetcast.errors import InputError
from processing.feature_store import explained
from processing.ingest.records import Record, RecordFormat, in_parts
from processing.ingest.settings import IngestSettings

ROUNDS: Final = 6
"""Times that a record is sent, each with botocore's own attempts, before it counts as failed."""
FIRST_PAUSE_SECONDS: Final = 0.5
"""Longest pause before the second round; it doubles with each further one."""
CALLS_OF_AN_OUTAGE: Final = 32
"""Calls in a row that fail in all rounds, after which the store counts as unreachable."""
_STORES: Final = ["OfflineStore"]
_OF_THE_ACCOUNT: Final = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AccessForbidden", "UnrecognizedClientException"),
        *("ExpiredToken", "ExpiredTokenException", "InvalidSignatureException", "ResourceNotFound"),
        *("InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken"),
        "UnknownOperationException",
    }
)
"""Errors that every further call would have, too."""
_FOR_A_WHILE: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"),
        *("ProvisionedThroughputExceededException", "LimitExceededException", "RequestTimeout"),
        *("InternalFailure", "InternalServerError", "InternalServerException", "ServiceUnavailable"),
    }
)
_SERVER_ERROR: Final = 500

Reasons = list[tuple[Record, str]]


class IngestStoppedError(InputError):
    """A signal stopped the program before all records were sent."""


class Answer(NamedTuple):
    """What became of the records of a call; the others were taken."""

    again: Reasons
    """Records to send again, and why."""
    refused: Reasons


class Sender:
    """Sends records by a client of boto3 that all threads share."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 -- boto3 makes its classes at run time
        form: RecordFormat,
        settings: IngestSettings,
        *,
        stopped: Callable[[], bool],
    ) -> None:
        """Put records, or delete what they stand for, as `settings` says."""
        self._client = client
        self._form = form
        self._group = settings.group
        self._deletes = settings.deletes
        self._per_call = 1 if settings.deletes else settings.per_call
        self._threads = settings.threads
        self._stopped = stopped
        self._lock = Lock()
        self._failed_calls = 0
        self._error: InputError | None = None
        """What ended the program in one thread; the others then stop."""

    def send(self, records: Sequence[Record]) -> Reasons:
        """Send records with different keys; return those that failed, with reasons.

        Raises IngestStoppedError, and InputError where no further call can succeed.
        """
        with ThreadPoolExecutor(self._threads) as threads:
            try:
                failed = threads.map(self._send_unless_ended, in_parts(records, self._per_call))
                return list(chain.from_iterable(failed))
            except InputError as error:
                threads.shutdown(cancel_futures=True)
                raise self._error or error from error

    def _send_unless_ended(self, records: Sequence[Record]) -> Reasons:
        try:
            return self._send(records)
        except IngestStoppedError:
            raise
        except InputError as error:
            self._error = error
            raise

    def _send(self, records: Sequence[Record]) -> Reasons:
        """Send the records of one call until each was taken or refused, at most `ROUNDS` times."""
        waiting: Sequence[Record] = records
        refused: Reasons = []
        again: Reasons = []
        for round_number in range(ROUNDS):
            if self._error is not None or self._stopped():
                raise IngestStoppedError("stopped")
            if round_number:
                pause = FIRST_PAUSE_SECONDS * 2 ** (round_number - 1)
                time.sleep(random.uniform(0, pause))  # noqa: S311 -- a pause is no secret
            again, more = self._once(waiting)
            refused += more
            if not again:
                break
            waiting = [record for record, _ in again]
        self._notice_an_outage(again, is_whole=len(again) == len(records))
        return refused + again

    def _once(self, records: Sequence[Record]) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 -- loaded with the client

        try:
            return self._write(records)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            reason = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
            if code in _OF_THE_ACCOUNT:
                with explained("Feature Store took no more records"):
                    raise
            if code in _FOR_A_WHILE or status >= _SERVER_ERROR:
                return Answer([(record, reason) for record in records], [])
            if len(records) == 1:
                return Answer([], [(records[0], reason)])
            parts = [self._once([record]) for record in records]  # one of them is refused
            return Answer(
                [r for part in parts for r in part.again], [r for part in parts for r in part.refused]
            )
        except BotoCoreError as error:
            return Answer([(record, str(error)) for record in records], [])

    def _write(self, records: Sequence[Record]) -> Answer:
        """Make one call; raises what boto3 raises."""
        group, first = self._group, records[0]
        if self._deletes:
            self._client.delete_record(
                FeatureGroupName=group,
                RecordIdentifierValueAsString=first.customer,
                EventTime=first.event_time,
                TargetStores=_STORES,
            )
        elif self._per_call == 1:
            self._client.put_record(
                FeatureGroupName=group, Record=self._form.values(first), TargetStores=_STORES
            )
        else:
            entries = [
                {"FeatureGroupName": group, "Record": self._form.values(record), "TargetStores": _STORES}
                for record in records
            ]
            return self._answer(records, self._client.batch_write_record(Entries=entries))
        return Answer([], [])

    def _answer(self, records: Sequence[Record], response: dict[str, Any]) -> Answer:
        """Return what the response of a batch says about each record."""
        by_key = {record.key: record for record in records}
        answer = Answer([], [])
        try:
            for entry in response.get("UnprocessedEntries", ()):
                answer.again.append((by_key[self._form.key(entry["Record"])], "not processed"))
            for error in response.get("Errors", ()):
                record, code = by_key[self._form.key(error["Entry"]["Record"])], error.get("ErrorCode")
                into = answer.again if code in _FOR_A_WHILE else answer.refused
                into.append((record, f"{code}: {error.get('ErrorMessage', '')}"))
        except KeyError:  # nobody knows which records were taken
            return Answer([(record, "the response names other records") for record in records], [])
        return answer

    def _notice_an_outage(self, failed: Reasons, *, is_whole: bool) -> None:
        """Count calls that failed in all rounds; raises InputError where they are too many in a row."""
        with self._lock:
            self._failed_calls = self._failed_calls + 1 if is_whole else 0
            is_outage = self._failed_calls >= CALLS_OF_AN_OUTAGE
        if is_outage:
            raise InputError(
                f"Feature Store took no record of the last {self._failed_calls} calls: {failed[0][1]}. Start "
                "the same command again to send the others; fewer --threads help where calls are throttled"
            )
