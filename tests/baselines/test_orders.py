"""Several orders at once, parts of a task, and units that fail: what is trained, written and said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.contract import Baseline, Run, State
from baselines.models import get_baseline
from baselines.runs import crew
from baselines.runs.crew import Crew
from baselines.runs.plan import Order
from baselines.runs.train import train_all, train_seeds
from bench.errors import BenchError, DataError, UsageError
from bench.submissions import read_tasks

TASK = toy.task(first="ab", second="c")
PRIOR = get_baseline("prior")


def fails(run: Run, data: object, workspace: object) -> State:
    if run.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if run.seed >= 3:
        raise DataError("too few frames", ["recording 'd': 3"], hint="bench pull toy --replace")
    return State({"frequencies": np.full(3, run.seed, np.float32)}, {})


TRIED = replace(PRIOR, model="test_orders:tried", name="tried", title="Tried", learn=fails)
"""Seed 1 ends its process, seed 3 finds fault with its recordings."""


def order(out: Path, baseline: Baseline = PRIOR, seeds=(0,), **changed) -> Order:
    return Order(baseline, changed.pop("task", TASK), seeds, "cpu", out, **changed)


def test_a_part_alone_is_no_submission_and_is_not_trained_again(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    [[trained]] = train_all([order(out, parts=("second",))])
    assert [path.name for path in out.iterdir()] == [".work"], "no card, no predictions"
    assert trained.lacks == ("first",)
    assert [unit.question.part for unit in trained.units] == ["second"]
    alone = trained.units[0].read()
    assert sorted(alone) == ["d", "e"]

    capsys.readouterr()
    [[trained]] = train_all([order(out, parts=("first",))])
    assert "part second" not in capsys.readouterr().err
    assert trained.lacks == ()
    (whole,) = train_seeds(PRIOR, TASK, seeds=[0], device="cpu", out=tmp_path / "whole")
    assert trained.path.read_bytes() == whole.read_bytes()
    with np.load(trained.path) as scores:
        np.testing.assert_array_equal(scores["second/d"], alone["d"])
    assert (out / "submission.toml").is_file()
    assert not list((out / ".work/toy").glob("*.npz")), "they are in the submission now"

    [[trained]] = train_all([order(out, parts=("second",))])
    assert "is finished already" in capsys.readouterr().err
    assert trained.units == ()


def test_a_part_beside_whole_runs_leaves_the_entry_as_it_is(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train_all([order(out)])
    card = (out / "submission.toml").read_bytes()
    [[whole, part]] = train_all([order(out, seeds=(0, 1), parts=("first",))])
    assert (whole.lacks, part.lacks) == ((), ("second",))
    assert (out / "submission.toml").read_bytes() == card
    frames = {id_: toy.FRAMES[id_] for id_ in "de"}
    expected = {"first": frames, "second": frames}
    _, read = read_tasks(out, lambda name: TASK, lambda task: expected)
    assert sorted(read["toy"]) == ["seed0"]


def test_an_unknown_part_is_refused_before_anything_is_trained(store: Path, tmp_path: Path) -> None:
    wrong = order(tmp_path / "b", parts=("secnd",))
    with pytest.raises(UsageError, match="no part 'secnd'; did you mean 'second'") as caught:
        train_all([order(tmp_path / "a"), wrong])
    assert caught.value.hint == "choose of first, second"
    train_all([order(tmp_path / "b")])
    (tmp_path / "b/.work/toy/inputs.json").write_text("{}")
    with pytest.raises(DataError, match="trained otherwise"):
        train_all([order(tmp_path / "a"), order(tmp_path / "b", seeds=(1,))])
    assert not list(tmp_path.glob("a/toy/*"))


@pytest.mark.slow
def test_one_crew_works_at_all_orders(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All units in one list, and the same bytes as one order after the other."""
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    pytest.importorskip("distributed", reason="dask is in the extra `cluster`")
    few = replace(toy.CONV, recipe=replace(toy.CONV.recipe, epochs=1))

    def made(at: Path, workers: Crew | None) -> list[bytes]:
        asked = [order(at / "conv", few, (0, 1)), order(at / "other", few, (2,))]
        one, other, [part] = train_all([*asked, order(at / "prior", parts=("second",))], workers)
        return [path.read_bytes() for path in (*(run.path for run in (*one, *other)), part.units[0].path)]

    calls, send = [], crew.as_they_finish

    def counted(client: object, works: Sequence[crew.Work]):
        calls.append(len(works))
        return send(client, works)

    monkeypatch.setattr(crew, "as_they_finish", counted)
    assert made(tmp_path / "crew", Crew(2)) == made(tmp_path / "alone", None)
    assert calls == [7]


def test_units_that_fail_do_not_keep_others_from_their_end(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BenchError, match="2 of 3 could not be trained") as caught:
        train_all([order(tmp_path / "out", TRIED, (3, 2, 4), task=toy.task())])
    said = "too few frames; recording 'd': 3 (bench pull toy --replace)"
    assert caught.value.problems == tuple(f"tried on toy, seed {s}, part all: {said}" for s in (3, 4))
    assert "the same command again: it goes on with what is missing" in caught.value.hint
    assert [path.name for path in (tmp_path / "out/toy").iterdir()] == ["seed2.npz"]
    assert "tried on toy, seed 3, part all failed: too few frames" in capsys.readouterr().err


def test_a_run_that_fails_alone_says_so_itself(store: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few frames") as caught:
        train_all([order(tmp_path / "out", TRIED, (3,), task=toy.task())])
    assert caught.value.hint == "bench pull toy --replace"


@pytest.fixture
def never_retried() -> Iterator[None]:
    dask = pytest.importorskip("dask", reason="dask is in the extra `cluster`")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        yield


@pytest.mark.slow
def test_a_deadly_unit_is_not_blamed_on_those_behind_it(
    never_retried: None, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One worker has all four; the second ends it, the last fails."""
    with pytest.raises(BenchError, match="2 of 4 could not be trained") as caught:
        train_all([order(tmp_path / "out", TRIED, (0, 1, 2, 3), task=toy.task())], Crew(1))
    faults = sorted(problem.split(";")[0] for problem in caught.value.problems)
    assert faults == [
        "tried on toy, seed 1, part all: seed1-all ended worker after worker",
        "tried on toy, seed 3, part all: too few frames",
    ]
    made = sorted(path.name for path in (tmp_path / "out/toy").iterdir())
    assert made == ["seed0.npz", "seed2.npz"]
    assert "part all: failed: too few frames" in capsys.readouterr().err
