"""Other systems and damaged installations: messages and exit codes, no tracebacks, the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.datasets import get_task
from bench.datasets.own import own_path, read_declaration
from bench.errors import DataError, UsageError
from bench.published import read_published
from bench.resources import home, resource
from bench.submissions.scaffold import scaffold
from bench.verification import read_printed
from bench.verification.results import truths

ROOT = Path(__file__).parent.parent


def bench(*arguments: str, code: int = 0, **environment: str) -> str:
    """Run the command line in a process of its own; return its standard output and error."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    printed = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in printed
    assert done.returncode == code, printed
    return printed


def test_a_checkout_has_the_same_bytes_whatever_git_is_told_of_line_ends() -> None:
    """Splits, results and code are compared by digest."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no checkout of git")
    names = ["splits/demo.json", "bench/metrics/frames.py", "leaderboard/reference/counts.csv", "README.md"]
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=true", "check-attr", "eol", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{name}: eol: lf" for name in names]


def test_a_clone_that_may_change_line_ends_holds_the_frozen_splits(tmp_path: Path) -> None:
    """As a clone on Windows does; without `.gitattributes` every line of it ends in two signs."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no checkout of git")

    def git(*arguments: str) -> bytes:
        command = ["git", "-c", "core.autocrlf=true", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    clone = tmp_path / "clone"
    git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(clone))
    git("-C", str(clone), "checkout", "HEAD", "--", ".gitattributes", "splits")
    names = [f"splits/{path.name}" for path in (clone / "splits").iterdir()]
    assert "splits/demo.json" in names
    for name in names:
        assert (clone / name).read_bytes() == git("-C", str(ROOT), "show", f"HEAD:{name}")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_terminal_that_lacks_a_sign_gets_its_escape(tmp_path: Path, encoding: str) -> None:
    folder = str(tmp_path / "\u3042" / "mymodel")
    assert "\\u3042" in bench("new", folder, "--task", "demo", PYTHONIOENCODING=encoding)
    assert "\\u3042" in bench("validate", f"{folder}2", code=3, PYTHONIOENCODING=encoding)


def test_the_home_of_nobody_is_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_HOME", "~nosuchuser/store")
    with pytest.raises(UsageError, match="no such user") as fault:
        home()
    assert fault.value.hint
    declared = tmp_path / "lab.toml"
    declared.write_text(
        '[dataset]\nname = "lab"\nfps = 25\nfolder = "~nosuchuser/poses"\n'
        'classes = ["a", "b"]\ntest = ["m1"]\n'
        'labels = { format = "frames", files = "*.csv" }\n'
    )
    with pytest.raises(UsageError, match="no such user"):
        read_declaration(declared)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there every path is text")
def test_a_path_that_is_no_text_is_shown_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/f\xff")
    assert "f\\udcff" in bench("publish", "--results", odd, code=2, PYTHONIOENCODING="utf-8")
    assert "f\\udcff/mymodel" in bench("new", f"{odd}/mymodel", "--task", "demo", PYTHONIOENCODING="utf-8")
    monkeypatch.chdir(tmp_path)
    wrote = scaffold(Path(os.fsdecode(b"g\xff/mymodel")), get_task("demo"))
    assert all(path.is_file() for path in wrote)
    monkeypatch.setenv("BENCH_HOME", odd)
    with pytest.raises(UsageError, match="not text in UTF-8") as fault:
        home()
    assert "BENCH_HOME" in (fault.value.hint or "")


def test_an_interrupt_at_start_up_is_no_traceback(tmp_path: Path) -> None:
    """Ctrl-C while the command line is still imported: its first library stands for all of them."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert "Aborted!" in bench("tasks", code=1, PYTHONPATH=path)


TABLES: Mapping[str, bytes] = {
    "empty": b"",
    "UTF-16": "source,citation,url\n".encode("utf-16"),
    "latin-1": b"source,citation,url\nN\xfchrenberg,a,b\n",
    "an open quote": b'source,citation,url\n"a,b,c\n',
    "a row too short": b"source,citation,url\na,b\n",
    "other columns": b"a,b,c\n",
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_a_damaged_reference_table_is_a_message(tmp_path: Path, content: bytes) -> None:
    shutil.copytree(resource("reference", "leaderboard/reference"), tmp_path / "reference")
    for name, read in (("papers.csv", read_published), ("counts.csv", read_printed)):
        path = tmp_path / "reference" / name
        path.write_bytes(content)
        with pytest.raises(DataError) as fault:
            read(path.parent if name == "papers.csv" else path)
        assert str(path) in str(fault.value)
        assert fault.value.hint == "reinstall ethobench"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"demo": {"a": 1}}', b"\xff", b"[" * 100_000])
def test_damaged_truths_are_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "truths.json").write_bytes(content)
    monkeypatch.setattr(truths, "resource", lambda *_: tmp_path)
    truths.frozen_truths.cache_clear()
    with pytest.raises(DataError, match=r"truths\.json") as fault:
        truths.frozen_truths()
    assert fault.value.hint


def kept(**changes: object) -> bytes:
    """Return the file of an own task, changed."""
    labels = {"format": "frames", "files": "*.csv", "channel": None, "subject": None, "ignore": []}
    declared = {
        "name": "lab",
        "fps": 25.0,
        "labels": labels,
        "classes": ["a", "b"],
        "poses": None,
        "image": [0, 0],
        "background": None,
        "overlap": False,
        "tolerance": 0,
        "groups": None,
        "split": None,
        "test": ["m1"],
        "val": [],
        "title": "",
        "question": "",
        "licence": "mine",
        "citation": "none",
        "url": "",
    }
    split = {"name": "lab", "source": "own", "rule": "ours", "parts": {"all": {"test": {"m1": ["m1"]}}}}
    content = {"format": 1, "declared": declared, "skeleton": [[], []], "split": json.dumps(split)}
    for key, value in changes.items():
        (declared if key in declared else content)[key] = value
    return json.dumps(content).encode()


DAMAGED: Mapping[str, bytes] = {
    "empty": b"",
    "cut": kept()[:-40],
    "no text": b"\xff" + kept(),
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "another version": kept(format=7),
    "a rate of text": kept(fps="25"),
    "no rate": kept(fps=0),
    "classes of numbers": kept(classes=[1, 2]),
    "no classes": kept(classes=[]),
    "labels of another format": kept(labels={"format": "x", "files": "*"}),
    "labels of no format": kept(labels={"files": "*"}),
    "a format that is no name": kept(labels={"format": 7, "files": "*"}),
    "a skeleton of one list": kept(skeleton=[[]]),
    "a skeleton of numbers": kept(skeleton=[[1], [2]]),
    "a split that is none": kept().replace(b'\\"parts\\"', b'\\"prats\\"'),
    "a split of nothing": kept().replace(b'\\"all\\": {', b'\\"all\\": 3, \\"x\\": {'),
    "a key twice": kept().replace(b'{"format": 1', b'{"format": 1, "format": 1'),
}


def test_the_file_of_an_own_task_is_read(bench_home: Path) -> None:
    own_path("lab").parent.mkdir(parents=True)
    own_path("lab").write_bytes(kept())
    assert get_task("lab").classes == ("a", "b")


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_task_file_is_a_message(bench_home: Path, content: bytes) -> None:
    own_path("lab").parent.mkdir(parents=True)
    own_path("lab").write_bytes(content)
    with pytest.raises(DataError, match="does not hold an own task") as fault:
        get_task("lab")
    assert "bench add" in (fault.value.hint or "")
    assert CliRunner().invoke(cli, ["tasks"]).exit_code != 0
