"""What can be wrong with an archive."""


class ArchiveError(ValueError):
    """An archive or model folder that cannot be used; the text says what is wrong with it."""


class OwnCodeError(ArchiveError):
    """An archive without a `model.json` that brings `code/inference.py` to run instead."""
