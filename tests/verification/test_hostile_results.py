"""Results as hostile as submissions: one bad file is named and left out, and nothing else suffers from it."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import datasets
from bench.cli import cli
from bench.errors import DataError
from bench.results import Result
from bench.verification.results import check_result, read_sound
from tests.verification.toys import Content, content, put, toy_result, toy_task, write_content

MIB = 2**20
Made = Callable[[Path, bytes], object]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, bench_home: Path) -> None:
    """Let the toy task be known, and no recordings be at hand."""
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, toy_task()))


@pytest.fixture(scope="module")
def result() -> Result:
    return toy_result(toy_task())


@pytest.fixture
def good(result: Result, tmp_path: Path) -> Path:
    """Return a folder with one result that is as it should be."""
    (tmp_path / "results").mkdir()
    write_content(tmp_path / "results", content(result))
    return tmp_path / "results"


def text(data: bytes) -> Made:
    return lambda path, _: path.write_bytes(data)


def sparse(path: Path, _: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def forged_scores(path: Path, of_result: bytes) -> None:
    path.write_bytes(of_result.rstrip()[:-1] + b', "scores": {}}')


ZOO: dict[str, Made] = {
    "pipe": lambda path, _: os.mkfifo(path),
    "link to a device": lambda path, _: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path, _: path.symlink_to("nothing"),
    "folder": lambda path, _: path.mkdir(),
    "sparse terabyte": sparse,
    "empty": text(b""),
    "brackets": text(b"[" * 200_000),
    "braces": text(b'{"a":' * 100_000),
    "a number of 400 digits": text(b'{"format": 1' + b"0" * 400 + b"}"),
    "a number of 100,000 digits": text(b'{"format": ' + b"9" * 100_000 + b"}"),
    "NaN": text(b'{"format": NaN}'),
    "infinite": text(b'{"format": 1e999}'),
    "half a character": text(b'{"format": "\\ud800"}'),
    "not UTF-8": text(b'{"format": "\xff"}'),
    "scores a second time": forged_scores,
    "empty lists without end": text(b"[" + b"[]," * 6_000_000 + b"0]"),
    "objects without end": text(b"[" + b'{"a":0},' * 2_000_000 + b"0]"),
    "unknown keys without end": text(
        b'{"format": 2' + b"".join(b',"key%d":0' % i for i in range(30_000)) + b"}"
    ),
}


@pytest.mark.parametrize("made", ZOO.values(), ids=ZOO)
def test_a_hostile_file_is_named_in_little_memory(made: Made, good: Path) -> None:
    (sound,) = good.iterdir()
    bad = good / "toy--bad.json"
    made(bad, sound.read_bytes())
    tracemalloc.start()
    checked = check_result(bad)
    assert tracemalloc.get_traced_memory()[1] < 300 * MIB
    tracemalloc.stop()
    assert checked.faults
    assert max(len(str(fault)) for fault in checked.faults) < 2_000
    done = CliRunner().invoke(cli, ["explain", "toy", "bad", "--results", str(good)])
    assert isinstance(done.exception, DataError)
    assert bad.name in str(done.exception)


def test_hostile_files_are_left_out_of_the_site(good: Path, tmp_path: Path) -> None:
    (sound,) = good.iterdir()
    for number, made in enumerate(ZOO.values()):
        made(good / f"toy--bad{number:02d}.json", sound.read_bytes())
    done = CliRunner().invoke(cli, ["publish", "--results", str(good), "--out", str(tmp_path / "site")])
    assert isinstance(done.exception, DataError)
    assert f"{len(ZOO)} of {len(ZOO) + 1} results" in done.exception.title
    assert [name for name in done.exception.problems if not name.startswith("toy--bad")] == []
    assert {page.name for page in (tmp_path / "site").glob("toy*")} == {"toy.html", "toy--toy-entry.html"}
    done = CliRunner().invoke(cli, ["verify", "--results", str(good)])
    assert isinstance(done.exception, DataError)
    assert f"{len(ZOO) + 1} results: 1 ok, {len(ZOO)} with faults" in done.output


def test_a_bad_file_among_two_does_not_make_the_other_doubtful(result: Result, good: Path) -> None:
    made = content(result)
    made["entry"]["id"] = "bad"
    put("scores", "f1", "value", value=1.5)(made)
    made["truth_digest"] = "f" * 64
    write_content(good, made)
    assert [one.entry["id"] for one in read_sound(good)[0]] == ["toy-entry"]


def rename_task(made: Content) -> None:
    made["task"]["name"] = "nobody-asks"


def many_runs(made: Content) -> None:
    runs = {f"seed{i}": 0.5 for i in range(101)}
    made["scores"]["f1"]["per_run"] = runs


CHANGES: dict[str, tuple[Callable[[Content], None], str]] = {
    "a version that nobody knows": (put("metrics_version", value=99), "metrics_version"),
    "a task that nobody knows": (rename_task, "task.name"),
    "a task that is not simulated": (
        put("task", "dataset", "simulated", value=True),
        "task.dataset.simulated",
    ),
    "an escape sequence as a name": (put("entry", "name", value="\x1b[31mred"), "entry.name"),
    "an override of direction": (put("entry", "authors", 0, value="a\u202eb"), "entry.authors[0]"),
    "an escape sequence in provenance": (put("provenance", "numpy", value="\x1b[2J"), "provenance.numpy"),
    "an escape sequence in a title": (put("task", "title", value="\x1b[2J"), "task.title"),
    "an escape sequence in changed data": (
        put("changed", value=[{"name": "\x1b]0;x\x07", "expected": "", "found": ""}]),
        "changed[0].name",
    ),
    "a class of an escape sequence": (put("support", value={"\x1b[2J": 1}), "support['\\x1b[2J']"),
    "more runs than an entry may have": (many_runs, "scores.f1.per_run"),
}


@pytest.mark.parametrize(("change", "place"), CHANGES.values(), ids=CHANGES)
def test_what_a_file_may_not_say_is_named(
    change: Callable[[Content], None], place: str, result: Result, good: Path, tmp_path: Path
) -> None:
    made = content(result)
    made["entry"]["id"] = "bad"
    change(made)
    (tmp_path / "bad").mkdir()
    path = write_content(tmp_path / "bad", made)
    shutil.copy(path, good / "toy--bad.json")
    assert place in [str(fault).rpartition(": ")[0].partition(": ")[0] for fault in check_result(path).faults]
    done = CliRunner().invoke(cli, ["explain", "toy", "bad", "--results", str(good)])
    assert isinstance(done.exception, DataError)
    printed = CliRunner().invoke(cli, ["verify", "--results", str(path.parent)]).output + str(done.exception)
    assert not [sign for sign in printed if not sign.isprintable() and sign != "\n"]


def test_file_names_cannot_steer_a_terminal(good: Path) -> None:
    (good / "toy--\x1b[31m.json").write_text("{}")
    (good / os.fsdecode(b"toy--\xff.json")).write_text("{}")
    for path in good.glob("toy--toy*"):
        path.unlink()
    for more in ([], ["--json"]):
        printed = CliRunner().invoke(cli, ["verify", "--results", str(good), *more]).output
        assert not [sign for sign in printed if not sign.isprintable() and sign != "\n"]
    listed = json.loads(printed)
    assert sum(bool(file["faults"]) for file in listed) == 2


def test_faults_without_end_are_cut(result: Result, good: Path) -> None:
    made = content(result)
    made["entry"]["id"] = "bad"
    made["scores"] |= {f"metric{i}": {} for i in range(50_000)}
    path = good / "toy--bad.json"
    path.write_text(json.dumps(made))
    faults = check_result(path).faults
    assert 100 < len(faults) < 1_000
    done = CliRunner().invoke(cli, ["verify", "--results", str(good)])
    assert len(done.output) < 10_000
