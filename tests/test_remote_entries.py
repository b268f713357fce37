"""Entries by way of a hub: what one user pushes another scores, by commit and digest; the rest is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bench
from bench.cli import cli
from bench.errors import DataError, UsageError
from bench.hub.entries import ENTRY, LARGEST_CARD, LARGEST_RUN, MOST_FILES, read_list
from bench.store import pull_simulated
from bench.submissions import scaffold
from tests.fakehub import FakeHub
from tests.hub_client import TASK, Client

PLACE = "lab/entry"
RUN = f"{TASK}/seed0.npz"
RESULT = f"leaderboard/results/{TASK}--mine.json"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return a user with recordings and an entry that answers them."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    task = bench.load_task(TASK)
    pull_simulated(task.task.dataset)
    scaffold(tmp_path / "submissions" / "mine", task.task)
    scores = np.random.default_rng(5).dirichlet(np.ones(4), 120)
    runs = {recording.id: scores for recording in task.recordings("test")}
    bench.write_run(tmp_path / "submissions" / "mine", task, 0, runs)
    with FakeHub() as server:
        yield Client(server, tmp_path)


@pytest.mark.slow
def test_what_is_pushed_is_scored_by_its_commit(client: Client) -> None:
    client.folder.joinpath("submissions/mine/notes.txt").write_text("no part of the entry")
    told = client.bench("push-entry", "submissions/mine", "--repo", PLACE, HF_TOKEN=client.server.token)
    repo = client.server.repos["datasets", PLACE]
    commit = repo.refs["main"]
    assert f"next: bench evaluate --from-hub {PLACE}@{commit}" in told
    assert sorted(repo.commits[commit].files) == ["README.md", RUN, ENTRY, "submission.toml"]

    client.bench("evaluate", "submissions/mine")
    here = json.loads((client.folder / RESULT).read_text())
    client.bench("evaluate", "--from-hub", f"{PLACE}@{commit}")  # the same card lies here
    assert json.loads((client.folder / RESULT).read_text()) == here  # as it was, with its provenance

    run = client.folder / "submissions" / "mine" / RUN
    client.server.fault(RUN, corrupt=True)
    run.rename(run.with_name("gone"))
    fresh = Client(client.server, client.folder / "fresh", "../home")
    fresh.folder.mkdir()
    assert "sha256" in fresh.bench("evaluate", "--from-hub", f"{PLACE}@{commit}", code=4)
    client.server.clear()
    fresh.bench("evaluate", "--from-hub", f"{PLACE}@{commit}")
    there = json.loads((fresh.folder / RESULT).read_text())
    assert there["provenance"].pop("predictions") == f"{PLACE}@{commit}"
    del here["provenance"], there["provenance"]
    assert there == here


@pytest.mark.slow
def test_a_list_that_lies_about_its_predictions_is_refused(client: Client) -> None:
    folder = client.folder / "submissions" / "mine"
    listed = {name: described(folder / name) for name in ("submission.toml", RUN)}
    content = {"format": 1, "entry": "mine", "files": listed, "predictions": {TASK: "0" * 64}}
    (folder / ENTRY).write_text(json.dumps(content))
    commit = client.server.add(PLACE, folder)
    told = client.bench("evaluate", "--from-hub", f"{PLACE}@{commit}", code=3)
    assert "0" * 64 in told
    assert not (client.folder / RESULT).exists()
    absent = client.bench("evaluate", "--from-hub", f"{PLACE}@{'a' * 40}", code=4)
    assert "--revision" not in absent
    assert f"--from-hub {PLACE}@{'a' * 40}" in absent


def described(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


FILE = {"bytes": 5, "sha256": "0" * 64}
LISTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": lambda content: content.update(format=2),
    "a name that leaves the folder": lambda content: content["files"].update({"../x/seed0.npz": FILE}),
    "an absolute name": lambda content: content["files"].update({"/etc/passwd": FILE}),
    "a script": lambda content: content["files"].update({"setup.py": FILE}),
    "a pickle": lambda content: content["files"].update({"demo/seed0.pkl": FILE}),
    "no card": lambda content: content["files"].pop("submission.toml"),
    "a large card": lambda content: content["files"]["submission.toml"].update(bytes=LARGEST_CARD + 1),
    "a large run": lambda content: content["files"]["demo/seed0.npz"].update(bytes=LARGEST_RUN + 1),
    "too much in all": lambda content: content["files"].update(
        {f"demo/seed{n}.npz": FILE | {"bytes": LARGEST_RUN} for n in range(9)}
    ),
    "too many files": lambda content: content["files"].update(
        {f"demo/seed{n}.npz": FILE for n in range(MOST_FILES + 1)}
    ),
    "an entry of a strange name": lambda content: content.update(entry="../mine"),
    "no digest": lambda content: content["files"]["demo/seed0.npz"].pop("sha256"),
    "no predictions": lambda content: content.update(predictions={}),
    "a key more": lambda content: content.update(score=1.0),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_refused_before_any_file_is_fetched(name: str, tmp_path: Path) -> None:
    content = {
        "format": 1,
        "entry": "mine",
        "files": {"submission.toml": dict(FILE), "demo/seed0.npz": dict(FILE)},
        "predictions": {"demo": "1" * 64},
    }
    path = tmp_path / ENTRY
    path.write_text(json.dumps(content))
    assert read_list(path, "place").entry == "mine"
    LISTS[name](content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as told:
        read_list(path, "place")
    assert told.value.problems


@pytest.mark.parametrize("place", ["lab/entry", "lab/entry@main", f"entry@{'0' * 40}", f"a/../b@{'0' * 40}"])
def test_only_a_commit_is_a_place(place: str) -> None:
    fault = CliRunner().invoke(cli, ["evaluate", "--from-hub", place]).exception
    assert isinstance(fault, UsageError)


def test_one_entry_is_named_in_one_way(tmp_path: Path) -> None:
    for arguments in ([], [str(tmp_path), "--from-hub", f"a/b@{'0' * 40}"]):
        assert isinstance(CliRunner().invoke(cli, ["evaluate", *arguments]).exception, UsageError)
