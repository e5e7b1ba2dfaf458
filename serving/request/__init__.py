"""From the bytes of a request to the bytes of its response, the same on every stack."""
