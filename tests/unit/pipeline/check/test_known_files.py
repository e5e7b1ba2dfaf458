from pipeline.check.known_files import PATHS
from pipeline.gate import THRESHOLDS


def test_the_paths_of_the_gates_thresholds_are_known() -> None:
    assert {each.path for each in THRESHOLDS} <= PATHS["evaluate", "evaluation.json"]
