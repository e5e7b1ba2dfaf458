"""The hyperparameters of a training job, each declared once: name, default, accepted values, a sentence.

`train.settings` reads them, `fleetcast train --help` and the reference page list them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from container import (
    Choice,
    Computed,
    FiniteNumber,
    Flag,
    Fraction,
    Text,
    Variable,
    WholeNumber,
    help_text,
    markdown_table,
    quoted,
)
from fleetcast.errors import SettingError
from fleetcast.evaluation import DEFAULT_CUTOFFS
from fleetcast.forecasting import PROPHET_ARGUMENTS, FitOptions, Option

PROPHET_ALONE: Final = "prophet"
NAMES_SHOWN: Final = 10
"""Unknown hyperparameters that an error names."""
_PROPHETS_DEFAULTS: Final = FitOptions().settings


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of Prophet's constructor, as `fleetcast.forecasting` declares and checks it."""

    name: str
    option: Option

    @property
    def accepted(self) -> str:
        """See `container.Variable`."""
        return self.option.accepted

    @property
    def meaning(self) -> str:
        """See `container.Variable`."""
        return self.option.meaning

    @property
    def default_text(self) -> str:
        """See `container.Variable`."""
        default = getattr(_PROPHETS_DEFAULTS, self.name)
        if self.option.default_words or default is None:
            return self.option.default_words
        return f"{default:g}" if isinstance(default, float | int) else f"`{default}`"


PROPHET: Final = tuple(Argument(name, option) for name, option in PROPHET_ARGUMENTS.items())

SEASONALITIES: Final = Text(
    name="seasonalities",
    accepted="a JSON list of objects with the arguments of Prophet's `add_seasonality`",
    meaning="More seasons, with or without a condition.",
)
REGRESSORS: Final = Text(
    name="regressors",
    accepted="names with commas between, or a JSON list of objects with the arguments of `add_regressor`",
    meaning="Columns of the customers' files that explain the readings.",
)
COUNTRY_HOLIDAYS: Final = Text(
    name="country_holidays",
    accepted="a country such as `DE`, a subdivision such as `DE-BY`, or a JSON object with `country`, "
    "`subdiv`, `lower_window`, `upper_window`, `prior_scale`",
    meaning="Public holidays; all but a country alone is written into the model as dates, for 10 years after "
    "the history.",
)
CAP: Final = FiniteNumber(
    name="cap", meaning="The upper bound of logistic growth, for files without a column `cap`."
)
FLOOR: Final = FiniteNumber(
    name="floor", meaning="The lower bound of logistic growth, for files without a column `floor`."
)
NON_NEGATIVE: Final = Flag(
    name="non_negative",
    meaning="Clips forecasts and intervals at 0, in the metrics and when served.",
)
KEEP_HISTORY: Final = Flag(name="keep_history", meaning="Keeps the readings in `model.json`.")

READING: Final[tuple[Text, ...]] = (
    Text(
        name="delimiter",
        accepted="one character, or `comma`, `semicolon`, `tab`, `pipe`",
        default_words="from each file",
        meaning="What stands between the cells of a CSV file.",
    ),
    Text(
        name="decimal",
        accepted="`.` or `,`",
        default_words="from each file",
        meaning="The decimal mark.",
    ),
    Text(
        name="encoding",
        accepted="a name such as `utf-8`, `latin-1`, `cp1252`, `utf-16`",
        default_words="from each file",
        meaning="The encoding of CSV files.",
    ),
    Text(
        name="date_format",
        accepted="a format of `strptime`, or `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`",
        default_words="from each file",
        meaning="How times are written.",
    ),
)

MODELS: Final = Text(
    name="models",
    default=PROPHET_ALONE,
    accepted="`prophet`, `prophet+correction`, `auto`, `champion`, `global`, or a JSON list of methods",
    meaning="Which methods forecast: Prophet's model alone, or with a forecast of its residuals; the "
    "weighted mean of all methods, or the best one, as backtests of each customer find them; one model of "
    "all customers, which `auto` has too where `fleetcast[global]` is installed; or the weighted mean of "
    "those listed.",
)
GLOBAL_SHARE: Final = Fraction(
    name="global_share",
    default=0.7,
    meaning="With `auto`: the weight of the model of all customers; 0 trains none.",
)
GLOBAL_ETA: Final = Fraction(
    name="global_eta",
    default=0.05,
    minimum=0.001,
    meaning="Learning rate of the model of all customers: which share of each tree's correction is used.",
)
GLOBAL_ROUNDS: Final = WholeNumber(
    name="global_rounds",
    default=240,
    maximum=1_000,
    unit="trees",
    meaning="Boosting rounds of the model of all customers; each fits one tree.",
)
GLOBAL_MAX_DEPTH: Final = WholeNumber(
    name="global_max_depth",
    default=7,
    maximum=8,
    unit="splits",
    meaning="Most splits on the way to a leaf of a tree of the model of all customers.",
)
GLOBAL_ROWS: Final = WholeNumber(
    name="global_rows",
    default=200_000,
    minimum=1_000,
    maximum=10_000_000,
    meaning="About how many rows, each a step of a customer's history, train the model of all customers. "
    "They are of as many customers as a hundredth of it, or of 2,000 if that is more. With more than 200,000 "
    "and `engine=ray`, the hosts train it together.",
)
BACKTEST_CUTOFFS: Final = WholeNumber(
    name="backtest_cutoffs",
    default=DEFAULT_CUTOFFS,
    maximum=20,
    meaning="Backtests of each customer: how often methods are fitted to the beginning of the history and "
    "compared with what followed.",
)
BACKTEST_HORIZON: Final = WholeNumber(
    name="backtest_horizon",
    default=Computed(lambda: 0, "a week of readings within the day, two weeks of daily ones"),
    maximum=1_000,
    unit="steps",
    meaning="How far each backtest forecasts.",
)
METRIC: Final = Choice(
    name="metric",
    among=("mase", "wape"),
    default="mase",
    meaning="By which error methods are weighed or chosen: the mean absolute scaled error of the backtests, "
    "or the sum of their absolute errors in relation to the sum of absolute readings.",
)
CHAMPION_MARGIN: Final = Fraction(
    name="champion_margin",
    default=0.05,
    meaning="With `champion`: by which share of Prophet's error another method must be better; with "
    "`keep_incumbent`: by which share of the earlier choice's error a new one must be.",
)
KEEP_INCUMBENT: Final = Flag(
    name="keep_incumbent",
    meaning="Keeps the methods and weights that an earlier job chose for a customer, unless a new choice "
    "would have forecast the readings since then better by `champion_margin`.",
)
FLEET_STATISTICS: Final = Text(
    name="fleet_statistics",
    accepted="the name of a channel, such as `fleet`",
    meaning="Files about another job's backtests, which that job wrote to `checkpoints/fleet`: they forecast "
    "customers with too few readings for a backtest, and take part in calibrated intervals.",
)
INTERVALS: Final = Choice(
    name="intervals",
    among=("prophet", "calibrated"),
    default="prophet",
    meaning="Where intervals come from: Prophet's model, or the errors of the backtests.",
)

ENGINE: Final = Choice(
    name="engine",
    among=("auto", "local", "ray"),
    default="auto",
    meaning="How several hosts share the customers: each has its own part (`local`), or all take from one "
    "queue (`ray`); `auto` is `ray` with `mcmc_samples`, where Ray is installed, and else `local`.",
)
HOLDOUT: Final = Text(
    name="holdout",
    accepted="a span such as `7D`, `48h`, `2W`, `90min`, or a number of readings",
    meaning="The end of each history that is held out and compared with a forecast; the model is then fitted "
    "to all readings.",
)
MAX_FAILED_FRACTION: Final = Fraction(
    name="max_failed_fraction",
    default=0.1,
    meaning="The job fails if more than this share of its customers failed.",
)
MAX_FALLBACK_FRACTION: Final = Fraction(
    name="max_fallback_fraction",
    default=0.5,
    meaning="The job fails if neither Fleetcast nor Prophet could fit more than this share of its customers.",
)
REPLACE_WITH_FALLBACK: Final = Flag(
    name="replace_with_fallback",
    meaning="Lets a seasonal naive forecast replace the archive of an earlier fit.",
)
CUSTOMER_TIMEOUT: Final = WholeNumber(
    name="customer_timeout_seconds",
    default=300,
    unit="seconds",
    meaning="A customer that takes longer fails.",
)
CUSTOMER_MEMORY: Final = WholeNumber(
    name="customer_memory_mb",
    default=4096,
    minimum=512,
    unit="MB",
    meaning="The address space of a worker process; a customer that needs more fails.",
)

TUNE_PER: Final = Choice(
    name="tune_per",
    among=("fleet", "customer"),
    default="fleet",
    meaning="Whether all customers get the same settings, or a customer may leave the fleet's for others "
    "that its own backtests prefer.",
)
TUNE_MARGIN: Final = Fraction(
    name="tune_margin",
    default=0.02,
    meaning="With `tune_per`: by which share of the error a customer's own settings must be expected to be "
    "better than the fleet's.",
)
TUNE_CPU: Final = WholeNumber(
    name="tune_cpu_seconds",
    default=1_800,
    maximum=100_000_000,
    unit="seconds",
    meaning="The processor time of a search: of all backtests and fits, on all workers together, earlier "
    "runs included.",
)
TUNE_CONFIGURATIONS: Final = WholeNumber(
    name="tune_configurations",
    default=48,
    maximum=5_000,
    meaning="Number of configurations that are tried beside the job's own settings: of Prophet's model, and "
    "of the trees of a model of all customers.",
)
TUNE_CUSTOMERS: Final = WholeNumber(
    name="tune_customers",
    default=256,
    maximum=100_000,
    meaning="Most customers whose backtests compare configurations.",
)
TUNE_SPACE: Final = Text(
    name="tune_space",
    accepted="a JSON object of hyperparameters, each with a list of values, or an object with `from`, `to` "
    'and, for prior scales, `"scale": "log"`',
    default_words="ranges for Prophet's model and a model of all customers, without the settings of the job",
    meaning="What is searched, instead of a file `search-space.json` in the channel `config`.",
)
TUNE_SEED: Final = WholeNumber(
    name="tune_seed",
    default=0,
    minimum=0,
    maximum=2**31,
    meaning="Another number tries other configurations on other customers.",
)

TUNE: Final = (TUNE_PER, TUNE_MARGIN, TUNE_CPU, TUNE_CONFIGURATIONS, TUNE_CUSTOMERS, TUNE_SPACE, TUNE_SEED)
"""The hyperparameters of a search alone."""

GROUPS: Final[Mapping[str, tuple[Variable, ...]]] = {
    "Arguments of Prophet's constructor": PROPHET,
    "More about the model": (
        SEASONALITIES,
        REGRESSORS,
        COUNTRY_HOLIDAYS,
        CAP,
        FLOOR,
        NON_NEGATIVE,
        KEEP_HISTORY,
    ),
    "Which methods forecast": (
        MODELS,
        GLOBAL_SHARE,
        GLOBAL_ETA,
        GLOBAL_ROUNDS,
        GLOBAL_MAX_DEPTH,
        GLOBAL_ROWS,
        BACKTEST_CUTOFFS,
        BACKTEST_HORIZON,
        METRIC,
        CHAMPION_MARGIN,
        KEEP_INCUMBENT,
        INTERVALS,
        FLEET_STATISTICS,
    ),
    "How the customers' files are written": READING,
    "The job": (
        ENGINE,
        HOLDOUT,
        MAX_FAILED_FRACTION,
        MAX_FALLBACK_FRACTION,
        REPLACE_WITH_FALLBACK,
        CUSTOMER_TIMEOUT,
        CUSTOMER_MEMORY,
    ),
    "The search of `fleetcast tune`, which `train` ignores": TUNE,
}
"""All hyperparameters by heading, in the order of the documentation."""
NAMES: Final = tuple(each.name for group in GROUPS.values() for each in group)


def check_names(names: Collection[str]) -> None:
    """Raise `SettingError` for names that are no hyperparameters: what may be meant, and what is accepted."""
    unknown = sorted(set(names) - set(NAMES))
    if not unknown:
        return
    named = ", ".join(quoted(name) + _suggestion(name) for name in unknown[:NAMES_SHOWN])
    raise SettingError(f"unknown hyperparameter {named}; accepted are {', '.join(sorted(NAMES))}")


def _suggestion(name: str) -> str:
    close = get_close_matches(name, NAMES, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def table() -> str:
    """Return all hyperparameters in Markdown, a table below each heading, for the reference page."""
    tables = [
        f"### {heading}\n\n{markdown_table(group, kind='hyperparameter')}"
        for heading, group in GROUPS.items()
    ]
    return "\n".join(tables)


def help_of_all() -> str:
    """Return all hyperparameters for `fleetcast train --help`."""
    return "\n\n".join(f"{heading}:\n{help_text(group)}" for heading, group in GROUPS.items())
