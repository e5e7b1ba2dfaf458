"""Draws the steps of a definition as an SVG: one below the other, those of a row wait for the same ones.

A step is one row below the lowest one of those that it waits for, in the middle below them.  An arrow leads
from each of these to it, unless another one of them already waits for it.  The colours suit a light and a
dark page.
"""

from collections.abc import Iterator, Mapping
from html import escape
from statistics import fmean
from typing import Any, Final

from pipeline.definition import all_steps, own_values, steps_used

WIDTH, HEIGHT = 190, 52
"""Of a box, in pixels."""
ACROSS, DOWN, EDGE = 40, 46, 16
"""Between the boxes of a row, between rows, and around all, in pixels."""
COLOURS: Final = {
    "Processing": "#2f6db3",
    "Training": "#2e8540",
    "Tuning": "#2e8540",
    "Condition": "#8a6d00",
    "RegisterModel": "#6f42a8",
    "Fail": "#b3392f",
}
OTHER_COLOUR: Final = "#5f6b76"
FONT: Final = 'font-family="system-ui, sans-serif" font-size="14"'
ARROWHEAD: Final = (
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a8590"/></marker></defs>'
)
Arrow = tuple[str, str, str]
"""From, to, and the words at it."""


def svg(definition: Mapping[str, Any], *, title: str) -> str:
    """Return the picture of a definition without problems."""
    steps = [(step, inside) for step, inside in all_steps(definition["Steps"])]
    waits = _waits(steps)
    arrows = list(_arrows(steps, waits))
    direct = {name: {start for start, end, _ in arrows if end == name} for name in waits}
    places = _places(direct)
    width = max(x for x, _ in places.values()) + WIDTH + EDGE
    height = max(y for _, y in places.values()) + HEIGHT + EDGE
    kinds = {str(step["Name"]): str(step["Type"]) for step, _ in steps}
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        ARROWHEAD,
        *(_arrow(places, each) for each in arrows),
        *(_box(name, kinds[name], place) for name, place in places.items()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _waits(steps: list[tuple[dict[str, Any], str]]) -> dict[str, set[str]]:
    """Return the steps that each one waits for."""
    names = {str(step["Name"]) for step, _ in steps}
    found = {}
    for step, inside in steps:
        used = steps_used(own_values(step)) | set(step.get("DependsOn", ())) | {inside}
        found[str(step["Name"])] = used & names - {str(step["Name"])}
    return found


def _rows(waits: Mapping[str, set[str]]) -> dict[str, int]:
    rows: dict[str, int] = {}

    def row(name: str) -> int:
        if name not in rows:
            rows[name] = 1 + max((row(each) for each in waits[name]), default=-1)
        return rows[name]

    for name in waits:
        row(name)
    return rows


def _places(waits: Mapping[str, set[str]]) -> dict[str, tuple[float, float]]:
    """Return the upper left corner of each box: in the middle below the boxes that it waits for."""
    by_row: dict[int, list[str]] = {}
    for name, row in _rows(waits).items():
        by_row.setdefault(row, []).append(name)
    middle: dict[str, float] = {}
    for _, names in sorted(by_row.items()):
        wanted = {
            each: fmean(middle[other] for other in waits[each]) if waits[each] else 0.0 for each in names
        }
        names.sort(key=lambda name: wanted[name])
        start = fmean(wanted.values()) - (len(names) - 1) / 2 * (WIDTH + ACROSS)
        for index, name in enumerate(names):
            middle[name] = start + index * (WIDTH + ACROSS)
    left = min(middle.values())
    return {
        name: (EDGE + middle[name] - left, EDGE + row * (HEIGHT + DOWN))
        for row, names in sorted(by_row.items())
        for name in names
    }


def _arrows(steps: list[tuple[dict[str, Any], str]], waits: Mapping[str, set[str]]) -> Iterator[Arrow]:
    """Yield an arrow for each pair of steps of which one waits for the other, and for no one between."""
    before: dict[str, set[str]] = {}

    def all_before(name: str) -> set[str]:
        if name not in before:
            before[name] = waits[name].union(*(all_before(each) for each in waits[name]))
        return before[name]

    branches = {
        str(each["Name"]): word
        for step, _ in steps
        if step["Type"] == "Condition"
        for field, word in (("IfSteps", "yes"), ("ElseSteps", "no"))
        for each in step["Arguments"][field]
    }
    for step, inside in steps:
        name = str(step["Name"])
        for each in sorted(waits[name]):
            if not any(each in all_before(other) for other in waits[name] - {each}):
                yield each, name, branches.get(name, "") if each == inside else ""


def _arrow(places: Mapping[str, tuple[float, float]], arrow: Arrow) -> str:
    start, end, words = arrow
    x1, y1 = places[start][0] + WIDTH / 2, places[start][1] + HEIGHT
    x2, y2 = places[end][0] + WIDTH / 2, places[end][1] - 2
    bend = (y2 - y1) / 2
    path = f'<path d="M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}" '
    line = f'{path}fill="none" stroke="#7a8590" stroke-width="1.5" marker-end="url(#end)"/>'
    if not words:
        return line
    side, anchor = (12, "start") if x2 >= x1 else (-12, "end")
    text = f'<text x="{x2 + side:g}" y="{y2 - 8:g}" text-anchor="{anchor}" fill="#7a8590" font-size="13">'
    return f"{line}\n{text}{escape(words)}</text>"


def _box(name: str, kind: str, place: tuple[float, float]) -> str:
    x, y = place
    middle = x + WIDTH / 2
    colour = COLOURS.get(kind, OTHER_COLOUR)
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{colour}"/>\n'
        f'<text x="{middle:g}" y="{y + 23:g}" text-anchor="middle" fill="#fff" font-weight="600">'
        f"{escape(_short(name))}</text>\n"
        f'<text x="{middle:g}" y="{y + 41:g}" text-anchor="middle" fill="#fff" font-size="12">'
        f"{escape(kind)}</text>"
    )


def _short(name: str) -> str:
    most = 22
    return name if len(name) <= most else f"{name[:most]}…"
