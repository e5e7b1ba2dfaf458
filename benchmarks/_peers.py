"""statsforecast's methods, run by whichever Python has it: JSON lines in, JSON lines out.

The first line written is statsforecast's version.  After that each line {"y": [...], "horizon": H}, hourly
readings without gaps, is answered by one line: for each method the H forecasts, their intervals at 80 and
95 %, and the processor seconds of the fit and of both fit and forecast.
"""

import json
import resource
import sys
import warnings
from typing import Any, Final

import numpy as np
import statsforecast
from statsforecast.models import MSTL, AutoCES, AutoETS, DynamicOptimizedTheta

DAY: Final = 24
WEEK: Final = 168
LEVELS: Final = (80, 95)


def methods() -> dict[str, Any]:
    """Return each method with the seasons of hourly readings, unfitted."""
    return {
        "AutoETS": AutoETS(season_length=DAY),
        "MSTL": MSTL(season_length=[DAY, WEEK]),
        "DynamicOptimizedTheta": DynamicOptimizedTheta(season_length=DAY),
        "AutoCES": AutoCES(season_length=DAY),
    }


def answer(method: Any, y: Any, horizon: int) -> dict[str, Any]:  # noqa: ANN401 -- not installed where types are checked
    """Return the forecasts of one method and their cost."""
    begun = processor_seconds()
    fitted = method.fit(y)
    fit_seconds = processor_seconds() - begun
    table = fitted.predict(h=horizon, level=list(LEVELS))
    return {
        "yhat": table["mean"].tolist(),
        "intervals": {
            level / 100: (table[f"lo-{level}"].tolist(), table[f"hi-{level}"].tolist()) for level in LEVELS
        },
        "fit_seconds": fit_seconds,
        "seconds": processor_seconds() - begun,
    }


def processor_seconds() -> float:
    """Return the processor time of this process and its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(statsforecast.__version__) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        question = json.loads(line)
        y = np.array(question["y"])
        answers = {name: answer(each, y, question["horizon"]) for name, each in methods().items()}
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
