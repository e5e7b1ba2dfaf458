"""The arrows between the packages run one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "archive": {"forecasting"},
    "container": set(),
    "forecasting": set(),
    "processing": {"container", "readings"},
    "readings": set(),
    "serving": {"archive", "container", "forecasting", "readings"},
    "train": {"archive", "container", "forecasting", "readings"},
}


def imports(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                yield path.name, name.partition(".")[0]


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_the_packages_below_it(package: str) -> None:
    forbidden = ALLOWED.keys() - ALLOWED[package] - {package}

    wrong = [(file, name) for file, name in imports(package) if name in forbidden]

    assert wrong == []


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_no_package_imports_a_private_module_of_another(package: str) -> None:
    wrong = [
        (path.name, node.module)
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and "._" in node.module
        and not node.module.startswith(f"{package}.")
        and node.module.partition(".")[0] in ALLOWED
    ]

    assert wrong == []
