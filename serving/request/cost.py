"""What a response costs, estimated before any of it is computed.

The unit of computing is the cell: a row of a forecast times its columns, `ds` and components included.  Work
that does not grow with the cells, such as the quantiles of logistic growth, counts as the cells that take the
same time.  The cells and the estimated bytes bound a response's memory and computing time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fleetcast.forecasting import ForecastOptions, Model, SampledModel
from serving.errors import RequestError
from serving.request.budget import RequestBudget
from serving.request.history import AnyModel, ModelWithReadings
from serving.request.records import Failure
from serving.request.results import DEFAULT_COLUMNS

CELLS_OF_A_LOGISTIC_QUANTILE: Final = 5
"""Time of one quantile of one row with logistic growth, in cells."""
CELLS_OF_A_LOGISTIC_FORECAST: Final = 150
"""Time of a forecast with logistic growth besides its rows, in cells."""
CELLS_OF_A_GLOBAL_FORECAST: Final = 1_000
"""Time of a forecast by the global model besides its rows, in cells."""
CELLS_OF_A_GLOBAL_ROW: Final = 8
"""Time of one of its rows besides its cells, in cells."""
CELLS_OF_A_SAMPLED_FORECAST: Final = 20_000
"""Time of a forecast by stock Prophet, in cells."""
BYTES_OF_A_NUMBER: Final = 14
"""Usual length of a number in a response."""
BYTES_OF_A_ROW: Final = 14
"""Length of a row besides its numbers and names: quotes, braces, the date."""
BYTES_OF_A_RECORD: Final = 40
"""Length of a forecast besides its rows."""
BYTES_OF_A_FAILURE: Final = 120
"""Length of an error besides its message and its customer's name."""
BYTES_OF_A_READING: Final = 60
"""Least length of one reading in the text of a model with mcmc_samples."""
_SPLIT: Final = "send fewer records at once, or ask for a shorter period, fewer quantiles or no components"
_SHORTEN: Final = "ask for a shorter period or fewer quantiles"
_SAMPLED_COMPONENTS: Final = tuple(f"component_{number:03d}" for number in range(50))
"""Stand for the components of a sampled model, whose number only stock Prophet knows."""


@dataclass(slots=True)
class ResponseCost:
    """The sum of what the forecasts and errors of a response cost."""

    budget: RequestBudget
    is_csv: bool
    cells: int = 0
    rows: int = 0
    batches: int = 0
    size: int = 0
    """Bytes of the response, without the empty cells of CSV."""
    columns: set[str] = field(default_factory=set)
    """Columns of the table, of which CSV has each in every row."""

    def add_batch(self, model: AnyModel, options: ForecastOptions, customers: Iterable[str]) -> None:
        """Add one forecast for each customer, by `model` or models like it.

        Raises `RequestError` if a single one of these forecasts exceeds a limit.
        """
        lengths = list(map(len, customers))
        rows = rows_of(model, options)
        names = columns_of(model, options)
        beyond = _cells_besides(self.budget, model, options, rows=rows, columns=len(names))
        self.rows += rows * len(lengths)
        self.cells += (rows * len(names) + beyond) * len(lengths)
        self.batches += 1
        characters = BYTES_OF_A_NUMBER * len(names)
        if not self.is_csv:
            characters += sum(map(len, names)) + 4 * len(names)
        self.size += (rows * (characters + BYTES_OF_A_ROW) + BYTES_OF_A_RECORD) * len(lengths)
        self.size += sum(lengths) * (rows if self.is_csv else 1)
        if self.is_csv:
            self.columns.update(names)

    def add_failure(self, failure: Failure) -> None:
        """Add a record that gets an error."""
        self.rows += 1
        self.size += BYTES_OF_A_FAILURE + len(failure.message) + len(failure.target_model or "")

    def check(self) -> None:
        """Raise `RequestError` if the response as a whole exceeds a limit."""
        cells_of_csv = self.rows * len(self.columns)
        cells, size = max(self.cells, cells_of_csv), self.size + cells_of_csv
        budget = self.budget
        if cells > budget.max_response_cells:
            raise RequestError(
                f"the response would have {cells} cells (rows times columns, and what a forecast costs "
                f"besides); the limit is {budget.max_response_cells}: {_SPLIT}"
            )
        if self.batches > budget.max_response_batches:
            raise RequestError(
                f"the records need {self.batches} separate computations, because their options or models "
                f"differ; the limit is {budget.max_response_batches}: send fewer records at once"
            )
        if size > budget.max_response_bytes:
            raise RequestError(
                f"the response would have {size} bytes; the limit is {budget.max_response_bytes}: {_SPLIT}"
            )


def rows_of(model: AnyModel, options: ForecastOptions) -> int:
    """Return the number of rows of a forecast, or an upper bound."""
    if options.ds is not None:
        return int(np.size(options.ds))
    if not options.include_history:
        return options.periods
    if isinstance(model, SampledModel):
        return options.periods + len(model.text) // BYTES_OF_A_READING
    if isinstance(model, ModelWithReadings):
        return options.periods
    return options.periods + (0 if model.history is None else len(model.history.dates))


def columns_of(model: AnyModel, options: ForecastOptions) -> list[str]:
    """Return the columns of a forecast, or more than it has."""
    if not options.components and not options.quantiles:
        return list(DEFAULT_COLUMNS)
    endings = ["lower", "upper", *map(repr, options.quantiles)]
    names = ["ds", "yhat", *(f"yhat_{ending}" for ending in endings)]
    if not options.components:
        return names
    names += ["trend", "cap", "floor", *(f"trend_{ending}" for ending in endings)]
    components = (
        [component.name for component in model.layout.components]
        if isinstance(model, Model)
        else _SAMPLED_COMPONENTS
    )
    names += [f"{name}{ending}" for name in components for ending in ("", "_lower", "_upper")]
    is_corrected = isinstance(model, Model) and model.combination is not None
    return [*names, "correction"] if is_corrected else names


def _cells_besides(
    budget: RequestBudget,
    model: AnyModel,
    options: ForecastOptions,
    *,
    rows: int,
    columns: int,
) -> int:
    """Return what one forecast costs besides its cells; raise `RequestError` if it exceeds a limit."""
    if isinstance(model, SampledModel):
        if rows > budget.max_sampled_rows:
            raise RequestError(
                f"a model with mcmc_samples forecasts up to {budget.max_sampled_rows} rows at once, not "
                f"{rows}: ask for a shorter period"
            )
        return CELLS_OF_A_SAMPLED_FORECAST
    features = _features_of(model)
    if rows * (columns + features) > budget.max_forecast_cells:
        raise RequestError(
            f"{rows} rows of {columns} columns by a model with {features} features exceed the "
            f"{budget.max_forecast_cells} cells of one forecast: {_SHORTEN}"
        )
    if isinstance(model, ModelWithReadings):
        return CELLS_OF_A_GLOBAL_FORECAST + CELLS_OF_A_GLOBAL_ROW * rows
    if model.settings.growth != "logistic":
        return 0
    quantiles = 2 + len(options.quantiles)
    if rows * quantiles > budget.max_logistic_quantiles:
        raise RequestError(
            f"{rows} rows with {quantiles} quantiles (the interval has two) by a logistic model exceed the "
            f"{budget.max_logistic_quantiles} quantiles of one forecast: {_SHORTEN}"
        )
    return CELLS_OF_A_LOGISTIC_FORECAST + CELLS_OF_A_LOGISTIC_QUANTILE * rows * quantiles


def _features_of(model: Model | ModelWithReadings) -> int:
    if isinstance(model, ModelWithReadings):
        return max(part.trees.features for part in model.model.parts.values())
    return model.layout.features
