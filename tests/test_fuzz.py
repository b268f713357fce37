"""Fuzz of what strangers write: results, manifests, own tasks, cards. Never a traceback, never a hang."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import datasets, store
from bench.datasets import all_tasks, get_dataset
from bench.datasets.own import OwnTask, find, own_task, read_declaration
from bench.datasets.own import to_json as own_to_json
from bench.hub.contents import MANIFEST, faults, read
from bench.results import to_json
from bench.submissions import read_entry
from bench.text import explain, integrity_text
from bench.verification.results import check_result
from tests.fuzzing import CASES, for_each, json_case, refused, toml_case
from tests.verification.toys import toy_result, toy_task

DECLARATION = """
[dataset]
name = "mylab"
fps = 30
image = [1280, 1024]
poses = { format = "deeplabcut", files = "poses/*.csv" }
labels = { format = "boris", files = "labels/{recording}.csv", subject = "resident", ignore = ["rear"] }
classes = ["attack", "mount", "other"]
background = "other"
tolerance = 3
test = ["m07", "m08"]
val = ["m09"]
title = "My lab"
url = "https://example.org"
"""
CARD = """
name = "Mine"
authors = ["A. Mouse"]
licence = "MIT"
code = "https://example.org/code"

[tasks.demo]
classes = ["attack", "investigation", "mount", "other"]
output = "scores"
description = "It looks."
extra_data = "none"
causal = false
parameters = 72540
latency_ms = 0.6
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, bench_home: Path) -> None:
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, toy_task()))


def test_results(tmp_path: Path) -> None:
    path, faulty = tmp_path / "toy--toy-entry.json", []

    def use(text: bytes) -> None:
        path.write_bytes(text)
        checked = check_result(path)
        printed = integrity_text([checked])
        assert len(printed) < 20_000
        assert not [sign for sign in printed if not sign.isprintable() and sign != "\n"]
        faulty.append(bool(checked.faults))
        if not checked.faults:
            assert checked.result is not None
            explain(checked.result)

    for_each(json_case(to_json(toy_result(toy_task()))), use, CASES if CASES > 1_000 else CASES // 2)
    assert sum(faulty) > 0.9 * len(faulty), "the others have another word that nobody can check"


def test_manifests_of_a_store(bench_home: Path) -> None:
    dataset = get_dataset("demo-4x30")
    store.pull_simulated(dataset)
    path, ids = bench_home / dataset.name / "manifest.json", ["mouse00001_simulated", "mouse00004_simulated"]

    def use(text: bytes) -> None:
        path.write_bytes(text)
        if not refused(lambda: store.manifest(dataset)):
            refused(lambda: list(store.load(dataset, ids, poses=False)))

    for_each(json_case(json.loads(path.read_bytes())), use)


def test_manifests_of_a_copy(tmp_path: Path) -> None:
    names = ("README.md", "data/shard-000.parquet")
    files = {name: {"bytes": 12, "sha256": "0" * 64} for name in names}

    def use(text: bytes) -> None:
        (tmp_path / MANIFEST).write_bytes(text)
        if not refused(lambda: read(tmp_path / MANIFEST)):
            refused(lambda: faults(read(tmp_path / MANIFEST), tmp_path))

    for_each(json_case({"dataset": "demo", "schema": 2, "files": files}), use)


def test_declarations_of_own_tasks(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"

    def use(text: bytes) -> None:
        path.write_bytes(text)
        if not refused(lambda: read_declaration(path)):
            declared, folder = read_declaration(path)
            refused(lambda: find(folder, declared))

    for_each(toml_case(DECLARATION), use)


def test_own_tasks_that_are_kept(bench_home: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(DECLARATION)
    sides = {"train": {}, "val": {"m09": ["m09"]}, "test": {"m07": ["m07"], "m08": ["m08"]}}
    split = {"name": "mylab", "source": "own task", "rule": "named", "parts": {"all": sides}}
    declared, _ = read_declaration(tmp_path / "own.toml")
    kept = json.loads(own_to_json(OwnTask(declared, (("m1", "m2"), ("nose",)), json.dumps(split))))
    path = bench_home / "tasks" / "mylab.json"
    path.parent.mkdir(parents=True)

    def use(text: bytes) -> None:
        path.write_bytes(text)
        if not refused(lambda: own_task("mylab")):
            refused(all_tasks)

    for_each(json_case(kept), use)


def test_cards(tmp_path: Path) -> None:
    def use(text: bytes) -> None:
        (tmp_path / "submission.toml").write_bytes(text)
        refused(lambda: read_entry(tmp_path))

    for_each(toml_case(CARD), use)
