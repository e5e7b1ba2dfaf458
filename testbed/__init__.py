"""What tests and benchmarks share: the real programs started, made-up customers and series, their judges."""
