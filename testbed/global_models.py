"""A small global model that needs no training, and its archive."""

from fleetcast.archive import GLOBAL_NAME, Archive, pack
from fleetcast.global_model import (
    PLAIN_FEATURES,
    GlobalModel,
    GlobalSettings,
    Part,
    RelativeErrors,
    Trees,
    write_global_model,
)

FREQ = "h"
_ERRORS = RelativeErrors(
    steps=(48.0,),
    scales=(1.0,),
    coverages=(0.0, 0.8, 0.99),
    lower=(0.0, -1.5, -3.0),
    upper=(0.0, 1.5, 3.0),
    lengths=(7.0,),
    factors=(1.0,),
)


def global_model(freq: str = FREQ) -> GlobalModel:
    """Return a model whose tree adds 0.1 scales to the first 24 steps, and 0.3 later."""
    features = len(PLAIN_FEATURES)
    ahead, leaf = 2 * PLAIN_FEATURES.index("ahead"), 2 * features
    trees = Trees.from_level_order(
        features=features, base_score=0.0, column=[ahead, leaf, leaf], threshold=[24.5, 0.1, 0.3]
    )
    settings = GlobalSettings(freq=freq, horizon=48, plain_errors=_ERRORS)
    return GlobalModel(settings, {"plain": Part(trees, PLAIN_FEATURES)})


def packed_global_model(freq: str = FREQ) -> bytes:
    """Return the archive of this model."""
    return pack(Archive(write_global_model(global_model(freq)), {"customer": GLOBAL_NAME, "freq": freq}))
