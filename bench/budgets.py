"""Which labels may be learned from: those of some training groups, or of all groups but one.

Both follow from the frozen split by a rule, so everybody who draws them draws the same.

Budget       The groups of a part are put into an order that the seed decides: the order that the split file
             freezes for that seed, else the order of the SHA-256 of "<seed>/<group>". Of G groups the first
             ceil(fraction * G) keep their labels, so smaller budgets lie inside larger ones. Validation
             recordings are labels too: they are cut by the same rule.
Leave one    Every training group of every part is tested once, by a model that learned from the other
out          training groups of that part. No test recording of the task is looked at, so what is learned
             from these numbers may still be tested.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.kinds import kind_of
from bench.splits import Groups, Split
from bench.tasks import Part, Task

RULE = (
    "groups in the order that the split freezes for the seed, else by the SHA-256 of '<seed>/<group>'; "
    "the first ceil(fraction * groups) keep their labels, of training and of validation"
)
RULE_LEAVE_ONE_OUT = (
    "each training group is tested by a model that learned from the other training groups of its part; "
    "test recordings are not looked at"
)
ROUNDING = 9
"""Decimals of fraction * groups: 0.1 * 30 is 3 groups, and not 4 because of the last bit."""


@dataclass(frozen=True)
class Budget:
    """How many of the training groups have labels. Raises `UsageError` for a fraction outside (0, 1]."""

    fraction: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise UsageError(f"fraction {self.fraction:g}: expected more than 0 and at most 1")

    @property
    def words(self) -> str:
        """What a card says; empty where no label is taken away."""
        if self.fraction == 1:
            return ""
        return f"labels of {100 * self.fraction:g} % of the training groups, of seed {self.seed}"

    def cut(self, task: Task) -> Task:
        """Return the task with fewer training and validation recordings; those of the test stay."""
        split = task.load_split()
        parts = {
            part: {
                subset: groups if subset == "test" else self._kept(split, groups)
                for subset, groups in subsets.items()
            }
            for part, subsets in split.parts.items()
        }
        return replace(task, split=replace(split, parts=parts, totals={}))

    def _kept(self, split: Split, groups: Groups) -> Groups:
        """Return the groups that keep their labels, in the order of the split file."""
        order = group_order(split, groups, self.seed)
        kept = set(order[: math.ceil(round(self.fraction * len(order), ROUNDING))])
        return {group: ids for group, ids in groups.items() if group in kept}


def group_order(split: Split, groups: Groups, seed: int) -> list[str]:
    """Return groups in the order in which they get their labels."""
    frozen = {group: place for place, group in enumerate(split.label_order.get(str(seed), ()))}
    if all(group in frozen for group in groups):
        return sorted(groups, key=frozen.__getitem__)
    return sorted(groups, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())


def leave_one_out(task: Task) -> Task:
    """Return the task with one part for each training group, whose recordings test.

    Parts are numbered in the order of the split, "<part>-001" first; the title of each names the group.
    Raises `UsageError` for a task with fewer than two training groups in a part, or of clusters.
    """
    refuse_clusters(task)
    split, titles = task.load_split(), {part.name: part.title for part in task.parts}
    several = len(titles) > 1
    parts: dict[str, dict[str, Groups]] = {}
    names, weights = [], {}
    for part, subsets in split.parts.items():
        train = subsets.get("train", {})
        if len(train) < 2:
            raise UsageError(f"{task.name}, part {part}: {len(train)} training groups, two are needed")
        for number, group in enumerate(train, start=1):
            name = f"{part}-{number:03d}"
            rest = {other: ids for other, ids in train.items() if other != group}
            parts[name] = {"train": rest, "val": subsets.get("val", {}), "test": {group: train[group]}}
            names.append(Part(name, f"{titles[part]}: {group}" if several else group))
            weights[name] = task.class_weights.get(part, {})
    rule = f"{split.rule} Then: {RULE_LEAVE_ONE_OUT}"
    return replace(
        task,
        split=replace(split, rule=rule, parts=parts, totals={}),
        parts=tuple(names),
        class_weights=weights,
    )


def refuse_clusters(task: Task) -> None:
    """Raise `UsageError` where training labels are used to score, as they name clusters."""
    if kind_of(task).subsets != ("test",):
        raise UsageError(
            f"task {task.name!r} names clusters by the labels of all training recordings, "
            "so there are no fewer labels to learn from",
            hint="choose a task of frames or of segments",
        )
