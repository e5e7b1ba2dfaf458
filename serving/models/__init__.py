"""From the name of a model to the model: store, cache, archive."""
