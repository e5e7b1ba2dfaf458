"""Where a gunicorn worker's models come from: one model, a model store, or `POST /models`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleetcast.archive import MODELS, SUFFIX, read_folder
from fleetcast.errors import SettingError
from serving.errors import ModelNotFoundError
from serving.http.loaded_models import LoadedModelsTable, load_stored
from serving.models import (
    OWN_CODE_REFUSED,
    BringsOwnCodeError,
    Forecaster,
    ModelCache,
    check_contents,
    load_archive,
    open_store,
)
from serving.settings import ServingSettings


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The models of a multi-model endpoint: the table of all, and the cache of this worker."""

    table: LoadedModelsTable
    cache: ModelCache


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The models that a worker forecasts with."""

    find: Callable[[str], Forecaster]
    """Returns the model for `/invocations` by its name."""
    default_model: str | None = None
    """The model of requests that name none."""
    caches: tuple[ModelCache, ...] = ()
    """The caches whose size the metrics show."""
    loaded: LoadedModels | None = None
    """None unless the endpoint is a multi-model endpoint."""


@dataclass(frozen=True, slots=True)
class SingleModel:
    """The model of an endpoint with a single model."""

    model: Forecaster
    name: str

    def find(self, name: str) -> Forecaster:
        """Return the model if `name` is its name; raise `ModelNotFoundError` otherwise."""
        if name.removesuffix(SUFFIX) != self.name:
            raise ModelNotFoundError(
                f"this endpoint has one model, {self.name!r}; name it, or leave target_model out"
            )
        return self.model


def single_model(settings: ServingSettings) -> SingleModel | None:
    """Return the model that lies in `/opt/ml/model` itself, None if there is none.

    Its name is the customer of the metadata.json beside it, or "model".  Raises `SettingError` for a file
    that cannot be served.
    """
    folder = settings.paths.model
    file = next((folder / name for name in MODELS if (folder / name).exists()), None)
    if settings.multi_model or settings.model_store or file is None:
        return None
    try:
        model = load_archive(read_folder(folder))
    except BringsOwnCodeError as error:
        raise SettingError(f"{file} is not Prophet's, and {OWN_CODE_REFUSED}") from error
    except Exception as error:
        raise SettingError(f"{file} cannot be served: {error}") from error
    return SingleModel(model, model.customer or "model")


def model_source(settings: ServingSettings, *, single: SingleModel | None, folder: Path) -> ModelSource:
    """Return the models of this worker; all workers share `folder`."""
    if single is not None:
        return ModelSource(single.find, default_model=single.name)
    loaded = _loaded_models(settings, folder) if settings.multi_model else None
    if loaded is not None and not settings.model_store:
        return ModelSource(loaded.cache.get, caches=(loaded.cache,), loaded=loaded)
    stored = ModelCache(
        open_store(store_place(settings)),
        capacity_bytes=settings.model_cache_bytes,
        revalidate_seconds=settings.model_revalidate_seconds,
    )
    caches = (stored,) if loaded is None else (stored, loaded.cache)
    return ModelSource(stored.get, caches=caches, loaded=loaded)


def _loaded_models(settings: ServingSettings, folder: Path) -> LoadedModels:
    table = LoadedModelsTable(
        folder / "models.sqlite",
        folder=settings.paths.models,
        reserve_bytes=settings.memory_reserve_bytes,
    )
    cache = ModelCache(
        table,
        capacity_bytes=settings.model_cache_bytes,
        revalidate_seconds=0,
        key=lambda name: name,
        load=load_stored,
    )
    return LoadedModels(table, cache)


def store_place(settings: ServingSettings) -> str:
    """Return the place of the archives: MODEL_STORE, or /opt/ml/model.

    Raises `SettingError` if the folder is missing or holds nothing that can be served.
    """
    if settings.model_store:
        return settings.model_store
    if not settings.paths.model.is_dir():
        raise SettingError(
            f"there is no {settings.paths.model}: put model.json, archives or a bundle there, or set "
            "MODEL_STORE"
        )
    check_contents(settings.paths.model)
    return str(settings.paths.model)
