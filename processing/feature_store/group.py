"""A feature group as SageMaker describes it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from container import quoted
from processing.columns import Columns
from processing.feature_store.aws import client, explained, region_of

logger = logging.getLogger(__name__)

CREATED: Final = "Created"


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """What this program needs to know of a feature group."""

    name: str
    arn: str
    created: datetime
    """Tells two groups of one name apart, of which the first was deleted."""
    status: str
    """`Created` once it can be used."""
    reason: str
    """Why it has another status, or why its offline store is blocked; empty otherwise."""
    identifier: str
    event_time: str
    types: Mapping[str, str]
    """Integral, Fractional or String by the feature's name; a collection is `List of String`."""
    uri: str
    """The S3 prefix of the offline store's files; empty if the group has no offline store."""
    table_format: str
    has_online_store: bool


def describe(name: str) -> FeatureGroup:
    """Return the group of this name or ARN; raises InputError if there is none."""
    sagemaker = client("sagemaker", region=region_of(name))
    with explained(f"the feature group {quoted(name)} cannot be described"):
        return _from_response(sagemaker.describe_feature_group(FeatureGroupName=name))


def columns_of(group: FeatureGroup, columns: Columns) -> Columns:
    """Return `columns` with the group's own names of customer and event time; log where they differ."""
    default = Columns()
    for option, given, unset, own in (
        ("--customer-id", columns.customer_id, default.customer_id, group.identifier),
        ("--timestamp", columns.timestamp, default.timestamp, group.event_time),
    ):
        if given not in (unset, own):
            logger.info(
                "%s is %s; the feature group has %s, which is read", option, quoted(given), quoted(own)
            )
    return replace(columns, customer_id=group.identifier, timestamp=group.event_time)


def _from_response(response: Mapping[str, Any]) -> FeatureGroup:
    offline = response.get("OfflineStoreConfig") or {}
    storage = offline.get("S3StorageConfig") or {}
    state = response.get("OfflineStoreStatus") or {}
    blocked = state.get("BlockedReason", "") if state.get("Status") == "Blocked" else ""
    return FeatureGroup(
        name=response["FeatureGroupName"],
        arn=response["FeatureGroupArn"],
        created=response["CreationTime"],
        status=response.get("FeatureGroupStatus", CREATED),
        reason=response.get("FailureReason") or blocked,
        identifier=response["RecordIdentifierFeatureName"],
        event_time=response["EventTimeFeatureName"],
        types={each["FeatureName"]: _type(each) for each in response["FeatureDefinitions"]},
        uri=storage.get("ResolvedOutputS3Uri") or storage.get("S3Uri") or "",
        table_format=offline.get("TableFormat") or "Glue",
        has_online_store=bool((response.get("OnlineStoreConfig") or {}).get("EnableOnlineStore")),
    )


def _type(definition: Mapping[str, str]) -> str:
    kind = definition["FeatureType"]
    collection = definition.get("CollectionType")
    return f"{collection} of {kind}" if collection else kind
