"""The program `gate` on files that `evaluate` could have written."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pipeline.gate.program import main, parser

Run: TypeAlias = Callable[..., tuple[int, dict[str, Any], str]]

GOOD: dict[str, Any] = {
    "regression_metrics": {"mase": {"value": 0.8, "standard_deviation": 0.3}},
    "fleet": {
        "mase_ratio_to_naive": {"value": 0.7},
        "share_beating_naive": {"value": 0.95},
        "failed_fraction": {"value": 0.01},
        "evaluated_fraction": {"value": 0.97},
    },
}


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Run:
    """Return a function that runs the program; it returns exit code, gate.json and the last log line."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    caplog.set_level(logging.INFO)
    evaluation = tmp_path / "processing" / "input" / "evaluation" / "evaluation.json"
    path = tmp_path / "processing" / "output" / "gate" / "gate.json"
    evaluation.parent.mkdir(parents=True)

    def run(content: object, *options: str) -> tuple[int, dict[str, Any], str]:
        evaluation.write_text(json.dumps(content))
        monkeypatch.setattr("sys.argv", ["fleetcast gate", *options])
        code = main()
        written = json.loads(path.read_text()) if path.is_file() else {}
        return code, written, caplog.messages[-1]

    return run


def with_value(path: str, value: object) -> dict[str, Any]:
    """Return `GOOD` with another value at a path; None takes it out."""
    content: dict[str, Any] = json.loads(json.dumps(GOOD))
    *folders, name = path.split(".")
    inner = content
    for folder in folders:
        inner = inner[folder]
    if value is None:
        del inner[name]
    else:
        inner[name] = {"value": value}
    return content


def test_a_good_evaluation_passes_with_the_figures_that_were_compared(gate: Run) -> None:
    code, written, line = gate(GOOD, "--max-mase", "0.8")

    assert (code, written["gate"]) == (0, {"passed": {"value": 1}})
    assert written["reason"] == (
        "passed: mase 0.8 (--max-mase 0.8), mase_ratio_to_naive 0.7 (--max-ratio-to-naive 1), "
        "failed_fraction 0.01 (--max-failed-fraction 0.05), "
        "evaluated_fraction 0.97 (--min-evaluated-fraction 0.5)"
    )
    assert line.endswith(written["reason"])


@pytest.mark.parametrize(
    ("path", "value", "options", "reason"),
    [
        ("regression_metrics.mase", 1.12, ("--max-mase", "1.0"), "mase 1.12 is above 1 (--max-mase)"),
        ("fleet.mase_ratio_to_naive", 1.1, (), "mase_ratio_to_naive 1.1 is above 1 (--max-ratio-to-naive)"),
        (
            "fleet.mase_ratio_to_naive",
            1.0000000001,
            (),
            "mase_ratio_to_naive 1.0000000001 is above 1 (--max-ratio-to-naive)",
        ),
        (
            "fleet.share_beating_naive",
            0.4,
            ("--min-share-beating-naive", "0.5"),
            "share_beating_naive 0.4 is below 0.5 (--min-share-beating-naive)",
        ),
        ("fleet.failed_fraction", 0.06, (), "failed_fraction 0.06 is above 0.05 (--max-failed-fraction)"),
        (
            "fleet.evaluated_fraction",
            0.3,
            (),
            "evaluated_fraction 0.3 is below 0.5 (--min-evaluated-fraction)",
        ),
    ],
)
def test_a_figure_beyond_its_threshold_does_not_pass(
    gate: Run, path: str, value: float, options: tuple[str, ...], reason: str
) -> None:
    code, written, line = gate(with_value(path, value), *options)

    assert (code, written) == (3, {"gate": {"passed": {"value": 0}}, "reason": reason})
    assert line.endswith(f"not passed: {reason}")


def test_the_reason_is_the_exit_message_of_the_processing_job(gate: Run, tmp_path: Path) -> None:
    _, written, _ = gate({})

    assert (tmp_path / "output" / "message").read_text() == written["reason"]


@pytest.mark.parametrize("value", [None, "0.7", True, float("nan"), float("inf")])
def test_a_figure_that_is_missing_or_no_number_does_not_pass(gate: Run, value: object) -> None:
    code, written, _ = gate(with_value("fleet.mase_ratio_to_naive", value))

    assert code == 3
    assert written["reason"] == (
        "the evaluation has no fleet.mase_ratio_to_naive.value (--max-ratio-to-naive none does without it)"
    )


def test_none_turns_a_threshold_off(gate: Run) -> None:
    code, _, _ = gate(with_value("fleet.mase_ratio_to_naive", None), "--max-ratio-to-naive", "none")

    assert code == 0


def test_every_problem_is_named_in_one_sentence(gate: Run) -> None:
    code, written, _ = gate({})

    assert code == 3
    assert written["reason"].count("the evaluation has no ") == 3
    assert "\n" not in written["reason"]


def test_a_pipeline_gets_exit_code_0_and_reads_gate_json(gate: Run) -> None:
    code, written, _ = gate({}, "--exit-zero")

    assert (code, written["gate"]["passed"]["value"]) == (0, 0)


def test_without_an_evaluation_there_is_no_decision_and_no_old_one(gate: Run, tmp_path: Path) -> None:
    gate(GOOD)

    code, written, line = gate([])

    assert (code, written) == (1, {})
    assert "must hold a JSON object" in line
    assert "must hold a JSON object" in (tmp_path / "output" / "message").read_text()


@pytest.mark.parametrize("text", ["high", "nan"])
def test_a_threshold_is_a_number_or_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--max-mase", text])

    assert ended.value.code == 2
    assert f"--max-mase: must be a number, or none, not '{text}'" in capsys.readouterr().err
