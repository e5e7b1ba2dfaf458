"""A small global model that needs no training, and its archive."""

from fleetcast.archive import GLOBAL_NAME, Archive, pack
from fleetcast.global_model import (
    PLAIN_FEATURES,
    GlobalModel,
    GlobalSettings,
    Part,
    Trees,
    write_global_model,
)

FREQ = "h"


def global_model() -> GlobalModel:
    """Return a model of hourly readings whose tree adds 0.1 scales to the first 24 steps, and 0.3 later."""
    features = len(PLAIN_FEATURES)
    ahead, leaf = 2 * PLAIN_FEATURES.index("ahead"), 2 * features
    trees = Trees.from_level_order(
        features=features, base_score=0.0, column=[ahead, leaf, leaf], threshold=[24.5, 0.1, 0.3]
    )
    return GlobalModel(GlobalSettings(freq=FREQ, horizon=48), {"plain": Part(trees, PLAIN_FEATURES)})


def packed_global_model() -> bytes:
    """Return the archive of this model."""
    return pack(Archive(write_global_model(global_model()), {"customer": GLOBAL_NAME, "freq": FREQ}))
