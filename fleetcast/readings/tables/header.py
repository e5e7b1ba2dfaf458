"""Finds a column in a header by its name."""

from collections.abc import Collection, Sequence

from fleetcast.errors import DialectError


def place_of(header: Sequence[str], names: Collection[str]) -> int | None:
    """Return the index of the column in `header` that has one of `names`; None if there is none.

    The case of letters matters only if several columns differ in nothing else.  Raises DialectError if
    several columns have one of the names.
    """
    for accepted, cells in (
        (set(names), header),
        ({name.lower() for name in names}, [name.lower() for name in header]),
    ):
        places = [place for place, name in enumerate(cells) if name in accepted]
        if len(places) == 1:
            return places[0]
        if places:
            fitting = " and ".join(repr(header[place]) for place in places)
            raise DialectError(f"has a header with {fitting}, of which only one may be there; keep one")
    return None
