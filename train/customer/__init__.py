"""One customer from file to packed archive, inside a worker."""
