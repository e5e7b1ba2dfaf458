"""Creates a feature group for readings, and checks that a group fits the columns that are read."""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from container import quoted
from fleetcast.errors import InputError, SettingError
from processing.columns import Columns
from processing.feature_store import SERVICE_COLUMNS, FeatureGroup, client, describe, explained, region_of

logger = logging.getLogger(__name__)

CREATE_SECONDS: Final = 300
"""Time after which a group that is still being created counts as failed."""
POLL_SECONDS: Final = 2
_CREATED: Final = "Created"
_CREATING: Final = "Creating"
_FEATURE: Final = re.compile(r"[a-zA-Z0-9](?:[-_]*[a-zA-Z0-9]){0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """What a group is created with, beside its name and features."""

    role_arn: str
    """The role with which the service writes to the S3 bucket."""
    s3_uri: str
    kms_key: str | None = None
    description: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def ready_group(name: str, columns: Columns, new: NewGroup | None) -> FeatureGroup:
    """Return the group, which fits `columns`; it is created if it does not exist and `new` is given.

    Raises InputError if the group does not fit, does not exist or cannot be used.
    """
    if new is not None:
        _create(name, columns, new)
    deadline = time.monotonic() + CREATE_SECONDS
    while (group := describe(name)).status == _CREATING and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if group.status != _CREATED or group.reason:
        reason = f": {group.reason}" if group.reason else ""
        raise InputError(
            f"the feature group {quoted(name)} cannot be used, its status is {group.status}{reason}"
        )
    if faults := list(_faults(group, columns)):
        raise InputError(f"the feature group {quoted(name)} does not fit the readings: {'; '.join(faults)}")
    return group


def _create(name: str, columns: Columns, new: NewGroup) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 -- loaded with the client

    sagemaker = client("sagemaker", region=region_of(name))
    with explained(f"the feature group {quoted(name)} cannot be created"):
        try:
            sagemaker.create_feature_group(**_request(name, columns, new))
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceInUse", "ResourceInUseException"}:
                raise
            logger.info("the feature group %s exists already", quoted(name))
        else:
            logger.info("the feature group %s is being created", quoted(name))


def _request(name: str, columns: Columns, new: NewGroup) -> dict[str, Any]:
    """Return the parameters of CreateFeatureGroup; raises SettingError for a name that is no feature's."""
    kinds = {columns.customer_id: "String", columns.timestamp: "String"}
    kinds |= dict.fromkeys(columns.numbers(), "Fractional")
    for feature in kinds:
        if not _FEATURE.fullmatch(feature) or feature in SERVICE_COLUMNS:
            raise SettingError(
                f"the column {quoted(feature)} cannot be a feature: rename it to at most 64 letters, digits, "
                f"- and _, none of {', '.join(SERVICE_COLUMNS)}"
            )
    storage = {"S3Uri": new.s3_uri} | ({"KmsKeyId": new.kms_key} if new.kms_key else {})
    request: dict[str, Any] = {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": columns.customer_id,
        "EventTimeFeatureName": columns.timestamp,
        "FeatureDefinitions": [{"FeatureName": each, "FeatureType": kind} for each, kind in kinds.items()],
        "OfflineStoreConfig": {"S3StorageConfig": storage},
        "RoleArn": new.role_arn,
    }
    if new.description:
        request["Description"] = new.description
    if new.tags:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in new.tags]
    return request


def _faults(group: FeatureGroup, columns: Columns) -> Iterator[str]:
    """Yield what keeps records of these columns out of the group."""
    if not group.uri:
        yield "it has no offline store"
    if columns.value is None:  # a deletion has no other features
        return
    for name in columns.numbers():
        if name not in group.types:
            yield f"it has no feature {quoted(name)}; its features are {', '.join(map(quoted, group.types))}"
        elif group.types[name] != "Fractional":
            yield f"its feature {quoted(name)} is {group.types[name]}, and readings are Fractional"
    others = set(group.types) - {group.identifier, group.event_time, *columns.numbers()}
    if others:
        names = ", ".join(map(quoted, sorted(others)))
        yield f"it also has {names}, which the records would leave empty: name them with --regressors"
