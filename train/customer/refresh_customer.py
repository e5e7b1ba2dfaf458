"""One customer's archive with a forecast from newer readings, inside a worker; nothing is trained.

Prophet's own model, the weights of the methods and the intervals stay as the training left them.  New are the
forecasts of the other methods, from the readings up to the new end, and the time from which steps are
counted.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fleetcast.archive import GLOBAL_NAME, SUFFIX, Archive, pack
from fleetcast.errors import HistoryError
from fleetcast.evaluation import CORRECTED_PROPHET, GLOBAL, FittedProphet, continued, rounded_path
from fleetcast.forecasting import Combination, Model, dumps, loads
from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.members import Correction, GriddedHistory, steps_ahead
from fleetcast.global_model import DatedModels, FewReadings, GlobalModel
from fleetcast.readings.customer import Readings
from train.channel import Customer
from train.customer.archived import settings_of_archive
from train.customer.combine import fitted_before
from train.customer.earlier import EarlierArchive, maker_problem, read_earlier, weights_of
from train.customer.files import check_cap, file_contents, load_readings
from train.customer.freq import freq_of
from train.customer.last_readings import LastReadings
from train.customer.outcome import Failed, New, Refreshed, RefreshOutcome, Unchanged
from train.customer.proof import prove
from train.customer.train_customer import EXPECTED, reason_of_error, since
from train.settings import TrainSettings

_ALWAYS: Final = -(2**63)
"""Before all times, in microseconds since 1970."""
NO_READINGS: Final = "the channel has no readings of it"
ALONE: Final = "no method beside its fitted model forecasts it; a training makes it new"
_SEASONS: Final = 2
"""Fewest seasons, long ones where there are any, that a refresh uses if the training had as many."""


@dataclass(frozen=True, slots=True)
class RefreshCustomer:
    """The task of a refresh: from a customer's archive and new readings to a new archive."""

    settings: TrainSettings
    archives: Path
    """Folder of the archives to refresh."""
    global_model: GlobalModel | None = None
    """That of all customers, from beside their archives; None without one."""

    def __call__(self, customer: Customer) -> RefreshOutcome:
        """Return what becomes of the archive; whatever is wrong is the reason of a `Failed`."""
        started = time.perf_counter()
        try:
            earlier = read_earlier(customer, self.archives)
            if earlier is None:
                return New(customer=customer.name, seconds=since(started))
            outcome = _Refresh.of(customer, earlier, self.settings, self.global_model).outcome()
            return replace(outcome, seconds=since(started))
        except EXPECTED as error:
            return Failed(customer=customer.name, reason=reason_of_error(error), seconds=since(started))


@dataclass(frozen=True, slots=True)
class _Refresh:
    """An archive that may need new forecasts."""

    customer: Customer
    earlier: EarlierArchive
    settings: TrainSettings
    """As far as they concern this model, those of its training."""
    model: Model | None
    """None for a model that only stock Prophet can read, and for the one of all customers."""
    global_model: GlobalModel | None

    @classmethod
    def of(
        cls,
        customer: Customer,
        earlier: EarlierArchive,
        settings: TrainSettings,
        global_model: GlobalModel | None,
    ) -> "_Refresh":
        text = earlier.archive.model
        model = loads(text, keep_history=True) if isinstance(text, str) else None
        if not isinstance(model, Model):
            return cls(customer, earlier, settings, None, None)
        own = settings_of_archive(model, earlier.archive.metadata, settings)
        return cls(customer, earlier, own, model, global_model)

    def outcome(self) -> Refreshed | Unchanged:
        """Return the new archive, or why the old one needs no refresh.

        Raises HistoryError, and whatever reading the customer's files raises.
        """
        combination = None if self.model is None else self.model.combination
        if self.model is None or combination is None or combination.correction is None:
            return self._unchanged(ALONE)
        if not self.customer.paths and not self.customer.problem:
            return self._unchanged(NO_READINGS)
        if self.model.history is not None:
            raise HistoryError("keep_history: the archive holds the readings of its training; train it again")
        return self._refreshed(self.model, combination, combination.correction)

    def _refreshed(
        self, model: Model, combination: Combination, earlier: Correction
    ) -> Refreshed | Unchanged:
        contents = file_contents(self.customer)
        readings = load_readings(self.customer, contents, self.settings)
        check_cap(readings, self.settings)
        usable = readings.rows(np.isfinite(readings.y)).by_time()
        if not usable.ds.size or usable.ds[-1].astype(np.int64) <= combination.origin:
            return self._unchanged(f"the channel has no reading after {_second(combination.origin)}")
        usable, warnings = self._with_last_readings(usable, combination)
        self._check(usable, combination.freq)
        origin = int(usable.ds[-1].astype(np.int64))
        later = replace(combination, origin=origin, **self._continued(usable, model, combination, earlier))
        refreshed = model.with_later_end(usable.ds.view(np.int64), later)
        packed = pack(Archive(dumps(refreshed), self._metadata(usable, combination.freq, readings)))
        prove(packed, readings, self.settings, is_naive=False)
        return Refreshed(
            customer=self.customer.name,
            engine=model.engine,
            rows=len(readings.ds),
            seconds=0.0,
            packed=packed,
            warnings=warnings,
            non_negative=self.settings.non_negative,
        )

    def _with_last_readings(
        self, usable: Readings, combination: Combination
    ) -> tuple[Readings, Mapping[str, tuple[str, ...]]]:
        """Return the readings of the channel, and before them those that only the archive has."""
        metadata = self.earlier.archive.metadata
        remembered = LastReadings.in_metadata(metadata, combination.freq, combination.origin)
        if remembered is None or usable.columns:
            return usable, {}
        ds, y, different = remembered.before(usable.ds.view(np.int64), usable.y)
        joined = Readings(
            np.concatenate((ds.view("datetime64[us]"), usable.ds)), np.concatenate((y, usable.y))
        ).by_time()
        if not different:
            return joined, {}
        sentence = f"{different} readings in the channel differ from those in the archive, and replace them"
        return joined, {"changed readings": (sentence,)}

    def _check(self, usable: Readings, freq: str) -> None:
        """Raise HistoryError where the readings have another spacing, or are too few for their methods."""
        if (spacing := freq_of(usable.ds)) not in {None, freq}:
            raise HistoryError(
                f"its readings come every {spacing!r} now, and its methods were chosen for {freq!r}; train it"
            )
        history = GriddedHistory.of(usable.ds.view(np.int64), usable.y, freq)
        if history is None:
            raise HistoryError(f"fewer than half of the steps of {freq!r} have a reading")
        metadata = self.earlier.archive.metadata
        times = [metadata.get("first"), metadata.get("trained_until", metadata.get("last"))]
        first, last = microseconds(list(map(str, times))).tolist()
        trained = int(steps_ahead(first, np.array([last]), freq)[0]) + 1
        least = min(_SEASONS * (history.seasons.long or history.seasons.short), trained)
        if history.y.size < least:
            raise HistoryError(
                f"there are {history.y.size} steps of {freq!r} up to its last reading, and a refresh needs "
                f"{least}: put older readings into the channel as well"
            )

    def _continued(
        self, usable: Readings, model: Model, combination: Combination, earlier: Correction
    ) -> dict[str, Any]:
        """Return the fields of the combination that change."""
        of_all = self._of_all(combination.freq)
        if problem := maker_problem(self.earlier, self.customer.name):
            raise HistoryError(f"its archive has no weights of methods: {problem}; train it again")
        weights = weights_of(self.earlier.archive.metadata)
        if not weights:
            few = None if of_all is None else self._of_few(usable, of_all, model, earlier.path.size)
            if few is None:
                raise HistoryError("its history was too short to choose methods by backtests; train it again")
            correction = Correction(0.0, rounded_path(few.path))
            return {"correction": correction, "calibration": combination.calibration and few.calibration}
        if GLOBAL in weights and of_all is None:
            raise HistoryError(
                f"the model of all customers has a part in its forecast: put {GLOBAL_NAME}{SUFFIX} of its "
                "training beside the archives"
            )
        prophet: FittedProphet | None = None
        if CORRECTED_PROPHET in weights or model.layout.holidays is not None or model.layout.regressors:
            prophet = fitted_before(usable, len(usable.y), model, self.settings)
            if prophet is None:
                raise HistoryError("Prophet's model cannot forecast its readings; train it again")
        stamps, of_weights = usable.ds.view(np.int64), of_all if GLOBAL in weights else None
        return {
            "correction": continued(stamps, usable.y, combination.freq, earlier, weights, prophet, of_weights)
        }

    def _of_all(self, freq: str) -> DatedModels | None:
        """Return the model of all customers, which may forecast from every time on; None for other steps."""
        if self.global_model is None or self.global_model.settings.freq != freq:
            return None
        return DatedModels((_ALWAYS,), (self.global_model,))

    def _of_few(self, usable: Readings, of_all: DatedModels, model: Model, length: int) -> FewReadings | None:
        """Return the forecast that the model of all customers makes where nothing was chosen by backtests."""
        if model.layout.regressors:
            return None
        stamps = usable.ds.view(np.int64)
        history = GriddedHistory.of(stamps, usable.y, of_all.freq)
        if history is None:
            return None
        return of_all.of_few_readings(history, int(stamps[-1]), length, model.layout.holidays)

    def _metadata(self, usable: Readings, freq: str, readings: Readings) -> dict[str, Any]:
        """Return metadata.json: that of the training, with the new end."""
        metadata = dict(self.earlier.archive.metadata)
        metadata["trained_until"] = metadata.get("trained_until", metadata["last"])
        metadata["last"] = str(readings.ds.max().astype("datetime64[s]"))
        remembered = None
        if not self.settings.columns and not (self.settings.is_logistic and not self.settings.bounds):
            remembered = LastReadings.of(usable.ds.view(np.int64), usable.y, freq)
        return metadata | ({} if remembered is None else remembered.entry())

    def _unchanged(self, reason: str) -> Unchanged:
        return Unchanged(
            customer=self.customer.name,
            engine=str(self.earlier.archive.metadata.get("engine", "")),
            rows=0,
            seconds=0.0,
            packed=self.earlier.packed,
            reason=reason,
            non_negative=self.settings.non_negative,
        )


def _second(stamp: int) -> str:
    return str(np.datetime64(stamp, "us").astype("datetime64[s]"))
