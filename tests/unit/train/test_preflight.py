"""Settings that no customer could be fitted with: the job fails before it writes anything."""

from pathlib import Path

import pytest

from container import Paths
from fleetcast.errors import SettingError
from tests.unit.jobs import history, tree
from train.program import train
from train.settings import TrainSettings

FIVE = {f"{number}/data.csv": history(days=60, seed=number) for number in range(5)}


def written(paths: Paths) -> dict[str, bytes]:
    """Return every file below the tree but its input."""
    return {
        str(path): path.read_bytes()
        for path in paths.base.rglob("*")
        if path.is_file() and "input" not in path.relative_to(paths.base).parts
    }


@pytest.mark.parametrize(
    ("hyperparameters", "reason"),
    [
        ({"growth": "cubic"}, r"growth must be one of .*, not 'cubic'"),
        ({"growth": "logistic"}, "needs a cap: the hyperparameter cap, or a column cap"),
        ({"growth": "logistic", "floor": "1"}, "needs a cap"),
        ({"cap": "100"}, "cap belongs to growth = logistic, not to linear"),
        ({"growth": "flat", "floor": "0", "cap": "9"}, "not to flat"),
        ({"regressors": "temperature"}, r"no customer's file has a column 'temperature'"),
        (
            {
                "seasonalities": '[{"name": "x", "period": 3, "fourier_order": 1, "condition_name": "on"}]',
            },
            "no customer's file has a column 'on'",
        ),
        ({"changepoint_prior_scale": "-1"}, "changepoint_prior_scale must be a finite number above 0"),
        ({"regressors": '[{"name": "a", "prior_scale": 0}]'}, "prior_scale of 'a' must be"),
        ({"seasonalities": '[{"name": "x"}]'}, "'period' is missing"),
        ({"country_holidays": "XX"}, "must be a country of the holidays package"),
        ({"country_holidays": "DE-XX"}, "DE has no subdivision 'XX'; accepted are BB, BE, BW, BY"),
        ({"holidays": '[{"ds": "2025-01-01"}]'}, "holidays must have columns ds and holiday"),
        ({"cap": "nan", "growth": "logistic"}, "cap must be a finite number"),
        ({"delimiter": "abc"}, "delimiter must be one character"),
        ({"max-failed-fraction": "1", "max_failed_fraction": "0"}, "is there with - and with _"),
        ({"max_fallback_fraction": "2"}, "max_fallback_fraction must be a number from 0 to 1"),
    ],
)
def test_settings_that_fit_no_customer_fail_the_job_before_anything_is_written(
    tmp_path: Path, hyperparameters: dict[str, str], reason: str
) -> None:
    train(tree(tmp_path, FIVE), TrainSettings())
    before = written(Paths(tmp_path))
    paths = tree(tmp_path, FIVE, **hyperparameters)

    with pytest.raises(SettingError, match=reason):
        train(paths, TrainSettings.from_files(paths))

    assert written(paths) == before
