"""Which labels may be learned from: nested shares of the groups, and all groups but one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import toys

from bench.budgets import Budget, leave_one_out
from bench.datasets import get_task
from bench.errors import UsageError
from bench.splits import Split
from bench.tasks import Part, Task

TRAIN = {f"g{number}": (f"r{number}a", f"r{number}b") for number in range(10)}
VAL = {"v0": ("w0",), "v1": ("w1",), "v2": ("w2",)}
TEST = {"t0": ("x0",), "t1": ("x1",)}


def task(parts: tuple[str, ...] = ("all",), **frozen: tuple[str, ...]) -> Task:
    """Return a task whose parts have the same groups."""
    split = Split("toy", "own", "all.", {part: {"train": TRAIN, "val": VAL, "test": TEST} for part in parts})
    return replace(
        toys.task(),
        split=replace(
            split, label_order={seed.removeprefix("seed"): order for seed, order in frozen.items()}
        ),
        parts=tuple(Part(part, part.title()) for part in parts),
    )


def trained(one: Task, part: str = "all", subset: str = "train") -> list[str]:
    return list(one.load_split().parts[part][subset])


def test_smaller_budgets_lie_in_larger_ones_and_seeds_draw_otherwise() -> None:
    fractions = (0.1, 0.25, 0.3, 0.5, 1.0)
    kept = {seed: [trained(Budget(f, seed).cut(task())) for f in fractions] for seed in range(5)}
    for of_seed in kept.values():
        assert [len(groups) for groups in of_seed] == [1, 3, 3, 5, 10]
        assert all(set(a) <= set(b) for a, b in pairwise(of_seed))
        assert all(groups == [name for name in TRAIN if name in groups] for groups in of_seed)
    assert len({tuple(of_seed[3]) for of_seed in kept.values()}) > 1


def test_everybody_draws_the_same_groups() -> None:
    """Frozen: the order of the SHA-256 of "0/g0", "0/g1", and so on."""
    assert trained(Budget(0.4, 0).cut(task())) == ["g2", "g3", "g7", "g8"]


def test_validation_is_cut_and_the_test_stays() -> None:
    half = Budget(0.5, 3).cut(task())
    assert len(trained(half, subset="val")) == 2
    assert half.load_split().parts["all"]["test"] == TEST
    assert trained(Budget(1.0, 3).cut(task())) == list(TRAIN)


def test_an_order_that_the_split_freezes_comes_first() -> None:
    order = tuple(f"g{number}" for number in (7, 2, 9, 0, 1, 3, 4, 5, 6, 8))
    one = task(seed4=order)
    assert trained(Budget(0.3, 4).cut(one)) == ["g2", "g7", "g9"]
    assert trained(Budget(0.3, 5).cut(one)) == trained(Budget(0.3, 5).cut(task()))


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01])
def test_a_fraction_is_a_share(fraction: float) -> None:
    with pytest.raises(UsageError, match="at most 1"):
        Budget(fraction, 0)


def test_every_training_group_is_left_out_once_and_no_test_group_is_there() -> None:
    one = leave_one_out(replace(task(("one", "two")), class_weights={"two": {"attack": 3.0}}))
    split = one.load_split()
    assert [part.name for part in one.parts] == list(split.parts)
    assert [part.title for part in one.parts][:2] == ["One: g0", "One: g1"]
    for start in (0, 10):
        names = list(split.parts)[start : start + 10]
        assert [list(split.parts[name]["test"]) for name in names] == [[group] for group in TRAIN]
    for name, subsets in split.parts.items():
        assert subsets["train"].keys() | subsets["test"].keys() == TRAIN.keys(), name
        assert not set(split.ids(name, "train")) & set(split.ids(name, "test"))
        assert one.class_weights[name] == ({"attack": 3.0} if name.startswith("two") else {})
    assert not {id_ for part in split.parts for id_ in split.ids(part, "test")} & {"x0", "x1"}


def test_what_cannot_be_left_out_is_refused() -> None:
    with pytest.raises(UsageError, match="two are needed"):
        leave_one_out(toys.task())
    with pytest.raises(UsageError, match="names clusters"):
        leave_one_out(get_task("demo-clusters"))
