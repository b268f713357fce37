"""`add`, `evaluate` and `publish` killed in the middle, then run again: the bytes of a run without a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.datasets import get_task
from bench.submissions import write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]
KILLED = """
import os, signal, sys
count, last, sync = 0, int(sys.argv.pop(1)), os.fsync
def kill_at_the_last(descriptor):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)
os.fsync = kill_at_the_last
from bench.cli import cli
cli()
"""
"""`bench` that dies as it writes file number so-and-so: its bytes are there, its name is not."""


def bench(*arguments: object) -> None:
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def kill(at: int, *arguments: object) -> None:
    command = [sys.executable, "-c", KILLED, str(at), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file; of JSON without what a clock says."""
    return {str(p.relative_to(folder)): timeless(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def timeless(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".json" or b'"provenance"' not in content:
        return content
    kept = {key: value for key, value in json.loads(content).items() if key != "provenance"}
    return json.dumps(kept).encode()


def moments(run: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run a command; return two numbers of files that it writes, the last of them and one before."""
    count, sync = 0, os.fsync

    def counted(descriptor: int) -> None:
        nonlocal count
        count += 1
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted)
        run()
    assert count > 1
    return [int(np.random.default_rng(12).integers(1, count)), count]


def whole_so_far(left: Mapping[str, bytes], whole: Mapping[str, bytes]) -> bool:
    """Whether each file that a killed run left has the bytes of a whole run, or a name nothing reads."""
    return all(content == whole.get(name) for name, content in left.items() if not name.endswith(".part"))


def test_a_killed_add_goes_on(lab: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    untouched = files(lab)
    at = moments(lambda: bench("add", lab / "mylab.toml"), monkeypatch)
    whole, split = files(bench_home), (lab / "mylab.split.json").read_bytes()
    for index, number in enumerate(at):
        home = bench_home.with_name(f"home{index}")
        monkeypatch.setenv("BENCH_HOME", str(home))
        (lab / "mylab.split.json").unlink()
        kill(number, "add", lab / "mylab.toml")
        assert not list((home / "tasks").glob("*.json")), "the task is written last"
        bench("add", lab / "mylab.toml")
        assert files(home) == whole
        assert files(lab) == {**untouched, "mylab.split.json": split}


def test_killed_scoring_and_publishing_go_on(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench("add", lab / "mylab.toml")
    bench("new", tmp_path / "mine", "--task", "mylab")
    scores = np.random.default_rng(12).dirichlet(np.ones(len(get_task("mylab").classes)), 11)
    write_run(tmp_path / "mine", "mylab", "seed0", {"all": {"m3": scores.astype(np.float32)}})
    results, site = tmp_path / "results", tmp_path / "site"
    for command in (
        ("evaluate", tmp_path / "mine", "--results", results),
        ("publish", "--results", results, "--out", site),
    ):
        out = Path(str(command[-1]))
        at = moments(lambda command=command: bench(*command), monkeypatch)  # type: ignore[misc]
        whole = files(out)
        for number in at:
            remove(out)
            kill(number, *command)
            assert whole_so_far(files(out), whole)
            bench(*command)
            assert files(out) == whole


def remove(folder: Path) -> None:
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        path.unlink()
