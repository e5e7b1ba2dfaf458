"""The report of a job: one HTML file that needs no network and no scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from container import Paths, one_line
from fleetcast.errors import ArchiveError, FutureError
from train.figures import FIGURES
from train.job import JobResult
from train.report.compared import compared_part
from train.report.highlights import highlights
from train.report.pictures import SQUARE, WIDE, ForecastPicture, forecast_picture, histogram
from train.report.series import load_series
from train.report.texts import name_of
from train.settings import TrainSettings

MOST_CUSTOMERS: Final = 200
"""Customers that a table lists; the ledger has them all."""
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A customer with a picture, or with the reason why there is none."""

    title: str
    picture: ForecastPicture | None
    problem: str = ""


def report_page(
    paths: Paths, result: JobResult, settings: TrainSettings, figures: Mapping[str, int | float]
) -> str:
    """Return the page: highlights, what backtests found, errors, three customers, failures, all figures."""
    tally = result.tally
    ranked = sorted(tally.mase)
    return _TEMPLATES.get_template("report.html.jinja").render(
        host=result.host.name,
        done=tally.customers,
        total=len(result.customers),
        highlights=highlights(result, settings, figures.get("mean_mase")),
        compared=compared_part(tally),
        figures=[
            (figure.name, figures[figure.name], figure.meaning.replace("`", ""))
            for figure in FIGURES
            if figure.name in figures
        ],
        errors=histogram([mase for mase, _ in ranked]) if ranked else None,
        shown=_shown(paths, result, settings, ranked),
        failures=_reasons([(outcome.customer, outcome.reason) for outcome in tally.failed]),
        failures_left=max(0, len(tally.failed) - MOST_CUSTOMERS),
        fallbacks=_reasons(tally.fallbacks),
        fallbacks_left=max(0, len(tally.fallbacks) - MOST_CUSTOMERS),
        warnings=[
            (kind, warning.customers, f"{name_of(warning.customer)}: {warning.sentence}")
            for kind, warning in tally.warnings.items()
        ],
        wide=WIDE,
        square=SQUARE,
    )


def _shown(
    paths: Paths, result: JobResult, settings: TrainSettings, ranked: Sequence[tuple[float, str]]
) -> list[Shown]:
    """Return the best, the median and the worst customer, of (mase, customer) in ascending order."""
    if not ranked:
        return []
    customers = {customer.name: customer for customer in result.customers}
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    shown = []
    for label, place in places.items():
        mase, name = ranked[place]
        title = f"{label}: {name_of(name)}, mase {mase:.3f}"
        try:
            series = load_series(paths, customers[name], settings)
        except (ArchiveError, FutureError, OSError, ValueError) as error:
            shown.append(Shown(title, None, str(error)))
        else:
            shown.append(Shown(title, forecast_picture(series)))
    return shown


def _reasons(customers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the first customers with their reasons, as texts for the page."""
    return [(name_of(customer), one_line(reason)) for customer, reason in customers[:MOST_CUSTOMERS]]
