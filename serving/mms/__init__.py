"""The multi-model endpoint: Multi Model Server in front of a pool of processes."""
