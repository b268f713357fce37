"""Fuzz of what strangers write: results, manifests, own tasks, cards. Never a traceback, never a hang.

Each case is a valid text with some of its values, keys or bytes changed, by a seed that Hypothesis draws. It
draws the same seeds every time. `ETHOBENCH_FUZZ=2000` runs so many cases of each sort.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers

from bench import datasets, store
from bench.datasets import all_tasks, get_dataset
from bench.datasets.own import OwnTask, find, own_task, read_declaration
from bench.datasets.own import to_json as own_to_json
from bench.errors import BenchError
from bench.hub.contents import MANIFEST, faults, read
from bench.results import canonical, to_json
from bench.submissions import read_entry
from bench.text import explain, integrity_text
from bench.verification.results import check_result
from tests.verification.toys import toy_result, toy_task

Make = Callable[[Random], bytes]
CASES = int(os.environ.get("ETHOBENCH_FUZZ", "100"))
SECONDS = 20.0
"""Of one case, at most: the machine may be busy."""
MEMORY = 500 * 2**20
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320),
    *("", " ", "a" * 5_000, "\x1b[31m", "\u202e", "\ud800", "..", "../../x", "/", "\x00", "é", "nan", "inf"),
    *([], {}, [[]], {"": {}}, [1, "a", None], {"a": {"b": {"c": [1]}}}, [0] * 1_000),
)
RAW = (b"NaN", b"Infinity", b"1e999", b"9" * 5_000, b"[" * 3_000, b'"\\ud800"', b'"\xff"', b"", b"}", b"\x00")
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


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value of a tree but the root."""
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*place, step)
        yield from places(value[step], (*place, step))


def mutated(tree: Any, random: Random) -> Any:
    """Return a tree with one to three values taken away, swapped, doubled, renamed or replaced."""
    tree = copy.deepcopy(tree)
    for _ in range(random.randint(1, 3)):
        known = list(places(tree))
        if not known:
            break
        *path, last = random.choice(known)
        inner = tree
        for step in path:
            inner = inner[step]
        choice = random.randrange(5)
        if choice == 0:
            del inner[last]
        elif choice == 1 and isinstance(inner, dict):
            inner[random.choice(["", "x", "\x1b[2J", "a.b", "k" * 300, "__class__"])] = inner.pop(last)
        elif choice == 2:
            other = tree
            for step in random.choice(known)[: random.randint(1, 6)]:
                other = other[step] if isinstance(other, dict) and step in other else other
            inner[last] = copy.deepcopy(other)
        else:
            inner[last] = copy.deepcopy(random.choice(ODD))
    return tree


def broken(data: bytes, random: Random) -> bytes:
    """Return bytes with one stretch cut, doubled, changed or replaced by what no format has."""
    start = random.randrange(len(data) + 1)
    stop = min(len(data), start + random.choice([1, 1, 2, 8, 200]))
    middle = random.choice([b"", data[start:stop] * 2, bytes([random.randrange(256)]), random.choice(RAW)])
    return data[:start] + middle + data[stop:]


def json_case(tree: Any) -> Make:
    """Return what makes a text of JSON: two of three are trees that were changed, the others bytes."""
    whole = canonical(tree)

    def make(random: Random) -> bytes:
        if random.randrange(3):
            return json.dumps(mutated(tree, random)).encode("utf-8", "surrogatepass")
        return broken(whole, random)

    return make


def written(value: Any) -> str:
    """Write a value as TOML, well or badly."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{json.dumps(key)} = {written(inner)}" for key, inner in value.items()) + " }"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


def toml_case(text: str) -> Make:
    """Return what makes a text of TOML, as `json_case` does of JSON."""
    tree = tomllib.loads(text)

    def make(random: Random) -> bytes:
        if random.randrange(3):
            lines = [f"{json.dumps(key)} = {written(value)}" for key, value in mutated(tree, random).items()]
            return "\n".join(lines).encode("utf-8", "surrogatepass")
        return broken(text.encode(), random)

    return make


def for_each(make: Make, use: Callable[[bytes], object], count: int = CASES) -> None:
    """Make cases by seeds and use each; in the end less memory was taken than `MEMORY`."""
    before = peak()

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(integers(0, 2**32 - 1))
    def each(seed: int) -> None:
        use(make(Random(seed)))  # noqa: S311

    each()
    assert peak() - before < MEMORY


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, bench_home: Path) -> None:
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, toy_task()))


def refused(read: Callable[[], object]) -> bool:
    """Whether reading ends with an error of the input; one that is long or steers a terminal is a failure."""
    began, fault = time.process_time(), None
    try:
        read()
    except BenchError as error:
        fault = str(error)
    assert time.process_time() - began < SECONDS
    assert len(fault or "") < 100_000
    assert not [sign for sign in fault or "" if not sign.isprintable() and sign != "\n"]
    return fault is not None


def peak() -> int:
    """Return the most bytes that this process has had by now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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
