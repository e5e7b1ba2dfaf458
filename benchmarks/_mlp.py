"""A PyTorch model as an archive may bring it, run by whichever Python has torch; prints JSON.

A network of matrix products, in eager mode and converted to oneDNN's layout, against itself in float64.
"""

import hashlib
import json
import platform
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import torch
from torch.utils import mkldnn

SECONDS: Final = 0.5
ROWS: Final = 256
WIDTHS: Final = (512, 1024, 1024, 16)


def network() -> Any:  # noqa: ANN401 -- torch is not installed where types are checked
    """Return the model, the same each time."""
    torch.manual_seed(0)
    layers: list[Any] = []
    for inputs, outputs in pairwise(WIDTHS):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).eval()


def measured(call: Callable[[], Any], exact: Any) -> dict[str, Any]:  # noqa: ANN401 -- tensors
    """Return a call's processor seconds, its largest error as a share of the largest value, and a hash."""
    answer, calls, started = call(), 0, time.process_time()
    while time.process_time() - started < SECONDS:
        answer, calls = call(), calls + 1
    seconds = (time.process_time() - started) / calls
    error = float((answer.double() - exact).abs().max() / exact.abs().max())
    digest = hashlib.sha256(json.dumps(answer.tolist()).encode()).hexdigest()
    return {"seconds": seconds, "error": error, "digest": digest}


def main() -> None:
    """Measure and print."""
    model = network()
    rows = torch.randn(ROWS, WIDTHS[0], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        exact = network().double()(rows.double())
        converted, laid_out = mkldnn.to_mkldnn(model), rows.to_mkldnn()
        ways = {
            "eager": measured(lambda: model(rows), exact),
            "oneDNN": measured(lambda: converted(laid_out).to_dense(), exact),
        }
    about = {"torch": torch.__version__, "machine": platform.machine()}
    sys.stdout.write(json.dumps(about | {"ways": ways}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # torch has deprecated its own conversion
    main()
