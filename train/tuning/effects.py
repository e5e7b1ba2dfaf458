"""How much each setting matters, from the errors of all configurations of a round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from train.tuning.rounds import Tried, log_ratios
from train.tuning.space import Range, Space, Texts

PARTS: Final = 3
"""Parts of a range whose configurations are taken together."""
AS_IT_IS: Final = "as it is"
LEAST_CONFIGURATIONS: Final = 2
"""Fewest configurations of a group that says something."""


@dataclass(frozen=True, slots=True)
class Group:
    """Configurations that share a value of a setting, or a third of its range."""

    name: str
    configurations: int
    gain: float
    """1 - the geometric mean of the ratio of their errors to those of the job's own settings."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A setting, and how the errors of configurations depend on it."""

    setting: str
    explained: float
    """Share, from 0 to 1, of the variance of the configurations' mean logarithmic errors that the groups
    explain, adjusted for their number."""
    groups: tuple[Group, ...]


def effects(space: Space, configurations: Mapping[int, Texts], tried: Tried) -> list[Effect]:
    """Return the effect of each setting in a round, the largest first."""
    numbers = [number for number in tried.configurations if number]
    means = [float(log_ratios(tried.errors, tried.customers, number).mean()) for number in numbers]
    found = [
        _effect(name, space, [configurations[number] for number in numbers], means) for name in space.settings
    ]
    return sorted(found, key=lambda effect: (-effect.explained, effect.setting))


def _effect(name: str, space: Space, changes: Sequence[Texts], means: Sequence[float]) -> Effect:
    members: dict[str, list[float]] = {}
    for changed, mean in zip(changes, means, strict=True):
        members.setdefault(_group(name, space, changed), []).append(mean)
    groups = tuple(
        Group(group, len(each), float(-np.expm1(np.mean(each))))
        for group, each in sorted(members.items())
        if len(each) >= LEAST_CONFIGURATIONS
    )
    total = float(np.var(means)) * len(means) if means else 0.0
    within = sum(float(np.var(each)) * len(each) for each in members.values())
    left = len(means) - len(members)
    if total <= 0 or left <= 0:
        return Effect(name, 0.0, groups)
    return Effect(name, max(0.0, 1 - within / total * (len(means) - 1) / left), groups)


def _group(name: str, space: Space, changed: Texts) -> str:
    if name not in changed:
        return AS_IT_IS
    setting, text = space.settings[name], changed[name]
    if not isinstance(setting, Range):
        return text
    part = min(int(setting.share_of(float(text)) * PARTS), PARTS - 1)
    ends = [setting.number_at(i / PARTS) for i in (part, part + 1)]
    return f"{ends[0]:.3g} to {ends[1]:.3g}"
