"""Where a gunicorn worker's models come from: a model store, one model.json, or those loaded by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fleetcast.archive import SUFFIX, read_folder
from fleetcast.errors import SettingError
from serving.errors import ModelNotFoundError
from serving.http.loaded_models import SharedModels
from serving.models import (
    MODEL,
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
class Models:
    """What answers requests."""

    find: Callable[[str], Forecaster]
    """For `/invocations`."""
    default_model: str | None = None
    """The one that a request means which names none."""
    caches: tuple[ModelCache, ...] = ()
    loaded: "LoadedModels | None" = None
    """On a multi-model endpoint."""


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The models that were loaded by name: all of them, and what of them this worker has in memory."""

    shared: SharedModels
    cache: ModelCache


@dataclass(frozen=True, slots=True)
class OnlyModel:
    """The model of an endpoint that has one."""

    model: Forecaster
    name: str

    def find(self, name: str) -> Forecaster:
        """Return it if it is meant; raises `ModelNotFoundError`."""
        if name.removesuffix(SUFFIX) != self.name:
            raise ModelNotFoundError(f"this endpoint has the model {self.name!r} alone")
        return self.model


def only_model(settings: ServingSettings) -> OnlyModel | None:
    """Return the model of `/opt/ml/model/model.json`, None where there is none; raises `SettingError`.

    Its name is the customer of the metadata.json beside it, or "model".
    """
    folder = settings.paths.model
    if settings.multi_model or settings.model_store or not (folder / MODEL).exists():
        return None
    try:
        model = load_archive(read_folder(folder))
    except BringsOwnCodeError as error:
        raise SettingError(f"{folder / MODEL} is not Prophet's, and {OWN_CODE_REFUSED}") from error
    except Exception as error:
        raise SettingError(f"{folder / MODEL} cannot be served: {error}") from error
    return OnlyModel(model, model.customer or "model")


def models(settings: ServingSettings, *, only: OnlyModel | None, folder: Path) -> Models:
    """Return what this worker answers from; `folder` is shared by all of them."""
    if only is not None:
        return Models(only.find, default_model=only.name)
    loaded = _loaded_models(settings, folder) if settings.multi_model else None
    if loaded is not None and not settings.model_store:
        return Models(loaded.cache.get, caches=(loaded.cache,), loaded=loaded)
    stored = ModelCache(
        open_store(store_place(settings)),
        capacity_bytes=settings.model_cache_bytes,
        revalidate_seconds=settings.model_revalidate_seconds,
    )
    caches = (stored,) if loaded is None else (stored, loaded.cache)
    return Models(stored.get, caches=caches, loaded=loaded)


def _loaded_models(settings: ServingSettings, folder: Path) -> LoadedModels:
    shared = SharedModels(
        folder / "models.sqlite",
        folder=settings.paths.models,
        reserve_bytes=settings.memory_reserve_bytes,
    )
    cache = ModelCache(
        shared, capacity_bytes=settings.model_cache_bytes, revalidate_seconds=0, key=lambda name: name
    )
    return LoadedModels(shared, cache)


def store_place(settings: ServingSettings) -> str:
    """Return where the archives are: MODEL_STORE, or /opt/ml/model; raises `SettingError`."""
    if settings.model_store:
        return settings.model_store
    if not settings.paths.model.is_dir():
        raise SettingError(
            f"there is no {settings.paths.model}: put model.json, archives or a bundle there, or set "
            "MODEL_STORE"
        )
    check_contents(settings.paths.model)
    return str(settings.paths.model)
