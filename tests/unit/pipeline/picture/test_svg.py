import itertools
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from pipeline.definition import FleetOptions, all_steps, fleet_pipeline
from pipeline.picture import svg

ROOT = Path(__file__).parents[4]
DEFINITION = fleet_pipeline(FleetOptions()).as_json()
SPACE = "{http://www.w3.org/2000/svg}"


def boxes(picture: str) -> dict[str, tuple[float, float]]:
    """Return the middle and the top of each box by the step's name."""
    root = ET.fromstring(picture)  # noqa: S314 -- our own text
    names = [each.text or "" for each in root.iter(f"{SPACE}text") if each.get("font-weight") == "600"]
    places = [(float(each.attrib["x"]), float(each.attrib["y"])) for each in root.iter(f"{SPACE}rect")]
    return dict(zip(names, places, strict=True))


def test_every_step_has_a_box_and_none_covers_another() -> None:
    found = boxes(svg(DEFINITION, title="p"))

    assert found.keys() == {step["Name"] for step, _ in all_steps(DEFINITION["Steps"])}
    places = sorted(found.values(), key=lambda place: (place[1], place[0]))
    for (x1, y1), (x2, y2) in itertools.pairwise(places):
        assert y2 - y1 >= 52 or x2 - x1 >= 190


def test_a_step_lies_below_those_that_it_waits_for() -> None:
    found = boxes(svg(DEFINITION, title="p"))

    order = ["Process", "Train", "Evaluate", "Gate", "IsGoodEnough", "Register"]
    heights = [found[name][1] for name in order]
    assert heights == sorted(set(heights))
    assert found["Process"][1] == found["ProcessActuals"][1]
    assert found["Register"][1] == found["Fail"][1]


def test_arrows_join_neighbours_only_and_say_which_branch() -> None:
    picture = svg(DEFINITION, title="p")

    assert len(re.findall(r'marker-end="url', picture)) == 7  # Evaluate's from Process goes by Train
    assert re.findall(r">(yes|no)</text>", picture) == ["yes", "no"]


def test_names_are_escaped() -> None:
    assert "<title>a &lt;b&gt;</title>" in svg(DEFINITION, title="a <b>")


def test_the_picture_of_the_documentation_is_up_to_date() -> None:
    """Renew it: fleetcast pipeline --picture docs/pictures/pipeline.svg."""
    assert (ROOT / "docs" / "pictures" / "pipeline.svg").read_text() == svg(DEFINITION, title="fleetcast")
