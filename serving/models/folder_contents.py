"""Checks at start-up that the model folder of a plain endpoint has something to serve."""

import os
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from fleetcast.archive import MODELS, SUFFIX, read_bundle
from fleetcast.errors import SettingError
from serving.models.directory_store import BUNDLES

MODEL: Final = MODELS[0]
OWN_CODE: Final = Path("code") / "inference.py"
OWN_CODE_REFUSED: Final = (
    "a plain endpoint does not run the code of archives: serve it on a multi-model endpoint with "
    "ALLOW_ARCHIVE_CODE=true"
)
MAX_FOLDERS: Final = 1_000
"""Most folders that are searched for models in the wrong place."""
_PAGE_SIZE: Final = slice(16, 18)
_PAGES: Final = slice(28, 32)
"""Where the header of a SQLite file has the size and the number of its pages."""


def check_contents(folder: Path) -> None:
    """Raise `SettingError` if a plain endpoint's folder has nothing to serve, or a damaged bundle."""
    bundles = [_check_bundle(path) for path in sorted(folder.glob(BUNDLES))]
    if any(bundles) or any(entry.name.endswith(SUFFIX) for entry in os.scandir(folder)):
        return
    if (folder / OWN_CODE).exists():
        raise SettingError(f"{folder} has no {MODEL} of Prophet, but {OWN_CODE}, and {OWN_CODE_REFUSED}")
    below = list(_models_below(folder))
    regions = {path.relative_to(folder).parts[0] for path in below if path.name.endswith(SUFFIX)}
    if len(regions) > 1:  # models have names such as region/customer
        return
    if below:
        raise SettingError(
            f"there is nothing to serve in {folder}, but {below[0].relative_to(folder)} lies too deep: move "
            f"what is in {below[0].parent} there, or set MODEL_STORE to that folder"
        )
    raise SettingError(
        f"there is nothing to serve in {folder}: put a {MODEL}, archives (customer{SUFFIX}) or a bundle "
        f"({BUNDLES}) there, or set MODEL_STORE"
    )


def _check_bundle(path: Path) -> bool:
    """Return whether a bundle has any customer; raise `SettingError` if it is damaged."""
    try:
        with path.open("rb") as file:
            head, size = file.read(100), os.fstat(file.fileno()).st_size
        pages, page_size = int.from_bytes(head[_PAGES], "big"), int.from_bytes(head[_PAGE_SIZE], "big")
        first = next(read_bundle(path), None)
    except (OSError, sqlite3.Error) as error:
        raise SettingError(f"the bundle {path} is damaged ({error}); train or copy it again") from error
    if size < pages * (65_536 if page_size == 1 else page_size):
        raise SettingError(f"the bundle {path} is cut short; train or copy it again")
    return first is not None


def _models_below(folder: Path) -> Iterator[Path]:
    for place, _, names in islice(os.walk(folder), MAX_FOLDERS):
        for name in sorted(names):
            path = Path(place, name)
            if name in MODELS or name.endswith(SUFFIX) or path.match(BUNDLES):
                yield path
