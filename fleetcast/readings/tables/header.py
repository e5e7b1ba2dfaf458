"""Which column of a header is meant by a name."""

from collections.abc import Collection, Sequence

from fleetcast.errors import DialectError


def place_of(header: Sequence[str], names: Collection[str]) -> int | None:
    """Return where in `header` the column of one of `names` is, None where there is none.

    A name counts as it is written, else in any case.  DialectError where several columns fit.
    """
    for wanted, cells in (
        (set(names), header),
        ({name.lower() for name in names}, [name.lower() for name in header]),
    ):
        places = [place for place, name in enumerate(cells) if name in wanted]
        if len(places) == 1:
            return places[0]
        if places:
            fitting = " and ".join(repr(header[place]) for place in places)
            raise DialectError(f"has a header with {fitting}, of which only one may be there; keep one")
    return None
