"""Imports between rooms run one way, and a room is imported through its `__init__`.

A room is a folder of modules without rooms inside; a module that lies beside rooms is a room of its own.
Every import statement counts: one inside a function and one under TYPE_CHECKING as well.  Text that names a
module, such as what monkeypatch replaces, does not.
"""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS: dict[str, list[set[str]]] = {
    "": [{"fleetcast"}, {"container"}, {"processing", "serving", "train"}, {"pipeline"}],
    "container": [{"cluster"}],
    "fleetcast": [{"archive", "forecasting", "readings"}, {"evaluation", "global_model"}],
    "fleetcast.forecasting": [
        {"calendar"},
        {"features", "members", "solver"},
        {"preprocessing"},
        {"predict"},
        {"prophet_json"},
        {"stock_prophet"},
    ],
    "fleetcast.readings": [{"columns"}, {"tables"}, {"customer"}],
    "pipeline": [
        {"aws", "evaluation"},
        {"delete", "evaluate", "gate", "register"},
        {"definition"},
        {"check", "create", "picture"},
        {"run_local"},
    ],
    "processing": [{"raw_files"}, {"feature_store", "output"}, {"ingest"}],
    "serving": [{"models"}, {"request"}, {"http", "mms"}],
    "train": [{"config"}, {"customer"}, {"engines"}, {"global_training"}, {"refresh", "report", "tuning"}],
}
"""The folders in each package, from the lowest; a folder imports from lower layers only."""

PUBLIC_MODULES = {
    "fleetcast.command",
    "fleetcast.errors",
    "fleetcast.extras",
    "fleetcast.forecasting.arrays",
    "fleetcast.forecasting.limits",
    "fleetcast.forecasting.one_thread",
    "fleetcast.forecasting.seasonal_naive",
    "train.channel",
    "train.figures",
    "train.hyperparameters",
    "train.ledger",
    "train.settings",
}
"""Modules beside rooms that other packages import by name."""


def modules(*packages: str) -> dict[str, Path]:
    """Return the file of each module by its dotted name."""
    files = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@cache
def import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def imports(path: Path, names: Mapping[str, Path]) -> set[str]:
    """Return which of the modules `names` the file imports, anywhere in it."""
    found = set()
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names.keys()
        elif node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & names.keys()
            found |= inner or ({node.module} & names.keys())
    return found


FILES = modules(*(name for layer in LAYERS[""] for name in layer))
GRAPH = {name: imports(path, FILES) - {name} for name, path in FILES.items()}
PACKAGES = {name for name, path in FILES.items() if path.name == "__init__.py"}
HOUSES = {name.rpartition(".")[0] for name in PACKAGES} - {""}
"""The packages that have rooms inside."""


def room(module: str) -> str:
    """Return the room of a module: its folder, or itself if it lies beside rooms."""
    parent = module.rpartition(".")[0]
    return module if module in PACKAGES or parent in HOUSES else parent


def rooms() -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    graph: dict[str, set[str]] = {room(module): set() for module in GRAPH}
    for module, targets in GRAPH.items():
        graph[room(module)] |= {room(target) for target in targets} - {room(module)}
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the sets of nodes that can all be reached from each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        reached[start], waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - reached[start]
            reached[start] |= new
            waiting += new
    found: list[set[str]] = []
    for start in graph:
        circle = {other for other in reached[start] if start in reached[other]}
        if circle and circle not in found:
            found.append(circle)
    return found


def below(package: str, module: str) -> str:
    """Return the folder in `package` that holds the module, or "" if none of the layers does."""
    inside = module.removeprefix(f"{package}." if package else "")
    return inside.partition(".")[0] if not package or module.startswith(f"{package}.") else ""


@pytest.mark.parametrize("package", LAYERS)
def test_a_folder_imports_from_lower_layers_only(package: str) -> None:
    height = {folder: layer for layer, folders in enumerate(LAYERS[package]) for folder in folders}
    prefix = f"{package}." if package else ""
    upward = set()
    for module, targets in GRAPH.items():
        for target in targets:
            start, end = below(package, module), below(package, target)
            if start != end and {start, end} <= set(height) and height[end] >= height[start]:
                upward.add((prefix + start, prefix + end))

    assert upward == set()


def test_every_folder_has_its_layer() -> None:
    named = {
        f"{package}.{folder}" if package else folder
        for package, layers in LAYERS.items()
        for layer in layers
        for folder in layer
    }

    assert named == PACKAGES


def test_rooms_and_modules_import_each_other_in_no_circle() -> None:
    found = circles(rooms()) + [circle for circle in circles(GRAPH) if circle not in circles(rooms())]

    assert found == []


def test_others_import_a_room_through_its_init() -> None:
    past_the_door = {
        room(target)
        for module, targets in GRAPH.items()
        for target in targets
        if target not in PACKAGES and room(target) != target and room(module) != room(target)
    }

    assert past_the_door == set()


def test_other_packages_import_no_module_that_lies_beside_rooms() -> None:
    wrong = {
        (module, target)
        for module, targets in GRAPH.items()
        for target in targets
        if target not in PACKAGES
        and room(target) == target
        and not module.startswith(target.rpartition(".")[0])
        and target not in PUBLIC_MODULES
    }

    assert wrong == set()


def test_what_is_imported_from_a_package_is_in_its_all() -> None:
    taken = {
        (node.module, alias.name)
        for path in FILES.values()
        for node in import_statements(path)
        if isinstance(node, ast.ImportFrom) and node.module in PACKAGES
        for alias in node.names
        if f"{node.module}.{alias.name}" not in FILES
    }

    assert {(package, name) for package, name in taken if name not in public_names(package)} == set()


def public_names(package: str) -> set[str]:
    """Return the names in the `__all__` of a package."""
    return {
        constant.value
        for node in ast.parse(FILES[package].read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant)
    }


def test_tests_and_benchmarks_do_not_import_each_other_and_share_the_testbed() -> None:
    lower = {"benchmarks": {"tests"}, "tests": {"benchmarks"}, "testbed": {"tests", "benchmarks"}}
    wrong = {
        (module, target)
        for package, others in lower.items()
        for module, path in modules(package).items()
        for target in imports(path, modules(*others))
    }

    assert wrong == set()


def test_the_programs_and_the_library_import_neither_tests_nor_benchmarks() -> None:
    outside = modules("tests", "benchmarks", "testbed", "examples")

    assert {name: found for name, path in FILES.items() if (found := imports(path, outside))} == {}
