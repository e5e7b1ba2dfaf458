"""The report of a job: one HTML file that needs nothing else, for people who would rather look."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from container import Paths, one_line, quoted
from fleetcast.archive import SUFFIX, read_archive
from fleetcast.errors import ArchiveError, FutureError
from fleetcast.forecasting import ForecastOptions, forecast, loads
from fleetcast.readings.customer.readings import MOST_BYTES, Readings, read
from fleetcast.readings.customer.regular_files import read_file
from train.channel import Customer
from train.customer.arguments import column_arguments
from train.job import JobResult
from train.report.pictures import forecast as forecast_picture
from train.report.pictures import histogram
from train.settings import TrainSettings

MOST_CUSTOMERS = 200
READINGS_SHOWN = 400
STEPS_AHEAD = 60

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Training report</title>
<style>
body {{ font: 15px/1.5 sans-serif; color: #1f2933; max-width: 60em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse }}
td, th {{ text-align: left; vertical-align: top; padding: .2em 1.2em .2em 0 }}
svg {{ width: 100%; height: auto }}
</style>
<h1>Training report</h1>
<p>Host {host}: {done} of {customers} customers.</p>
<table>{figures}</table>
<h2>Errors</h2>
<p>Mean absolute scaled error (below 1: better than repeating the last season), held out where readings were
kept back, in sample otherwise.</p>
{errors}
<h2>Best, median and worst customer</h2>
{pictures}
<h2>Failures</h2>
{failures}
<h2>Fallbacks</h2>
<p>Customers that the core did not fit: by Prophet itself, by a seasonal naive forecast, or the archive of an
earlier job that was kept.</p>
{fallbacks}
<h2>Warnings</h2>
{warnings}
</html>
"""


def report(paths: Paths, finished: JobResult, settings: TrainSettings, figures: Mapping[str, Any]) -> str:
    """Return the page: the fleet's figures, how errors are spread, three customers, what failed."""
    tally = finished.tally
    ranked = sorted(tally.mase)
    return _PAGE.format(
        host=escape(finished.host.name),
        done=tally.customers,
        customers=len(finished.customers),
        figures="".join(f"<tr><th>{escape(name)}<td>{value}" for name, value in figures.items()),
        errors=histogram([mase for mase, _ in ranked], title="customers by mase")
        if ranked
        else "<p>None measured.",
        pictures=_pictures(paths, finished, settings, ranked),
        failures=_customers([(outcome.customer, outcome.reason) for outcome in tally.failed]),
        fallbacks=_customers(tally.fallbacks),
        warnings=_warnings(finished),
    )


def _pictures(
    paths: Paths, finished: JobResult, settings: TrainSettings, ranked: list[tuple[float, str]]
) -> str:
    if not ranked:
        return "<p>None measured."
    by_name = {customer.name: customer for customer in finished.customers}
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen = {place: (label, *ranked[place]) for label, place in places.items()}
    return "\n".join(
        _picture(paths, by_name[name], settings, title=f"{label}: {_shown(name)}, mase {mase:.3f}")
        for label, mase, name in chosen.values()
    )


def _picture(paths: Paths, customer: Customer, settings: TrainSettings, *, title: str) -> str:
    try:
        settings = settings.for_customer(customer.name)
        contents = [read_file(path, most_bytes=MOST_BYTES) for path in customer.files]
        readings = read(
            customer.files, contents, columns=settings.columns, options=settings.reading
        ).by_time()
        model = loads(read_archive(paths.checkpoints / f"{customer.name}{SUFFIX}").model)
        readings = readings.rows(np.isfinite(readings.y))
        shown = readings.rows(np.arange(len(readings.y)) >= len(readings.y) - READINGS_SHOWN)
        times = _times(shown, settings)
        arguments = column_arguments(shown, settings) if len(times) == len(shown.ds) else {}
        table = forecast(model, ForecastOptions(ds=times, non_negative=settings.non_negative, **arguments))
    except (ArchiveError, FutureError, OSError, ValueError) as error:
        return f"<p>{escape(title)}: no picture, {escape(str(error))}"
    return forecast_picture(
        title=title,
        ds=shown.ds,
        y=shown.y,
        times=table["ds"],
        yhat=table["yhat"],
        lower=table.get("yhat_lower", table["yhat"]),
        upper=table.get("yhat_upper", table["yhat"]),
    )


def _times(shown: Readings, settings: TrainSettings) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Return the times of the readings, and some ahead where nothing else must be known."""
    if settings.columns or settings.bounds or shown.columns or len(shown.ds) < 2:  # noqa: PLR2004 -- a spacing
        return shown.ds
    spacing = np.median(np.diff(shown.ds).astype(np.int64)).astype("timedelta64[us]")
    return np.concatenate([shown.ds, shown.ds[-1] + spacing * np.arange(1, STEPS_AHEAD + 1)])


def _customers(found: Sequence[tuple[str, str]]) -> str:
    """Return a table of customers, each with its reason."""
    if not found:
        return "<p>None."
    rows = "".join(
        f"<tr><td>{escape(_shown(customer))}<td>{escape(one_line(reason))}"
        for customer, reason in found[:MOST_CUSTOMERS]
    )
    more = f"<p>and {len(found) - MOST_CUSTOMERS} more, in the ledger" if len(found) > MOST_CUSTOMERS else ""
    return f"<table><tr><th>customer<th>reason{rows}</table>{more}"


def _warnings(finished: JobResult) -> str:
    warned = finished.tally.warnings
    if not warned:
        return "<p>None."
    rows = "".join(
        f"<tr><td>{escape(kind)}<td>{each.customers}"
        f"<td>{escape(_shown(each.customer))}: {escape(each.sentence)}"
        for kind, each in warned.items()
    )
    return f"<table><tr><th>kind<th>customers<th>the first{rows}</table>"


def _shown(customer: str) -> str:
    """Return a customer's name as one line without characters that turn the direction of text."""
    return quoted(customer)[1:-1]
