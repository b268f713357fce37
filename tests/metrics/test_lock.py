"""The lock on the frozen metrics: a number may not change while `METRICS_VERSION` stays.

    python tests/metrics/test_lock.py        write tests/golden/lock.json anew

The lock holds the version, a digest of every file of `bench/metrics` and of `evaluation`, `kinds` and
`recordings`, which cut, label and average (of their code: comments, docstrings and
layout do not count) and the values of every metric, interval and post-processing on fixed inputs.

When must the version rise?  When any number that any metric gives to any input changes, also on inputs that
the lock does not hold. A new metric, a quicker way to the same numbers or a better word in a definition do
not raise it; they only need the lock written anew. The command refuses to write over values that changed
under the same version.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
import bench.evaluation
import bench.kinds
import bench.metrics
import bench.recordings
from bench.kinds import labels_of
from bench.metrics import METRICS, METRICS_VERSION, Metric
from bench.metrics.clusters import cross_tabulate, name_clusters
from bench.metrics.sampling.intervals import METHODS, interval
from bench.metrics.sampling.paired import Paired, jackknife_test, swap_test
from bench.metrics.sampling.ranks import stand_apart
from bench.metrics.softnms import score_voting, soft_nms
from bench.recordings import Detections, Segments, one_hot

FOLDER = Path(bench.metrics.__file__).parent
LOCK = Path(__file__).parents[1] / "golden" / "lock.json"
REFRESH = "python tests/metrics/test_lock.py"
TOLERANCE = 1e-9
"""Other processors and versions of numpy may add in another order."""
LENGTHS = (57, 1, 83, 40, 122, 66)
WEIGHTS = np.array([[1.0] * 6, [2.0, 0.0, 1.0, 3.0, 0.0, 1.0]])


# --- Sources -----------------------------------------------------------------------------------------------


def code_digest(source: str) -> str:
    """Return the SHA-256 of what a file does: the same for any layout, comment, docstring and Python."""
    return hashlib.sha256(repr(_essence(ast.parse(source))).encode()).hexdigest()


def _essence(node: Any) -> Any:
    """Return a syntax tree as nested tuples, without docstrings, positions and what is empty."""
    if isinstance(node, list):
        return tuple(_essence(item) for item in node)
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if "body" in fields and isinstance(fields["body"], list):
        fields["body"] = [item for item in fields["body"] if not _is_text(item)]
    kept = {name: _essence(value) for name, value in fields.items() if value not in (None, [])}
    return (
        type(node).__name__,
        *((name, kept[name]) for name in sorted(kept) if name not in ("ctx", "kind")),
    )


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring, of whatever it stands under."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def digests() -> dict[str, str]:
    package = Path(bench.__file__).parent
    rooms = [FOLDER, Path(bench.evaluation.__file__).parent, Path(bench.kinds.__file__).parent]
    files = [path for room in rooms for path in sorted(room.rglob("*.py"))]
    files.append(Path(bench.recordings.__file__))
    return {path.relative_to(package).as_posix(): code_digest(path.read_text()) for path in files}


# --- Values ------------------------------------------------------------------------------------------------


def whole_numbers(seed: int, shape: tuple[int, ...], below: int) -> np.ndarray:
    """Draw from the raw stream, which every version of numpy keeps as it is."""
    raw = np.random.PCG64(seed).random_raw(math.prod(shape))
    return (raw % np.uint64(below)).astype(np.int64).reshape(shape)


def bouts(seed: int, frames: int, classes: int) -> np.ndarray:
    """Draw labels that hold for six frames on average."""
    new = np.where(whole_numbers(seed, (frames,), 6) == 0, np.arange(frames), 0)
    return whole_numbers(seed + 1, (frames,), classes)[np.maximum.accumulate(new)]


def span(reads: str, seed: int, frames: int) -> tuple[Any, Any]:
    """Make truth and prediction of one recording, in the form that a metric reads."""
    if reads == "detections":
        return segments(seed)
    classes = 4
    truth = one_hot(bouts(seed, frames, classes), classes)
    if seed >= 2000:  # overlapping classes, and frames without any
        truth = truth & (whole_numbers(seed + 2, (frames, 1), 5) > 0)
        truth |= one_hot(bouts(seed + 3, frames, 2 * classes), classes)
    other = bouts(seed + 4, frames, classes)
    late = np.roll(truth, 2, axis=0)
    labels = np.where(whole_numbers(seed + 5, (frames, 1), 4) == 0, one_hot(other, classes), late)
    if reads == "scores":
        return truth, labels / 4 + whole_numbers(seed + 6, labels.shape, 16) / 32
    if reads == "clusters":
        return truth, labels @ (2 ** np.arange(classes)) + (other == 1)
    return truth, labels


def segments(seed: int) -> tuple[Segments, Detections]:
    start, length = whole_numbers(seed, (9, 1), 160) / 4, 1 + whole_numbers(seed + 1, (9, 1), 24) / 4
    truth = np.concatenate([start, start + length], axis=1)
    labels = whole_numbers(seed + 2, (9,), 3)
    of = whole_numbers(seed + 3, (40,), 9)
    moved = np.sort(truth[of] + whole_numbers(seed + 4, (40, 2), 17) / 8 - 1, axis=1) + np.array([0.0, 0.5])
    scores = (1 + whole_numbers(seed + 5, (40,), 60)) / 64
    other = np.where(whole_numbers(seed + 6, (40,), 4) == 0, (labels[of] + 1) % 3, labels[of])
    return Segments(truth, labels, 3), Detections(moved, other, scores)


def values_of(metric: Metric) -> list[Any]:
    """Return class values under two rows of weights, of exclusive and of overlapping classes."""
    cases = []
    for case in (1000, 2000):
        spans = [span(metric.reads, case + 10 * n, frames) for n, frames in enumerate(LENGTHS)]
        cases.append(metric.reduce([metric.measure(*one) for one in spans], WEIGHTS).tolist())
    return cases


def other_values() -> Iterator[tuple[str, Any]]:
    """Yield the numbers that are no metric: intervals, paired differences, post-processing."""

    def mean_of(seed: int) -> Any:
        scores = whole_numbers(seed, (9,), 100) / 100
        return lambda weights: (weights @ scores / weights.sum(axis=1))[:, None]

    for method in METHODS:
        found = interval(mean_of(1), 9, method=method, bounds=(0.0, 1.0))
        yield f"interval {method}", [*found.low.tolist(), *found.high.tolist()]
    for groups in (9, 16):  # every pattern, and random ones
        answers = whole_numbers(1, (2 * groups, 1), 100) / 100

        def mean(weights: np.ndarray, of: np.ndarray = answers) -> np.ndarray:
            return np.asarray(weights @ of / weights.sum(axis=1, keepdims=True))

        yield f"swap test of {groups} groups", _tested(swap_test(mean, groups))
    differences = whole_numbers(3, (9, 1), 100) / 1000
    yield "jackknife test", _tested(jackknife_test(differences.mean(axis=0), differences))
    values, left_out = whole_numbers(4, (5,), 100) / 100, whole_numbers(5, (5, 9), 100) / 2000
    apart = stand_apart(values, left_out + values[:, None], 1 + whole_numbers(6, (9,), 50))
    yield "entries that stand apart", [apart.least, *apart.above.astype(float).ravel().tolist()]
    scores = whole_numbers(7, (40, 3), 9) / 8
    for exclusive in (True, False):
        labels = labels_of(scores, exclusive=exclusive)
        yield f"labels, exclusive {exclusive}", labels.astype(float).tolist()
    named = [span("clusters", 1000 + 10 * n, frames) for n, frames in enumerate(LENGTHS)]
    naming = name_clusters([cross_tabulate(*of) for of in named[:3]])
    yield "named clusters", [naming.labels(ids).astype(float).tolist() for _, ids in named[3:]]
    _, detections = segments(3000)
    kept = soft_nms(detections)
    yield "soft-nms", [kept.labels.tolist(), kept.scores.tolist()]
    yield "score voting", score_voting(kept, detections).bounds.tolist()


def _tested(found: Paired) -> list[float]:
    return [float(x[0]) for x in (found.difference, found.low, found.high, found.p_value)]


def all_values() -> dict[str, Any]:
    return {**{metric.name: values_of(metric) for metric in METRICS}, **dict(other_values())}


def plain(value: Any) -> Any:
    """Write NaN and infinity as JSON can."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if math.isfinite(value) else str(value)


def same(found: Any, locked: Any) -> bool:
    if isinstance(locked, list):
        return len(found) == len(locked) and all(map(same, found, locked))
    if isinstance(locked, str) or isinstance(found, str):
        return found == locked
    return abs(found - locked) <= TOLERANCE * max(1.0, abs(locked))


# --- The lock ----------------------------------------------------------------------------------------------


def changed_values(lock: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what the lock holds and the code no longer gives."""
    return [name for name, old in lock["values"].items() if name not in values or not same(values[name], old)]


def complaint(
    lock: Mapping[str, Any], version: int, values: Mapping[str, Any], sources: Mapping[str, str]
) -> str | None:
    """Say in words what is to be done; None where the lock fits."""
    changed = changed_values(lock, values)
    if changed and version <= lock["version"]:
        return (
            f"{', '.join(changed)}: other numbers than the lock of metrics version {lock['version']} holds.\n"
            "If that is a mistake, mend the code. If it is meant, every stored result must be scored again:\n"
            f"raise METRICS_VERSION in bench/metrics/__init__.py, say why in CHANGELOG.md, then: {REFRESH}"
        )
    if version != lock["version"]:
        return f"METRICS_VERSION is {version}, the lock is of {lock['version']}; write it anew: {REFRESH}"
    if set(values) != set(lock["values"]):
        return f"not in the lock: {', '.join(set(values) - set(lock['values']))}; write it anew: {REFRESH}"
    files = sorted(
        name for name in {*sources, *lock["sources"]} if sources.get(name) != lock["sources"].get(name)
    )
    if files:
        return (
            f"the code of {', '.join(files)} changed, and no number of the lock did.\n"
            "Does any number change on any other input? Then raise METRICS_VERSION in\n"
            "bench/metrics/__init__.py and say why in CHANGELOG.md. In either case write the lock anew:\n"
            f"{REFRESH}"
        )
    return None


def current() -> dict[str, Any]:
    values = {name: plain(value) for name, value in all_values().items()}
    return {"version": METRICS_VERSION, "sources": digests(), "values": values}


def test_the_lock_fits() -> None:
    now = current()
    problem = complaint(json.loads(LOCK.read_text()), now["version"], now["values"], now["sources"])
    assert problem is None, f"\n\n{problem}\n"


LOCKED = {"version": 3, "sources": {"a.py": "00"}, "values": {"f1": [[0.5, "nan"]], "map": [0.25]}}


@pytest.mark.parametrize(
    ("version", "values", "sources", "said"),
    [
        (3, LOCKED["values"], LOCKED["sources"], None),
        (3, {"f1": [[0.5 + 1e-12, "nan"]], "map": [0.25]}, {"a.py": "00"}, None),
        (
            3,
            {"f1": [[0.5, 0.0]], "map": [0.25]},
            {"a.py": "00"},
            "f1: other numbers .* raise METRICS_VERSION",
        ),
        (3, {"map": [0.25]}, {"a.py": "00"}, "f1: other numbers"),
        (2, {"f1": [[0.4, "nan"]], "map": [0.25]}, {"a.py": "01"}, "raise METRICS_VERSION"),
        (4, {"f1": [[0.4, "nan"]], "map": [0.25]}, {"a.py": "01"}, "METRICS_VERSION is 4, the lock is of 3"),
        (3, {**LOCKED["values"], "auroc": [1.0]}, {"a.py": "00"}, "not in the lock: auroc"),
        (3, LOCKED["values"], {"a.py": "01"}, "code of a.py .* no number of the lock did"),
        (3, LOCKED["values"], {"a.py": "00", "b.py": "00"}, "code of b.py"),
    ],
)
def test_it_says_in_words_what_to_do(
    version: int, values: dict[str, Any], sources: dict[str, str], said: str | None
) -> None:
    found = complaint(LOCKED, version, values, sources)
    if said is None:
        assert found is None
    else:
        assert found is not None
        first, _, last = said.partition(" .* ")
        assert first in found
        assert last in found
        assert REFRESH in found


def test_layout_comments_and_docstrings_do_not_count() -> None:
    one = 'X = 1\n"""What X is."""\ndef f(a, b=2):\n    """Say."""\n    return f"{a}b" + "c"\n'
    other = "# why\nX = (\n  1\n)\ndef f(\n  a, b = 2,\n):\n  # so\n  return (f'{a}b'\n    + 'c')\n"
    assert code_digest(one) == code_digest(other)
    for changed in (one.replace("2", "3"), one.replace('"c"', '"d"'), one.replace("a, b", "b, a")):
        assert code_digest(changed) != code_digest(one)


def write_lock() -> None:
    """Write the lock, unless that would hide that numbers changed under one version."""
    now = current()
    if LOCK.exists():
        lock = json.loads(LOCK.read_text())
        changed = changed_values(lock, now["values"])
        if changed and now["version"] <= lock["version"]:
            raise SystemExit(complaint(lock, now["version"], now["values"], now["sources"]))
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in now["values"].items()]
    head = json.dumps({"version": now["version"], "sources": now["sources"]}, indent=1)[:-2]
    LOCK.write_text(head + ',\n "values": {\n' + ",\n".join(lines) + "\n }\n}\n")
    print(f"wrote {len(lines)} values of metrics version {now['version']} to {LOCK.name}")


if __name__ == "__main__":
    write_lock()
