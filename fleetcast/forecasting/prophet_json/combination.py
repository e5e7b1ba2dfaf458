"""Reads and writes what a model stores of other methods, under Fleetcast's key in Prophet's JSON."""

import numpy as np
from msgspec import UNSET, UnsetType

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import SECOND, parse_frequency
from fleetcast.forecasting.members import Calibration, Combination, Correction
from fleetcast.forecasting.prophet_json.schema import CalibrationJson, CombinationJson, CorrectionJson


def read_combination(content: CombinationJson | UnsetType | None) -> Combination | None:
    """Return the combination in the text, None without one; raises ModelFormatError if its parts disagree."""
    if content is UNSET or content is None:
        return None
    try:
        parse_frequency(content.freq)
    except FutureError as error:
        raise ModelFormatError(f"fleetcast.combination.freq: {error}") from error
    return Combination(
        origin=round(content.origin * SECOND),
        freq=content.freq,
        correction=_correction(content.correction),
        calibration=_calibration(content.calibration),
    )


def _correction(content: CorrectionJson | None) -> Correction | None:
    if content is None:
        return None
    effects = 0.0 if content.effects is UNSET else content.effects
    return Correction(content.share, np.array(content.path, dtype=np.float64), effects)


def _calibration(content: CalibrationJson | None) -> Calibration | None:
    if content is None:
        return None
    steps, scales, coverages, lower, upper = (
        np.array(values, dtype=np.float64)
        for values in (content.steps, content.scales, content.coverages, content.lower, content.upper)
    )
    is_one_table = steps.size == scales.size and coverages.size == lower.size == upper.size
    is_widening = _is_ascending(scales) and _is_ascending(-lower) and _is_ascending(upper)
    has_zero_inside = lower.max() <= 0 <= upper.min() and coverages[0] == 0 and coverages[-1] <= 1
    if not (
        is_one_table and is_widening and has_zero_inside and _is_ascending(steps) and _is_ascending(coverages)
    ):
        raise ModelFormatError(
            "the intervals of fleetcast.combination.calibration do not widen with coverage"
        )
    return Calibration(steps, scales, coverages, lower, upper)


def _is_ascending(values: Vector) -> bool:
    return bool((np.diff(values) >= 0).all())


def written_combination(combination: Combination | None) -> CombinationJson | UnsetType:
    """Return the combination as a part of the text; UNSET, which is not written, if there is none."""
    if combination is None:
        return UNSET
    correction, calibration = combination.correction, combination.calibration
    return CombinationJson(
        origin=combination.origin / SECOND,
        freq=combination.freq,
        correction=None
        if correction is None
        else CorrectionJson(
            share=correction.share, path=correction.path.tolist(), effects=correction.effects or UNSET
        ),
        calibration=None
        if calibration is None
        else CalibrationJson(
            steps=calibration.steps.tolist(),
            scales=calibration.scales.tolist(),
            coverages=calibration.coverages.tolist(),
            lower=calibration.lower.tolist(),
            upper=calibration.upper.tolist(),
        ),
    )
