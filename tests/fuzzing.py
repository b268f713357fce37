"""Cases of a fuzz: valid texts with some values, keys or bytes changed, by seeds that Hypothesis draws.

It draws the same seeds every time. `ETHOBENCH_FUZZ=2000` makes so many cases of each sort.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers

from bench.errors import BenchError
from bench.results import canonical

Make = Callable[[Random], bytes]
CASES = int(os.environ.get("ETHOBENCH_FUZZ", "100"))
SECONDS = 20.0
"""Of one case, at most: the machine may be busy."""
MEMORY = 500 * 2**20
"""Bytes that the process may take beyond what it had when the cases began."""
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320),
    *("", " ", "a" * 5_000, "\x1b[31m", "\u202e", "\ud800", "..", "../../x", "/", "\x00", "é", "nan", "inf"),
    *([], {}, [[]], {"": {}}, [1, "a", None], {"a": {"b": {"c": [1]}}}, [0] * 1_000),
)
RAW = (b"NaN", b"Infinity", b"1e999", b"9" * 5_000, b"[" * 3_000, b'"\\ud800"', b'"\xff"', b"", b"}", b"\x00")


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
    """Make cases by seeds and use each, as `for_each_seed` does."""
    for_each_seed(lambda random: use(make(random)), count)


def for_each_seed(use: Callable[[Random], object], count: int = CASES) -> None:
    """Call with one seed after another, in bounded memory."""

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(integers(0, 2**32 - 1))
    def each(seed: int) -> None:
        use(Random(seed))  # noqa: S311

    with bounded_memory():
        each()


@contextmanager
def bounded_memory(most: int = MEMORY) -> Iterator[None]:
    """Fail where the block takes `most` bytes beyond what the process had, at any moment."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak of what ran before is forgotten
    before = peak()
    yield
    assert peak() - before < most


def peak() -> int:
    """Return the most bytes that this process has had by now."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


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
