"""The history of a leaderboard: one line for each result that was ever recorded, in the order of recording.

`log.jsonl` lies beside the folder of results. A line has a seal, the SHA-256 of all else in it, and names the
seal of the line before, so that none can be changed, taken out or put in between without every later line
differing. Only the log knows dates: results have none that counts.

    before, seal        the seal of the line before, 64 zeros in the first; that of this line
    date                the day of scoring
    task, entry         what was scored
    metric, value       the metric that ranks, and its value: null is undefined, "inf" an infinite error
    metrics_version, truth_digest, predictions_digest, result
                        with what it was scored, and the digest of the result
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import DataError, FileError, first
from bench.files.faults import Fault
from bench.files.locking import locked
from bench.files.opening import is_absent, open_regular
from bench.files.schema import is_number, leaf, matching, table, whole
from bench.files.strict_json import parse_json
from bench.files.writing import write_bytes
from bench.results import Result, plain
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE

LOG = "log.jsonl"
BYTES = 64 * 2**20
START = "0" * 64
_DIGEST = matching(re.compile("[0-9a-f]{64}"), "64 hexadecimal digits")
_SAFE = matching(SAFE_NAME, SAFE_NAME_RULE)
_LINE = table(
    {
        "before": _DIGEST,
        "date": matching(re.compile(r"\d{4}-\d{2}-\d{2}"), "a day as 2026-12-01"),
        "task": _SAFE,
        "entry": _SAFE,
        "metric": _SAFE,
        "value": leaf(
            'a number, null, "inf" or "-inf"', lambda one: one in (None, "inf", "-inf") or is_number(one)
        ),
        "metrics_version": whole(1, 10_000),
        "truth_digest": _DIGEST,
        "predictions_digest": _DIGEST,
        "result": _DIGEST,
        "seal": _DIGEST,
    }
)
UNKNOWN = "1970-01-01"
"""The day of a result that names none."""


@dataclass(frozen=True)
class Line:
    """One result, as it was recorded."""

    before: str
    date: str
    task: str
    entry: str
    metric: str
    value: float | str | None
    metrics_version: int
    truth_digest: str
    predictions_digest: str
    result: str

    @property
    def seal(self) -> str:
        """The SHA-256 of all of it, as JSON with sorted keys."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, allow_nan=False).encode()).hexdigest()


@dataclass(frozen=True)
class Step:
    """A day on which the best value of a task moved."""

    date: str
    entry: str
    value: float


def log_of(results: Path) -> Path:
    """Return where the log of a folder of results lies."""
    return results.parent / LOG


def check_log(path: Path) -> tuple[list[Line], list[Fault]]:
    """Return the lines of a log and every fault; both are empty where there is no log."""
    if is_absent(path):
        return [], []
    try:
        with open_regular(path, BYTES) as file:
            texts = file.read().split(b"\n")
    except FileError as fault:
        return [], [Fault((), fault.title)]
    faults = [] if texts.pop() == b"" else [Fault((len(texts),), "a line that was cut short", "a line end")]
    lines, before = [], START
    for number, text in enumerate(texts):
        content, wrong = _parsed(text)
        faults += [fault.below(number) for fault in wrong]
        if not wrong:
            line = Line(**{key: value for key, value in content.items() if key != "seal"})
            lines.append(line)
            if line.before != before:
                faults.append(Fault((number, "before"), line.before, f"{before}, the seal before it"))
            if line.seal != content["seal"]:
                faults.append(Fault((number, "seal"), content["seal"], f"{line.seal}, that of what it says"))
            before = content["seal"]
    return lines, faults


def record(results: Sequence[Result], path: Path) -> list[Line]:
    """Append the results that the log does not end with, by task and entry; return their lines.

    Raises `DataError` where the log has a fault.
    """
    with locked(path.with_name(f".{path.name}.lock")):
        lines, faults = check_log(path)
        if faults:
            title = f"{path} is not as it was written"
            raise DataError(title, first(map(str, faults)), hint=f"git checkout {path}")
        known = {(line.task, line.entry): line for line in lines}
        made: list[Line] = []
        for result in sorted(results, key=lambda one: (_date(one), one.task["name"], one.entry["id"])):
            held = known.get((result.task["name"], result.entry["id"]))
            line = _line(result, [*lines, *made][-1].seal if lines or made else START)
            if held is None or _what(held) != _what(line):
                made.append(line)
        if made:
            write_bytes(path, b"".join(map(_written, [*lines, *made])))
    return made


def unrecorded(results: Sequence[Result], lines: Sequence[Line]) -> list[str]:
    """Return the names of results that the log does not end with."""
    known = {(line.task, line.entry): _what(line) for line in lines}
    return [
        result.file_name
        for result in results
        if known.get((result.task["name"], result.entry["id"])) != _what(_line(result, START))
    ]


def best_by_day(lines: Sequence[Line], result: Result) -> list[Step]:
    """Return how the best value moved, of lines on the task, metric, truth and version of a result."""
    card = result.task["metrics"][0]
    sign, steps = 1.0 if card["higher_is_better"] else -1.0, list[Step]()
    comparable = [
        line
        for line in lines
        if (line.task, line.metric, line.truth_digest, line.metrics_version)
        == (result.task["name"], card["name"], result.truth_digest, result.metrics_version)
    ]
    for line in sorted(comparable, key=lambda line: line.date):
        if is_number(line.value) and (not steps or sign * float(line.value or 0) > sign * steps[-1].value):
            steps.append(Step(line.date, line.entry, float(line.value or 0)))
    last_of_day = {step.date: step for step in steps}
    return list(last_of_day.values())


def _parsed(text: bytes) -> tuple[Mapping[str, Any], list[Fault]]:
    try:
        content = parse_json(text, 100_000)
    except FileError as fault:
        return {}, [Fault((), fault.title)]
    return content, _LINE.faults(content)


def _written(line: Line) -> bytes:
    content = {**asdict(line), "seal": line.seal}
    return json.dumps(content, sort_keys=True, allow_nan=False).encode() + b"\n"


def _what(line: Line) -> tuple[Any, ...]:
    """Return what makes a line another one: what was scored, with what, to which value."""
    return line.metric, line.value, line.metrics_version, line.truth_digest, line.predictions_digest


def _date(result: Result) -> str:
    day = str(result.provenance.get("scored", UNKNOWN))[:10]
    return day if re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) else UNKNOWN


def _line(result: Result, before: str) -> Line:
    name = result.task["metrics"][0]["name"]
    score = result.scores.get(name)
    return Line(
        before=before,
        date=_date(result),
        task=result.task["name"],
        entry=result.entry["id"],
        metric=name,
        value=plain(score.value) if score else None,
        metrics_version=result.metrics_version,
        truth_digest=result.truth_digest,
        predictions_digest=result.predictions_digest,
        result=result.digest(),
    )
