"""What runs the workers: on this machine, processes."""
