"""The workflow around a training: its pipeline, an evaluation, a gate, and what a registry needs."""
