"""Many runs at once: the same bytes as one after the other, whoever dies meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from baselines.models import get_baseline
from baselines.runs import crew, records
from baselines.runs.crew import Crew, Outcome, do
from baselines.runs.job import Job
from baselines.runs.plan import Order, reseeded, units_of
from baselines.runs.train import train_seeds
from baselines.runs.unit import Unit
from bench.datasets import get_task
from bench.errors import BenchError, DataError, UsageError

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

TASK = toy.task(first="ab", second="c")
LIGHT = replace(toy.CONV, recipe=replace(toy.CONV.recipe, batch=64, epochs=5))
"""Many short epochs, so that a kill after the first one is in the middle."""


@pytest.fixture
def unit(store: Path, tmp_path: Path) -> Unit:
    order = Order(LIGHT, TASK, [3], "cpu", tmp_path / "out", epochs=1, work=tmp_path / "work")
    return reseeded(units_of(order)[1], 3)


def in_crew(workers: Crew, units: list[Unit]) -> list[Outcome]:
    with workers.at_work() as do_all:
        return list(do_all(units))


def until(path: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.002)


@pytest.mark.slow
def test_eight_runs_over_two_workers_one_of_them_killed(store: Path, tmp_path: Path) -> None:
    """The Show line: eight results, equal to the sequential ones, though a worker got SIGKILL."""
    pytest.importorskip("distributed", reason="dask is in the extra `cluster`")
    asked = {"seeds": range(4), "device": "cpu"}  # times two parts
    alone = train_seeds(LIGHT, TASK, out=tmp_path / "alone", **asked)
    logs, killed = tmp_path / "crew" / ".work" / "toy", []

    def kill() -> None:
        until(logs / "seed0-first.pt")
        killed.append(int(re.findall(r"process (\d+)", (logs / "seed0-first.log").read_text())[-1]))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    together = train_seeds(LIGHT, TASK, out=tmp_path / "crew", crew=Crew(2), **asked)
    killer.join()
    assert len(together) == 4
    assert [path.read_bytes() for path in together] == [path.read_bytes() for path in alone]
    log = (logs / "seed0-first.log").read_text()
    assert len(set(re.findall(r"process \d+", log))) == 2, "another process took over"
    assert re.search(r"going on after epoch \d+ of 5", log)
    who = [set(re.findall(r"process (\d+)", path.read_text())) for path in logs.glob("*.log")]
    assert len(who) == 8
    assert killed[0] != os.getpid()
    assert len(set.union(*who)) == 3, "two workers, and the one that replaced the dead one"


@pytest.mark.slow
def test_killed_in_the_middle_of_five_seeds_nothing_finished_is_trained_again(
    bench_home: Path, tmp_path: Path
) -> None:
    """The Show line: `kill -9`, then the same command."""
    bench = [sys.executable, "-c", "from bench.cli import main; main()"]
    subprocess.run([*bench, "pull", "demo-4x300"], check=True, capture_output=True)
    asked = [*bench, "train", "single_frame", "--task", "demo-4x300", "--seeds", "5", "--epochs", "8"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with subprocess.Popen([*asked, "--out", str(killed)], stderr=subprocess.DEVNULL) as process:
        until(killed / ".work" / "demo-4x300" / "seed2-all.pt")
        process.kill()
    finished = {path: path.stat().st_mtime_ns for path in sorted((killed / "demo-4x300").glob("*.npz"))}
    assert [path.name for path in finished] == ["seed0.npz", "seed1.npz"]

    again = subprocess.run([*asked, "--out", str(killed)], check=True, capture_output=True, text=True)
    assert again.stderr.count("is finished already") == 2
    assert re.search(r"seed 2\ngoing on after epoch \d+ of 8", again.stderr)
    assert re.findall(r"part all, seed (\d)", again.stderr) == ["2", "3", "4"]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in finished.items())
    asked = {"seeds": range(5), "device": "cpu", "epochs": 8}
    train_seeds(get_baseline("single_frame"), get_task("demo-4x300"), out=whole, **asked)
    for seed in range(5):
        name = f"demo-4x300/seed{seed}.npz"
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_the_bytes_do_not_depend_on_the_number_of_threads(store: Path, tmp_path: Path) -> None:
    made = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        asked = {"seeds": [0], "device": "cpu", "out": tmp_path / str(threads), "epochs": 2}
        made.append(train_seeds(toy.CONV, TASK, **asked)[0].read_bytes())
        assert torch.get_num_threads() == threads, "left as it was found"
    assert made[0] == made[1]


def test_a_part_that_is_done_is_not_trained_again(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped between two parts of a run: the scores of the first one wait for those of the second."""
    asked = {"seeds": [0], "device": "cpu", "epochs": 1}
    trained = Unit.train

    def stop(unit: Unit) -> None:
        if unit.question.part == "second":
            raise KeyboardInterrupt
        trained(unit)

    monkeypatch.setattr(Unit, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        train_seeds(LIGHT, TASK, out=tmp_path / "out", **asked)
    monkeypatch.undo()
    monkeypatch.setenv("BENCH_HOME", str(store))
    capsys.readouterr()
    (path,) = train_seeds(LIGHT, TASK, out=tmp_path / "out", **asked)
    assert "part first" not in capsys.readouterr().err
    (whole,) = train_seeds(LIGHT, TASK, out=tmp_path / "whole", **asked)
    assert path.read_bytes() == whole.read_bytes()
    assert not list((tmp_path / "out/.work/toy").glob("*.npz")), "they are in the submission now"


def test_a_unit_writes_a_log_and_its_scores_once(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    told = do(unit)
    assert re.fullmatch(rf"\d+ s, process {os.getpid()} on {re.escape(socket.gethostname())}", told)
    assert "part second, seed 3\nepoch 1 of 1" in unit.log.read_text()
    assert sorted(unit.read()) == ["d", "e"]
    monkeypatch.setattr(Job, "train", lambda *_: pytest.fail("trained again"))
    do(unit)
    unit.forget()
    assert not unit.is_done()


def test_a_worker_with_other_recordings_or_code_refuses(unit: Unit) -> None:
    asked = {**unit.inputs, "code": "0" * 64, "test recordings": {"toy/second": "2"}}
    with pytest.raises(DataError, match=f"process {os.getpid()}.* would train otherwise") as caught:
        do(replace(unit, inputs=asked))
    differing = [problem.split(":")[0] for problem in caught.value.problems]
    assert differing == ["code", "test recordings toy/second"]
    assert not unit.path.exists()
    assert list(unit.inputs["train recordings"]) == ["toy/second"], "another part is not its business"


def test_a_scheduler_that_is_not_there_is_said(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="dask is in the extra `cluster`")
    monkeypatch.setattr(crew, "PATIENCE", 0.5)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening
        for address in (f"tcp://127.0.0.1:{closed.getsockname()[1]}", "nonsense"):
            with pytest.raises(UsageError, match=f"no Dask scheduler answers at {address}") as caught:
                in_crew(Crew(cluster=address), [unit])
            assert "dask scheduler" in caught.value.hint
            with pytest.raises(UsageError, match="no Dask scheduler answers"):
                train_seeds(
                    LIGHT,
                    TASK,
                    seeds=[0],
                    device="cpu",
                    out=unit.folder / "new",
                    crew=Crew(cluster=address),
                )
            assert not (unit.folder / "new").exists()


def test_without_dask_it_says_what_to_install(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crew, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="need dask") as caught:
        train_seeds(LIGHT, TASK, seeds=[0], device="cpu", out=tmp_path / "o", crew=Crew(2))
    assert ".[cluster]" in caught.value.hint
    assert not (tmp_path / "o").exists()


def test_crews_side_by_side_do_not_want_the_same_port(unit: Unit) -> None:
    pytest.importorskip("distributed", reason="dask is in the extra `cluster`")
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # by another crew, then
            taken.bind(("", 8787))
            taken.listen()
        faults = [fault for _, fault in in_crew(Crew(1), [unit])]
        assert faults == [None], "and no warning, which is an error here"


def test_a_worker_has_one_device(store: Path, tmp_path: Path) -> None:
    from baselines.switches import Switches

    with pytest.raises(UsageError, match="one device"):
        train_seeds(
            LIGHT,
            TASK,
            seeds=[0],
            device="cpu",
            out=tmp_path / "out",
            crew=Crew(2),
            switches=Switches(devices=2),
        )


@pytest.fixture
def never_retried() -> Iterator[None]:
    dask = pytest.importorskip("dask", reason="dask is in the extra `cluster`")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        yield


def test_a_run_that_ends_every_worker_is_named(never_retried: None, store: Path, tmp_path: Path) -> None:
    run = {"seeds": [0], "device": "cpu", "out": tmp_path / "out", "crew": Crew(1)}
    with pytest.raises(BenchError, match="seed0-first ended worker after worker") as caught:
        train_seeds(toy.DEADLY, toy.task(first="ab"), **run)
    assert "seed0-first.log" in caught.value.problems[0]
    assert not records.is_finished(tmp_path / "out/.work/toy", tmp_path / "out/toy/seed0.npz", {})
