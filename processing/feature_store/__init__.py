"""SageMaker Feature Store: describes and creates feature groups, and reads their offline store's files."""

from processing.feature_store.aws import client, explained, region_of
from processing.feature_store.group import FeatureGroup, columns_of, describe
from processing.feature_store.location import StoreInput, open_store
from processing.feature_store.offline_store import SERVICE_COLUMNS, OfflineStore
from processing.feature_store.s3_files import download

__all__ = [
    "SERVICE_COLUMNS",
    "FeatureGroup",
    "OfflineStore",
    "StoreInput",
    "client",
    "columns_of",
    "describe",
    "download",
    "explained",
    "open_store",
    "region_of",
]
