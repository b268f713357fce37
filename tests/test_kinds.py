"""What depends on the kind of a task stands in one place, for every kind that there is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest
from studies.house import KIND_ROOMS, kind_branches

from bench.datasets import TASKS
from bench.errors import DataError
from bench.kinds import KINDS, ids_to_answer, kind_named, kind_of
from bench.submissions import FORMS, form_of
from bench.tasks import Kind

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "bench").rglob("*.py"))


def test_every_kind_has_its_functions_and_its_form() -> None:
    assert list(KINDS) == list(get_args(Kind))
    assert set(FORMS) == set(KINDS)
    assert {task.kind for task in TASKS} == set(KINDS)
    assert all(kind.name == name for name, kind in KINDS.items())


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DataError, match=r"'features'(.|\n)*frames, segments, clusters"):
        kind_named("features")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_entry_answers_each_recording_of_the_subsets_of_its_kind_once(task) -> None:
    split = task.load_split()
    for part in split.parts:
        ids = ids_to_answer(task, split, part)
        assert len(set(ids)) == len(ids)
        trained = set(split.ids(part, "train")) if "train" in kind_of(task).subsets else set()
        assert set(ids) == trained | set(split.ids(part, "test"))
    assert form_of(task).endings


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_else_asks_for_the_kind_of_a_task(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if not module.startswith(KIND_ROOMS):
        assert kind_branches(ast.parse(path.read_text())) == 0
