"""How much work an answer is, counted before any of it is done, and how much of it one request may ask for.

Work is counted in cells: the rows of a forecast times its columns, `ds` and components included, and what a
forecast costs besides.  Cells and estimated bytes bound an answer's memory and the time that it takes.
"""

from dataclasses import dataclass, field
from typing import Final

from fleetcast.forecasting import Model
from serving.errors import RequestError
from serving.models.load import Forecaster
from serving.request.records import Failure
from serving.request.results import COLUMNS
from serving.request.schema import Request

MOST_CELLS: Final = 4_000_000
"""Of an answer: a million rows of the four usual columns."""
MOST_ANSWER_BYTES: Final = 128 * 1024 * 1024
"""As estimated; a number has 14 characters usually and 24 at most."""
MOST_GROUPS: Final = 20_000
"""Of records that are forecast together; each takes some 0.4 milliseconds besides its cells."""
MOST_CELLS_OF_A_FORECAST: Final = 4_000_000
"""Rows times its columns and the features of its model: 32 MB, a few times over while they are computed."""
MOST_LOGISTIC_QUANTILES: Final = 30_000
"""Rows times quantiles of one logistic forecast, which takes 6 microseconds for each."""
MOST_SAMPLED_ROWS: Final = 1_000
"""Of a model with mcmc_samples, for which stock Prophet draws a thousand samples of each row."""
CELLS_OF_A_LOGISTIC_QUANTILE: Final = 5
CELLS_OF_A_LOGISTIC_FORECAST: Final = 150
CELLS_OF_A_SAMPLED_FORECAST: Final = 20_000
"""What a forecast takes besides its cells, in the time that a cell takes."""
BYTES_OF_A_NUMBER: Final = 14
BYTES_OF_A_RECORD: Final = 40
BYTES_OF_A_FAILURE: Final = 120
BYTES_OF_A_READING: Final = 60
"""In the text of a model with mcmc_samples, at least."""
_HOW_TO_SPLIT: Final = (
    "send fewer records at once, or ask for a shorter period, fewer quantiles or no components"
)

_SHORTER: Final = "ask for a shorter period or fewer quantiles"


@dataclass(slots=True)
class Work:
    """The sum of what an answer takes."""

    is_csv: bool
    cells: int = 0
    rows: int = 0
    groups: int = 0
    size: int = 0
    """Bytes of the answer, without the empty cells of CSV."""
    columns: set[str] = field(default_factory=set)
    """CSV has each of them in every row."""

    def add(self, forecaster: Forecaster, wanted: Request, *, records: int, name_characters: int) -> None:
        """Add `records` forecasts of one kind; `name_characters` is the sum of their customers' names.

        Raises `RequestError` where each of them is too much by itself.
        """
        rows = rows_of(forecaster, wanted)
        names = columns_of(forecaster, wanted)
        beyond = _cells_besides(forecaster, wanted, rows=rows, columns=len(names))
        self.rows += rows * records
        self.cells += (rows * len(names) + beyond) * records
        self.groups += 1
        characters = BYTES_OF_A_NUMBER * len(names)
        if not self.is_csv:
            characters += sum(map(len, names)) + 4 * len(names)
        self.size += (rows * (characters + 14) + BYTES_OF_A_RECORD) * records
        self.size += name_characters * (rows if self.is_csv else 1)
        if self.is_csv:
            self.columns.update(names)

    def add_failure(self, failure: Failure) -> None:
        """Add a record that gets no forecast."""
        self.rows += 1
        self.size += BYTES_OF_A_FAILURE + len(failure.message) + len(failure.target_model or "")

    def check(self) -> None:
        """Raise `RequestError` where all of it is too much for an answer."""
        in_csv = self.rows * len(self.columns)
        cells, size = max(self.cells, in_csv), self.size + in_csv
        if cells > MOST_CELLS:
            raise RequestError(
                f"the answer would have {cells} cells (rows times columns, and what a forecast costs "
                f"besides); {MOST_CELLS} are allowed: {_HOW_TO_SPLIT}"
            )
        if self.groups > MOST_GROUPS:
            raise RequestError(
                f"the records ask for {self.groups} forecasts that have to be made one by one, as options or "
                f"models differ; {MOST_GROUPS} are allowed: send fewer records at once"
            )
        if size > MOST_ANSWER_BYTES:
            raise RequestError(
                f"the answer would have {size} bytes; {MOST_ANSWER_BYTES} are allowed: {_HOW_TO_SPLIT}"
            )


def rows_of(forecaster: Forecaster, wanted: Request) -> int:
    """Return how many rows a forecast has, or at most has."""
    if wanted.ds is not None:
        return len(wanted.ds)
    model = forecaster.model
    history = 0
    if wanted.include_history:
        if isinstance(model, Model):
            history = 0 if model.history is None else len(model.history.dates)
        else:
            history = len(model.text) // BYTES_OF_A_READING
    return wanted.periods + history


def columns_of(forecaster: Forecaster, wanted: Request) -> list[str]:
    """Return the columns that a forecast has, or at most has."""
    if not wanted.components and not wanted.quantiles:
        return list(COLUMNS)
    quantiles = ["lower", "upper", *map(repr, wanted.quantiles)]
    names = ["ds", "yhat", *(f"yhat_{quantile}" for quantile in quantiles)]
    if not wanted.components:
        return names
    names += ["trend", "cap", "floor", *(f"trend_{quantile}" for quantile in quantiles)]
    model = forecaster.model
    components = [each.name for each in model.layout.components] if isinstance(model, Model) else _SAMPLED
    return names + [f"{name}{ending}" for name in components for ending in ("", "_lower", "_upper")]


_SAMPLED: Final = tuple(f"component_{number:03d}" for number in range(50))
"""In the place of components that only stock Prophet knows."""


def _cells_besides(forecaster: Forecaster, wanted: Request, *, rows: int, columns: int) -> int:
    """Return what one forecast costs besides its cells; raise `RequestError` where that is too much."""
    model = forecaster.model
    if not isinstance(model, Model):
        if rows > MOST_SAMPLED_ROWS:
            raise RequestError(
                f"a model with mcmc_samples forecasts up to {MOST_SAMPLED_ROWS} rows at once, not {rows}: "
                "ask for a shorter period"
            )
        return CELLS_OF_A_SAMPLED_FORECAST
    features = model.layout.features
    if rows * (columns + features) > MOST_CELLS_OF_A_FORECAST:
        raise RequestError(
            f"{rows} rows of {columns} columns by a model with {features} features are more than the "
            f"{MOST_CELLS_OF_A_FORECAST} cells of one forecast: {_SHORTER}"
        )
    if model.settings.growth != "logistic":
        return 0
    quantiles = 2 + len(wanted.quantiles)
    if rows * quantiles > MOST_LOGISTIC_QUANTILES:
        raise RequestError(
            f"{rows} rows with {quantiles} quantiles (the interval has two) by a logistic model are more "
            f"than the {MOST_LOGISTIC_QUANTILES} that one forecast may have: {_SHORTER}"
        )
    return CELLS_OF_A_LOGISTIC_FORECAST + CELLS_OF_A_LOGISTIC_QUANTILE * rows * quantiles
