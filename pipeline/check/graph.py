"""Checks names and order of steps: each name once, steps that exist, no circle."""

from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.check.problem import Problem, among, shown
from pipeline.definition import all_steps, own_values, steps_used


def check_graph(definition: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the order of the steps."""
    steps = list(all_steps(definition.get("Steps")))
    names = Counter(str(step.get("Name")) for step, _ in steps)
    for name, count in names.items():
        if count > 1:
            yield Problem(name, "Name", f"{count} steps have this name; each name is for one step")
    before: dict[str, set[str]] = {}
    for step, inside in steps:
        name = str(step.get("Name"))
        depends_on = step.get("DependsOn", [])
        if not isinstance(depends_on, list):
            yield Problem(name, "DependsOn", f"must be a list of names, not {shown(depends_on)}")
            depends_on = []
        for index, each in enumerate(depends_on):
            if each not in names:
                yield Problem(name, f"DependsOn[{index}]", f"is {shown(each)}; {among(names, each)}")
        used = {each for each in depends_on if isinstance(each, str)} | steps_used(own_values(step))
        before.setdefault(name, set()).update((used | {inside}) & names.keys())
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(circle[0], "", f"waits for itself: {' after '.join(circle)}; take one of these away")
