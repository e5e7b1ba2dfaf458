"""From the names of models to the models, once for all records of a request.

A lookup is called once per request, with every name that its records need.  It returns a model or an error
for each name, so that one missing model fails its own records only.  It works in steps (see `serving.steps`)
and yields the futures of models that have to be loaded first, if it must not block its thread.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Final, TypeAlias

from serving.errors import RequestError
from serving.models.cache import ModelCache
from serving.models.load import Forecaster
from serving.steps import Steps

NAMES_PER_STEP: Final = 200

Models: TypeAlias = dict[str, Forecaster | RequestError]
"""A model or an error for each name."""
Lookup: TypeAlias = Callable[[Collection[str]], Steps[Models]]


def look_up_each(get: Callable[[str], Forecaster]) -> Lookup:
    """Return a lookup that calls `get` for one name after the other; `get` may raise a `RequestError`."""
    return partial(_look_up_each, get)


def look_up_in_cache(cache: ModelCache) -> Lookup:
    """Return a lookup for event loops, which loads all missing models at once and never blocks."""
    return partial(_look_up_in_cache, cache)


def _look_up_each(get: Callable[[str], Forecaster], names: Collection[str]) -> Steps[Models]:
    models: Models = {}
    for name in names:
        try:
            models[name] = get(name)
        except RequestError as error:
            models[name] = error.without_traceback()
        if len(models) % NAMES_PER_STEP == 0:
            yield None
    return models


def _look_up_in_cache(cache: ModelCache, names: Collection[str]) -> Steps[Models]:
    models: Models = {}
    loads = {}
    for number, name in enumerate(names, start=1):
        try:
            model = cache.get_if_cached(name)
            if model is None:
                loads[name] = cache.load_async(name)
            else:
                models[name] = model
        except RequestError as error:
            models[name] = error.without_traceback()
        if number % NAMES_PER_STEP == 0:
            yield None
    if loads:
        yield tuple(loads.values())
    for name, load in loads.items():
        try:
            models[name] = load.result()
        except RequestError as error:
            models[name] = error.without_traceback()
    return models
