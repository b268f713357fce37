"""Results: one JSON file per task and entry, the only thing that tables and pages read.

The same result gives the same bytes: keys are sorted, no clock or host is inside, undefined is `null`,
an infinite error (nothing was matched) is `"inf"`. When and where it was computed stands in `provenance`,
which is not part of the digest. `metrics_code` names the code that measured, whatever its docstrings and
comments say; earlier results have none.

Format 1    The first.
Format 2    `digest` stands in the file, the SHA-256 of all but `provenance` and itself, so that a change by
            hand is noticed; the details of a frame task count every recording (`bench.evaluation.details`).
Format 3    Every score holds its value without each group, `left_out`, and the result the frames of each. The
            list is empty where a result of an earlier format was brought to this one and these values do not
            follow from its counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.display import html_table, score_cells
from bench.errors import FileError, SubmissionError
from bench.files.opening import holds, is_absent
from bench.files.strict_json import read_json
from bench.files.writing import sweep, write_bytes

FORMAT = 3
FORMATS = (1, 2, 3)
"""Those that are read; what an earlier one lacks stays away."""
SHOWN = 4
"""How many metrics a notebook shows of a result."""
EVIDENCE = "evidence"
"""The folder, in one of results, of what lies behind each: bouts and curves, under the same name."""
BYTES = 64 * 1024 * 1024
"""Of the largest file that is read."""
MEMORY = 300 * 2**20
"""Bytes that the content of a file may take: that of the largest committed file takes 1 % of it."""
_LIST_OF_NUMBERS = re.compile(r"\[\n[^\[\]{}\"]*\]")


@dataclass(frozen=True)
class PartScore:
    """The value of one part, mean over runs, with the interval of its own test groups."""

    value: float
    low: float
    high: float
    per_class: Mapping[str, float]


@dataclass(frozen=True)
class Score:
    """One metric of one entry. NaN = undefined, an infinite error = nothing was matched.

    The headline is the mean over runs of the mean over parts of the value on a part's pooled test
    recordings. `std_runs` and `std_parts` are population standard deviations, NaN for a single run
    or part. `low` and `high` bound the headline when other recordings of the same kind had been
    tested; they do not cover the choice of the seed, which `std_runs` shows.
    """

    value: float
    low: float
    high: float
    std_runs: float
    std_parts: float
    per_class: Mapping[str, float]
    """Class -> mean over parts and runs; empty for metrics that are one number."""
    per_class_interval: Mapping[str, tuple[float, float]]
    per_part: Mapping[str, PartScore]
    per_run: Mapping[str, float]
    other_intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The headline's by other methods, from the same resamples: "percentile", "bca"."""
    left_out: Sequence[float] = ()
    """The headline without each group of recordings, in the order of their numbers; empty where not known."""


@dataclass(frozen=True)
class Result:
    """What an entry scored on a task, with everything a page needs to say about it."""

    entry: Mapping[str, Any]
    """The card: id, name, authors, code, paper, licence and the task's own declarations."""
    task: Mapping[str, Any]
    """The task's card: title, question, classes, protocol, definitions of the metrics, the dataset."""
    metrics_version: int
    split_digest: str
    truth_digest: str
    predictions_digest: str
    recordings: int
    groups: int
    frames: int
    support: Mapping[str, int]
    """Class -> test frames in which it holds."""
    interval: Mapping[str, Any]
    """How the intervals were made: method, level, resamples, seed, unit, or why there are none."""
    scores: Mapping[str, Score]
    details: Mapping[str, Any] = field(default_factory=dict)
    """The reasons behind the scores, which `bench.evaluation.details` makes and reads; empty without any."""
    group_frames: Sequence[int] = ()
    """The frames that count of each group of recordings, in the order of their numbers, summed over parts."""
    changed: Sequence[Mapping[str, str]] = ()
    """What `bench pull --accept-changed` took as the data: name, expected, found. Empty: all as declared."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metrics_code: str = ""
    """SHA-256 of the code that measured, by `bench.closure.metric_code`; empty where nobody noted it."""
    evidence: str = ""
    """SHA-256 of the file in the folder `EVIDENCE` beside the result; empty where there is none."""
    beside: Mapping[str, Any] | None = None
    """What that file holds, where it was made just now (`bench.evidence`); it stands in no result file."""
    format: int = FORMAT

    def __repr__(self) -> str:
        """Say who scored what on which task, in one line."""
        title, value, interval, *_ = self._lines()[0]
        place = f"{self.entry['id']} on {self.task['name']}"
        return f"<result {place}: {title} {value} ({interval}); {self.recordings} recordings>"

    def _repr_html_(self) -> str:
        """Return the first metrics with their intervals and classes, as a notebook shows them."""
        simulated = ", simulated" if self.task["dataset"]["simulated"] else ""
        changed = ", CHANGED DATA" if self.changed else ""
        place = f"{self.entry['name']} on {self.task['name']}"
        caption = f"{place}{simulated}{changed}: {self.recordings} recordings"
        headers = ["metric", "value", f"{self.interval['level']:.0%} interval", *self.task["classes"]]
        return html_table(caption, headers, self._lines())

    def _lines(self) -> list[list[str]]:
        """Return title, value, interval and class values of the first metrics of the task."""
        cards = self.task["metrics"][:SHOWN]
        return [score_cells(card["title"], card["unit"], self.scores[card["name"]]) for card in cards]

    @property
    def file_name(self) -> str:
        """`<task>--<entry>.json`."""
        return f"{self.task['name']}--{self.entry['id']}.json"

    @property
    def lacks_evidence(self) -> bool:
        """Whether it names a file of evidence that is not at hand."""
        return bool(self.evidence) and self.beside is None

    def digest(self) -> str:
        """Return the SHA-256 of the result without its provenance."""
        return digest_of(_content(self))


def scaled(score: Score, factor: float) -> Score:
    """Return a score in another unit: every value and every end of an interval times the factor."""
    parts = {
        part_name: PartScore(
            part.value * factor,
            part.low * factor,
            part.high * factor,
            {name: value * factor for name, value in part.per_class.items()},
        )
        for part_name, part in score.per_part.items()
    }
    return replace(
        score,
        value=score.value * factor,
        low=score.low * factor,
        high=score.high * factor,
        std_runs=score.std_runs * factor,
        std_parts=score.std_parts * factor,
        per_class={name: value * factor for name, value in score.per_class.items()},
        per_class_interval=_pairs_times(score.per_class_interval, factor),
        per_part=parts,
        per_run={name: value * factor for name, value in score.per_run.items()},
        other_intervals=_pairs_times(score.other_intervals, factor),
        left_out=tuple(value * factor for value in score.left_out),
    )


def _pairs_times(pairs: Mapping[str, tuple[float, float]], factor: float) -> dict[str, tuple[float, float]]:
    return {name: (low * factor, high * factor) for name, (low, high) in pairs.items()}


def to_json(result: Result) -> dict[str, Any]:
    """Return plain JSON values: NaN is None, an infinite number its name."""
    content = _content(result)
    return content if result.format == 1 else content | {"digest": digest_of(content)}


def _content(result: Result) -> dict[str, Any]:
    """Return plain JSON values of all that stands in a file of the result's format, but its digest."""
    content = {key: plain(value) for key, value in asdict(replace(result, beside=None)).items()}
    del content["beside"]
    for name in ("metrics_code", "evidence"):
        if not content[name]:
            del content[name]
    if result.format < 3:
        del content["group_frames"]
        for score in content["scores"].values():
            del score["left_out"]
    return content


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the content of a result file without its provenance and its digest."""
    kept = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(canonical({**kept, "provenance": None})).hexdigest()


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, UTF-8, two spaces, a final newline.

    A list of numbers stands on one line. No string can be taken for one: a line never breaks inside a string.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (_LIST_OF_NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text) + "\n").encode()


def write(result: Result, folder: Path) -> Path:
    """Write `<folder>/<task>--<entry>.json` in one step, so that a reader never sees half a file.

    A file that holds the same result already stays as it is, with the provenance it has. What stands beside
    it is written first, under the same name in `EVIDENCE`. What a killed writer left goes.
    """
    path = folder / result.file_name
    if result.beside is not None:
        beside = canonical(result.beside)
        if not holds(folder / EVIDENCE / result.file_name, beside):
            write_bytes(folder / EVIDENCE / result.file_name, beside)
            sweep(folder / EVIDENCE)
    if not is_absent(path) and _same(path, result):
        return path
    write_bytes(path, canonical(to_json(result)))
    sweep(folder)
    return path


def with_evidence(result: Result, beside: Mapping[str, Any] | None) -> Result:
    """Return a result with what lies behind it, and its digest; as it is where there is nothing."""
    if beside is None:
        return result
    plainly = plain(beside)
    return replace(result, beside=plainly, evidence=hashlib.sha256(canonical(plainly)).hexdigest())


def recarded(result: Result, card: Mapping[str, Any]) -> Result:
    """Return the result with what the card of its entry says now: words and costs, on which no number rests.

    Raises `SubmissionError` where the card now reads its predictions otherwise: those must be scored again.
    """
    differing = [
        f"{key}: {result.entry.get(key)!r} when it was scored, {card.get(key)!r} on the card"
        for key in ("id", "classes", "output", "detections")
        if result.entry.get(key) != card.get(key)
    ]
    if differing:
        raise SubmissionError(
            f"the card reads the predictions on {result.task['name']} otherwise than they were scored",
            differing,
            hint=f"add the predictions, then bench evaluate FOLDER --task {result.task['name']}",
        )
    return replace(result, entry=card)


def parse(content: Mapping[str, Any]) -> Result:
    """Build a result from the content of its file, whose shape must be right.

    Nothing is checked here: `bench.verification.results` reads files.
    """
    scores = {name: _score(score) for name, score in content["scores"].items()}
    kept = {key: value for key, value in content.items() if key not in ("digest", "scores")}
    return Result(scores=scores, **kept)


def how_to_make(path: Path) -> str:
    """Return the command that makes a result file anew."""
    task, _, entry = path.stem.partition("--")
    submission = f"submissions/{entry} --task {task}" if entry else "submissions/ENTRY"
    return f"bench evaluate {submission} (with its predictions), or take {path} away"


def _same(path: Path, result: Result) -> bool:
    """Whether a file holds this result, whatever its provenance; one that cannot be read holds none."""
    try:
        held = read_json(path, BYTES, memory=MEMORY)
    except FileError:
        return False
    without = {"provenance": None}
    return isinstance(held, dict) and canonical(held | without) == canonical(to_json(result) | without)


def _score(data: Mapping[str, Any]) -> Score:
    filled = _numbers(data)
    parts = {name: PartScore(**part) for name, part in filled.pop("per_part").items()}
    filled |= {
        key: {name: (low, high) for name, (low, high) in filled[key].items()}
        for key in ("per_class_interval", "other_intervals")
    }
    left_out = tuple(filled.pop("left_out", ()))
    return Score(per_part=parts, left_out=left_out, **filled)


def plain(value: Any) -> Any:
    """Write what JSON has no number for: NaN (undefined) as null, an infinite error as "inf"."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _numbers(value: Any) -> Any:
    """Read back what `plain` wrote inside a score, where every leaf is a number."""
    if isinstance(value, Mapping):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return math.nan if value is None else float(value)
