"""The workflow around a training: an evaluation, a gate, and what a registry and a pipeline need."""
