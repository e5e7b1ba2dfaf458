"""The README is short, and what it points at is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MOST_LINES = 150


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_the_first_command_and_the_first_forecast_come_early() -> None:
    lines = README.splitlines()

    assert lines.index("$ make demo") < 20
    assert next(at for at, line in enumerate(lines) if "yhat_lower" in line) < 50


def test_every_file_that_the_readme_links_to_is_there() -> None:
    targets = [
        target for target in re.findall(r"\]\(([^)\s]+)\)", README) if not target.startswith("https://")
    ]

    assert targets
    for target in targets:
        path, _, anchor = target.partition("#")
        page = ROOT / path
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))

    assert listed == {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
