"""The settings of a training job, from its hyperparameters and the files of the channel `config`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Self

from container import Host, Paths, quoted, usable_cpus
from fleetcast.errors import SettingError
from fleetcast.evaluation import Holdout
from fleetcast.forecasting import PROPHET_ARGUMENTS, CountryHolidays
from fleetcast.readings import ReadingOptions
from train import hyperparameters
from train.config import BEST_HYPERPARAMETERS, Config
from train.hyperparameters_file import read_texts, value_of
from train.methods import Methods

READING: Final = tuple(option.name for option in fields(ReadingOptions))
SEASONALITY: Final = '[{"name": "monthly", "period": 30.5, "fourier_order": 5}]'
MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a training job runs; `train.hyperparameters` has meanings, defaults and limits."""

    model: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `fit` from hyperparameters, the same for every customer."""
    config: Config = field(default_factory=Config)
    """What the files of the channel `config` hold."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `fit` from those files: for all customers, or for one after `for_customer`."""
    digest: str = ""
    """SHA-256 of those rows; empty where there are none."""
    country: CountryHolidays | None = None
    """A country's holidays that Prophet's own argument cannot express."""
    columns: tuple[str, ...] = ()
    """Columns that a customer's file must have besides time and reading: regressors and conditions."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """`cap` and `floor` of logistic growth, for files without such a column."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    """How the customers' files are written, where a file can be read in two ways."""
    non_negative: bool = False
    """Whether forecasts and their intervals are clipped at 0."""
    methods: Methods = field(default_factory=Methods)
    """Which methods forecast, and where intervals come from."""
    holdout: Holdout = field(default_factory=Holdout)
    """The end of each history that is held out to measure the forecast."""
    customer_timeout_seconds: int = hyperparameters.CUSTOMER_TIMEOUT.read({})
    customer_memory_bytes: int = 0
    """The address space of one worker in bytes; 0 is no limit."""
    max_failed_fraction: float = hyperparameters.MAX_FAILED_FRACTION.default
    max_fallback_fraction: float = hyperparameters.MAX_FALLBACK_FRACTION.default
    replace_with_fallback: bool = False
    """Whether a seasonal naive forecast may replace the archive of an earlier fit."""
    workers: int = 1
    """Number of worker processes on this machine."""
    engine: str = hyperparameters.ENGINE.default
    """Which engine runs the job; `train.engines.choose` decides on `auto`."""

    @classmethod
    def from_files(cls, paths: Paths, host: Host | None = None) -> Self:
        """Read `hyperparameters.json` and the channel `config`.

        Raises SettingError for an unknown or malformed hyperparameter, and InputError, with file, line and
        reason, for what is wrong in the channel.
        """
        config = Config.from_files(paths, host)
        texts = _together(read_texts(paths.config / "hyperparameters.json"), config.best.get("", {}))
        hyperparameters.check_names(texts)
        if both := sorted(config.names() & texts.keys()):
            raise SettingError(f"{both[0]} is a hyperparameter and a file of the channel config: keep one")
        model, country = _model(texts)
        rows = _config_arguments(config)
        return cls(
            model=model,
            config=config,
            rows=rows,
            digest=config.digest_of(),
            country=country,
            columns=_columns(model, rows),
            bounds=_bounds(texts),
            reading=_reading(texts),
            non_negative=hyperparameters.NON_NEGATIVE.read(texts),
            methods=Methods.read(texts).with_fleet(
                paths, host or Host(), hyperparameters.FLEET_STATISTICS.read(texts)
            ),
            holdout=Holdout.parse(str(value_of(hyperparameters.HOLDOUT.read(texts)))),
            customer_timeout_seconds=hyperparameters.CUSTOMER_TIMEOUT.read(texts),
            customer_memory_bytes=hyperparameters.CUSTOMER_MEMORY.read(texts) * MEGABYTE,
            max_failed_fraction=hyperparameters.MAX_FAILED_FRACTION.read(texts),
            max_fallback_fraction=hyperparameters.MAX_FALLBACK_FRACTION.read(texts),
            replace_with_fallback=hyperparameters.REPLACE_WITH_FALLBACK.read(texts),
            workers=usable_cpus(),
            engine=hyperparameters.ENGINE.read(texts),
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `fit` that do not depend on the readings."""
        return dict(self.model) | dict(self.rows)

    @property
    def is_logistic(self) -> bool:
        """Whether the model needs `cap`, and may have `floor`."""
        return self.model.get("growth") == "logistic"

    def for_customer(self, customer: str) -> Self:
        """Return these settings with what the channel `config` has for this customer alone."""
        settings = self.with_model(self.config.best[customer]) if customer in self.config.best else self
        if customer not in self.config.own:
            return settings
        rows = self.config.arguments_of(customer)
        return replace(
            settings, rows=rows, digest=self.config.digest_of(customer), columns=_columns(self.model, rows)
        )

    def with_model(self, texts: Mapping[str, str]) -> Self:
        """Return these settings with other arguments of Prophet; the texts are those of hyperparameters."""
        return replace(self, model=dict(self.model) | {name: value_of(text) for name, text in texts.items()})

    def with_global_share(self, share: float) -> Self:
        """Return these settings, which combine methods, with another weight of the model of all customers."""
        methods = self.methods
        if methods.combine is None:
            raise ValueError("these settings combine no methods")
        return replace(self, methods=replace(methods, combine=replace(methods.combine, global_share=share)))

    def for_archive(self) -> dict[str, Any]:
        """Return the settings that, with a customer's data, decide what its archive holds."""
        always = dict(self.model) | dict(self.bounds)
        if_set = {
            "config": self.digest,
            "country_holidays": asdict(self.country) if self.country else None,
            **self.methods.for_archive(),
            "holdout": str(self.holdout) if self.holdout != Holdout() else None,
            "non_negative": self.non_negative,
            **{name: getattr(self.reading, name) for name in READING},
        }
        return always | {name: value for name, value in if_set.items() if value}


def _together(texts: Mapping[str, str], best: Mapping[str, str]) -> dict[str, str]:
    """Return the hyperparameters of the job and of the channel `config`, which must not contradict them."""
    for name in texts.keys() & best.keys():
        if value_of(texts[name]) != value_of(best[name]):
            raise SettingError(
                f"{name} is {quoted(texts[name])} in hyperparameters.json and {quoted(best[name])} in "
                f"config/{BEST_HYPERPARAMETERS}: keep one of them"
            )
    return {**best, **texts}


def _model(texts: Mapping[str, str]) -> tuple[dict[str, Any], CountryHolidays | None]:
    """Return arguments of `fit`, and the holidays that Prophet's argument for a country cannot express."""
    model = {name: value_of(text) for name, text in texts.items() if name in PROPHET_ARGUMENTS}
    regressors = _regressors(texts)
    seasonalities = _rows("seasonalities", texts, example=SEASONALITY)
    if regressors:
        model["extra_regressors"] = regressors
    if seasonalities:
        model["seasonalities"] = seasonalities
    if hyperparameters.KEEP_HISTORY.read(texts):
        model["keep_history"] = True
    if "country_holidays" not in texts:
        return model, None
    country = CountryHolidays.of(value_of(texts["country_holidays"]))
    if country.is_plain:
        model["country_holidays"] = country.country
        return model, None
    return model, country


def _config_arguments(config: Config) -> dict[str, Any]:
    try:
        return config.arguments_of()
    except SettingError as error:
        raise SettingError(f"channel config: {error}") from error


def _reading(texts: Mapping[str, str]) -> ReadingOptions:
    """Return the options of the reader of customers' files."""
    return ReadingOptions(**{name: texts[name] for name in READING if name in texts})


def _columns(model: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that regressors and conditions need in a customer's file."""
    arguments = dict(model) | dict(rows)
    names = [row["name"] for row in arguments.get("extra_regressors", ()) if "name" in row]
    conditions = [row.get("condition_name") for row in arguments.get("seasonalities", ())]
    return tuple(dict.fromkeys(map(str, names + [name for name in conditions if name])))


def _regressors(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the arguments of `add_regressor` for each: names with commas between, or a JSON list."""
    value = value_of(texts.get("regressors", "[]"))
    if isinstance(value, str):
        return [{"name": name.strip()} for name in value.split(",") if name.strip()]
    return _rows("regressors", texts, example='temperature,wind or [{"name": "wind", "prior_scale": 5}]')


def _rows(name: str, texts: Mapping[str, str], *, example: str) -> list[dict[str, Any]]:
    rows = value_of(texts.get(name, "[]"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(f"{name} must look like {example}, not {quoted(texts[name])}")
    return rows


def _bounds(texts: Mapping[str, str]) -> dict[str, float]:
    """Return `cap` and `floor`, each where it is set."""
    numbers = {bound.name: bound.read(texts) for bound in (hyperparameters.CAP, hyperparameters.FLOOR)}
    return {name: number for name, number in numbers.items() if number is not None}
