"""From the name of a model to the model: key, store, archive, cache."""

from serving.models.archive_key import MAX_KEY_BYTES, archive_key, check_model_name
from serving.models.cache import ModelCache
from serving.models.folder_contents import OWN_CODE_REFUSED, check_contents
from serving.models.load import (
    METADATA_FIELDS,
    BringsOwnCodeError,
    Forecaster,
    load_archive,
    load_folder,
    load_packed,
    read_below,
)
from serving.models.lookup import Lookup, Models, look_up_each, look_up_in_cache
from serving.models.store import ModelStore, Packed
from serving.models.store_setting import open_store

__all__ = [
    "MAX_KEY_BYTES",
    "METADATA_FIELDS",
    "OWN_CODE_REFUSED",
    "BringsOwnCodeError",
    "Forecaster",
    "Lookup",
    "ModelCache",
    "ModelStore",
    "Models",
    "Packed",
    "archive_key",
    "check_contents",
    "check_model_name",
    "load_archive",
    "load_folder",
    "load_packed",
    "look_up_each",
    "look_up_in_cache",
    "open_store",
    "read_below",
]
