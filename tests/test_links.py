"""Links, pipes and many writers where commands write: a pull request can hold the first two."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import cli
from bench.errors import BenchError, UsageError
from bench.pages import publish
from bench.pages.environment import GENERATOR
from bench.results import write
from tests.verification.toys import toy_result, toy_task


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def at_once(work: Callable[[], object], count: int = 8) -> list[BaseException]:
    """Do something in many threads at once; return what went wrong."""
    faults: list[BaseException] = []
    together = threading.Barrier(count)

    def one() -> None:
        together.wait()
        try:
            work()
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.mark.parametrize("place", [".work", ".work/demo-5x60", "demo-5x60"])
def test_a_linked_folder_of_an_entry_is_not_trained_into(
    place: str, tmp_path: Path, bench_home: Path
) -> None:
    away, link = tmp_path / "away", tmp_path / "entry" / place
    away.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(away)
    done = run("train", "prior", "--task", "demo-5x60", "--out", tmp_path / "entry")
    assert isinstance(done.exception, UsageError)
    assert any(str(link) in problem for problem in done.exception.problems)
    assert not list(away.iterdir())


def test_a_linked_task_folder_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "demo").symlink_to(tmp_path / "away")
    done = run("new", tmp_path / "entry", "--task", "demo")
    assert isinstance(done.exception, NotADirectoryError)
    assert [path.name for path in (tmp_path / "entry").iterdir()] == ["demo"]


@pytest.mark.parametrize("name", ["leaderboard", "submissions"])
def test_the_demo_is_not_written_behind_a_link(
    name: str, tmp_path: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "away").mkdir()
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / name).symlink_to(tmp_path / "away")
    done = run("demo", "--recordings", 4, "--frames", 30)
    assert isinstance(done.exception, NotADirectoryError)
    assert not list((tmp_path / "away").iterdir())


@pytest.mark.parametrize("kind", ["pipe", "link", "sparse"])
def test_a_page_that_is_none_is_let_be_and_not_waited_for(kind: str, tmp_path: Path) -> None:
    strange, site = tmp_path / "site" / "strange.html", {"index.html": GENERATOR}
    strange.parent.mkdir()
    (tmp_path / "away").write_text(GENERATOR)
    if kind == "pipe":
        os.mkfifo(strange)
    elif kind == "link":
        strange.symlink_to(tmp_path / "away")
    else:
        with strange.open("wb") as file:
            file.truncate(2**40)
    publish(site, tmp_path / "site")
    assert os.path.lexists(strange)
    with pytest.raises(BenchError):
        publish({**site, "strange.html": GENERATOR}, tmp_path / "site")
    assert (tmp_path / "away").read_text() == GENERATOR


def test_of_eight_that_publish_at_once_none_fails(tmp_path: Path) -> None:
    site = {f"page{number:02d}.html": f"{GENERATOR}{number}" for number in range(20)}
    site["index.html"] = GENERATOR
    publish({f"old{number:02d}.html": GENERATOR for number in range(50)}, tmp_path)
    assert at_once(lambda: publish(site, tmp_path)) == []
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == site


def test_of_two_that_evaluate_at_once_both_write_the_same(tmp_path: Path) -> None:
    result = toy_result(toy_task())
    write(result, tmp_path / "alone")
    (alone,) = (tmp_path / "alone").iterdir()
    for _ in range(5):
        assert at_once(lambda: write(result, tmp_path / "both"), 2) == []
        (path,) = (tmp_path / "both").iterdir()
        assert path.read_bytes() == alone.read_bytes()
        path.unlink()
