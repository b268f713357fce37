"""Score a folder of predictions, compare two of them, take over a card: `bench evaluate` from Python.

    evaluate("submissions/mymodel", "rat-dyads")[0].scores["f1"].value

Everything that is wrong with a submission is raised before anything is scored.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bench import evaluation, results, store
from bench.about import NAME
from bench.access import TaskData
from bench.closure import metric_code
from bench.datasets import get_task
from bench.display import between, number, p_value
from bench.errors import DataError, UsageError, nearest
from bench.evaluation.compare import Difference
from bench.evaluation.compare import compare as differences
from bench.evaluation.compare import compare_results as differences_of_results
from bench.evidence import evidence
from bench.files.locking import locked
from bench.files.opening import is_absent
from bench.kinds import ids_to_answer, kind_of
from bench.recordings import Recording
from bench.results import Result
from bench.submissions import (
    Entry,
    Expected,
    Predictions,
    TaskCard,
    entry_card,
    form_of,
    predictions_digest,
    read_entry,
    read_tasks,
    write_predictions,
)
from bench.submissions.card import CARD
from bench.tasks import Task
from bench.verification.results import read_result, reference_results, replaced_result

RESULTS = Path("leaderboard/results")
"""Where results lie unless another folder is named."""
_LOCK = ".lock"


@dataclass(frozen=True, eq=False)
class Submitted:
    """What a submission answers one task: checked predictions, and the recordings that they are of."""

    task: Task
    entry: Entry
    predictions: Predictions
    recordings: Mapping[str, Recording]
    """Those that it answers, by id, without poses."""
    same_runs: Mapping[str, str] = field(default_factory=dict)
    """Run -> the earlier one whose predictions it repeats: two of the same bytes count as one."""

    @property
    def card(self) -> TaskCard:
        """What the entry declares for this task."""
        return self.entry.tasks[self.task.name]

    @property
    def digest(self) -> str:
        """The SHA-256 of the predictions that count, as the result holds it."""
        return predictions_digest(kind_of(self.task), self.predictions)

    @property
    def side(self) -> Side:
        """The entry as comparisons name it."""
        card = self.card
        return Side(self.entry.id, _title(self.entry.name, card.remark, card.detections))

    @property
    def doubts(self) -> list[str]:
        """What a user should look at again, run by run."""
        return [
            f"{run}: {doubt}"
            for run, parts in self.predictions.items()
            for doubt in form_of(self.task).doubts(
                [(self.recordings[id_], one) for by_id in parts.values() for id_, one in by_id.items()]
            )
        ]

    @property
    def summary(self) -> str:
        """What was predicted beside frames, in words that follow the number of recordings; may be empty."""
        return form_of(self.task).summary(self.predictions, self.card)


@dataclass(frozen=True)
class Side:
    """One of two entries that are compared."""

    id: str
    title: str
    """Its name with its remark, and whether its detections are raw or final."""


@dataclass(frozen=True)
class Comparison:
    """Two entries on one task, FIRST minus SECOND."""

    task: Task
    first: Side
    second: Side
    differences: Sequence[Difference]
    """One per metric of the task; of two results, per metric that follows from the counts in them."""
    changed: Sequence[Mapping[str, str]]
    """What `bench pull --accept-changed` took as the data; empty: all as declared."""
    source: Literal["predictions", "results"] = "predictions"
    """What was compared: the predictions of both, or their result files alone."""

    def __repr__(self) -> str:
        """Name both and give the difference in the metric that ranks."""
        titles = {metric.name: metric.title for metric in self.task.metrics}
        row = self.differences[0]
        words = f"{titles[row.metric]} {number(row.difference)} ({between(row.low, row.high)})"
        names = f"{self.first.id} minus {self.second.id} on {self.task.name}"
        return f"<comparison {names}: {words}, p {p_value(row.p_value)}>"


def read_submission(path: str | Path, task: str | None = None) -> list[Submitted]:
    """Read and check every task of a submission, or the one task of that name, against the stored recordings.

    Raises `SubmissionError` that lists every fault of the card and the files, `UsageError` for an unknown
    task and `DataError` where the recordings are not imported.
    """
    stored: dict[str, dict[str, Recording]] = {}

    def expect(task: Task) -> Expected:
        stored[task.name] = recordings_to_answer(task)
        return lengths(task, stored[task.name])

    def called(task: Task) -> dict[str, str]:
        return _names_of_groups(stored[task.name])

    entry, read = read_tasks(Path(path), get_task, expect, only=task, called=called)
    return [_submitted(get_task(name), entry, runs, stored[name]) for name, runs in read.items()]


def _submitted(
    task: Task, entry: Entry, predictions: Predictions, recordings: Mapping[str, Recording]
) -> Submitted:
    """Return what an entry answers, with one run of those whose predictions are the same."""
    first: dict[str, str] = {}
    same: dict[str, str] = {}
    for run, parts in sorted(predictions.items()):
        digest = predictions_digest(kind_of(task), {"": parts})
        if first.setdefault(digest, run) != run:
            same[run] = first[digest]
    kept = {run: parts for run, parts in predictions.items() if run not in same}
    return Submitted(task, entry, kept, recordings, same)


def recordings_to_answer(task: Task) -> dict[str, Recording]:
    """Return the recordings that an entry answers, of all parts, by id, without poses, from the store.

    They are the test recordings; where clusters are asked for, the training recordings too.

    Raises `DataError` where one is not there, or is not the one that the split froze.
    """
    split = task.load_split()
    ids = dict.fromkeys(id_ for part in split.parts for id_ in ids_to_answer(task, split, part))
    stored = {recording.id: recording for recording in store.load(task.dataset, list(ids), poses=False)}
    store.require_frozen(task, stored)
    return stored


def lengths(task: Task, recordings: Mapping[str, Recording]) -> Expected:
    """Return how long an answer of each part and recording must be, in frames or seconds."""
    split, length = task.load_split(), kind_of(task).length
    ids = {part: ids_to_answer(task, split, part) for part in split.parts}
    return {part: {id_: length(recordings[id_]) for id_ in own} for part, own in ids.items()}


def write_run(path: str | Path, task: str | TaskData, run: str | int, predictions: Mapping[str, Any]) -> Path:
    """Write the predictions of one run into the folder of an entry, checked; return the path of the file.

    Args:
        path: The entry's folder, as in "submissions/mymodel".
        task: The task's name, or what `bench.load_task` returns.
        run: The run's name; a whole number n is the run of seed n, "seed<n>".
        predictions: Part -> recording id -> prediction; a task of one part may leave out the part. A
            prediction holds the scores of every frame in the order of `task.classes`, (frames, classes): an
            array, nested lists, a torch tensor, or a pandas table, whose columns go by name. Scores become
            float32. Where segments are asked for it is `Detections`, or a list of rows as
            {"segment": [start, end], "label": class, "score": number}, in seconds. Where clusters are asked
            for it is one whole number per frame, of training and test recordings.

    Raises:
        SubmissionError: every recording, part, shape and value that is not right; nothing is written then.
        DataError: the recordings are not imported.

    >>> write_run("submissions/mymodel", "demo", 0, {"mouse001": scores})  # doctest: +SKIP
    PosixPath('submissions/mymodel/demo/seed0.npz')
    """
    question = get_task(task) if isinstance(task, str) else task.task
    expected = lengths(question, recordings_to_answer(question))
    return write_predictions(Path(path), question, run, predictions, expected)


def evaluate(path: str | Path, task: str | None = None) -> list[Result]:
    """Score every task of a submission, or the one task of that name; write nothing.

    Raises what `read_submission` raises.
    """
    return [score(submitted) for submitted in read_submission(path, task)]


def score(submitted: Submitted) -> Result:
    """Score the runs of one task; the result also says what was changed in its data, with its evidence."""
    task = submitted.task
    card = entry_card(submitted.entry, task.name)
    result = evaluation.evaluate(task, card, submitted.predictions, submitted.recordings)
    behind = evidence(task, card, submitted.predictions, submitted.recordings)
    result = results.with_evidence(result, behind)
    return replace(result, changed=_changed(task), provenance=_provenance(), metrics_code=metric_code())


def write_results(
    path: Path, scored: Sequence[Result], folder: Path, *, replace: bool = False
) -> tuple[list[str], list[Path]]:
    """Write the results of the entry in `path` into a folder; return notes of what goes, and the files.

    Nobody writes there between the check and the writing: of two entries of one name, the second sees the
    first. Raises `UsageError`, before anything is written, where a result of another entry would be replaced
    without `replace`, and `OSError` where the folder is a link.
    """
    with locked(folder / _LOCK):
        notes = [replaced_result(path, result, folder, replace=replace) for result in scored]
        return notes, [results.write(result, folder) for result in scored]


def compare(first: str | Path, second: str | Path, task: str, folder: str | Path = RESULTS) -> Comparison:
    """Compare two submissions on one task: every metric of the first minus the second, with interval and p.

    Where the predictions of one are not at hand, the results of both in `folder` serve, as
    `compare_results` says. Raises what `read_submission` and `compare_results` raise.
    """
    found = compare_results(first, second, task, folder)
    if found is not None:
        return found
    (one,), (other,) = (read_submission(path, task) for path in (first, second))
    return compare_submitted(one, other)


def compare_results(
    first: str | Path, second: str | Path, task: str, folder: str | Path = RESULTS
) -> Comparison | None:
    """Compare two entries by their result files in a folder, on the metrics that follow from their counts.

    An entry without a result there may be one whose result ships.
    None where the predictions of both are at hand, or a folder is no entry: then the submissions are to be
    read. Raises `DataError` where there are neither the predictions of both nor the results of both, where a
    result is not as it should be, or does not count its recordings.
    """
    paths = [Path(first), Path(second)]
    files = [_result_file(Path(folder), f"{task}--{path.name}.json") for path in paths]
    absent = [path for path, file in zip(paths, files, strict=True) if is_absent(file)]
    no_entry = [path for path in absent if not (path / CARD).is_file()]
    if all((path / task).exists() for path in paths) or no_entry:
        return None
    if absent:
        raise _not_at_hand(paths, files, task)
    one, other = (read_result(file) for file in files)
    question = get_task(task)
    rows = differences_of_results(question, one, other)
    changed = {change["name"]: change for result in (one, other) for change in result.changed}
    return Comparison(question, _side(one), _side(other), rows, list(changed.values()), "results")


def _result_file(folder: Path, name: str) -> Path:
    """Return the result of that name in a folder; where there is none, the one that ships, if any does."""
    shipped = reference_results() / name
    return shipped if is_absent(folder / name) and shipped.is_file() else folder / name


def _not_at_hand(paths: Sequence[Path], files: Sequence[Path], task: str) -> DataError:
    """Say what is missing to compare two entries, and which commands make it."""
    missing, commands = [], []
    for path, file in zip(paths, files, strict=True):
        has_predictions, has_result = (path / task).exists(), not is_absent(file)
        missing += [] if has_predictions else [f"{path / task} is not there: the predictions of {path.name}"]
        missing += [] if has_result else [f"{file} is not there: the result of {path.name}"]
        if has_predictions and not has_result:
            commands.append(f"bench evaluate {path} --task {task}")
        elif not has_result:
            train = f"bench train {path.name} --task {task} --out {path}"
            commands.append(f"{train}, where it is one of bench models; else its authors have {path / task}")
    return DataError(
        f"these two cannot be compared on {task}: the predictions of both are needed, or the results of both",
        missing,
        hint="; ".join(dict.fromkeys(commands)),
    )


def _side(result: Result) -> Side:
    entry = result.entry
    return Side(entry["id"], _title(entry["name"], entry.get("remark"), entry.get("detections")))


def _title(name: str, remark: str | None, detections: str | None) -> str:
    words = ", ".join(filter(None, (remark, detections)))
    return f"{name} ({words})" if words else name


def compare_submitted(first: Submitted, second: Submitted) -> Comparison:
    """Compare two submissions on the test recordings of the task that both answer."""
    rows = differences(
        first.task,
        first.predictions,
        second.predictions,
        first.recordings,
        forms=(first.card.detections, second.card.detections),
    )
    return Comparison(first.task, first.side, second.side, rows, _changed(first.task))


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values; "changed" where data were, "source" where it is results."""
    content = {
        "task": comparison.task.name,
        "first": comparison.first.id,
        "second": comparison.second.id,
        "metrics": [asdict(row) for row in comparison.differences],
        **({"changed": list(comparison.changed)} if comparison.changed else {}),
        **({"source": comparison.source} if comparison.source == "results" else {}),
    }
    return dict(results.plain(content))


def take_over_card(path: str | Path, task: str | None, folder: Path) -> list[Result]:
    """Return the results of an entry that lie in a folder, with what its card says now.

    Raises `UsageError` for a task that the card does not answer, where there is no result, and where
    predictions are at hand: they may be others than those that were scored. Raises `DataError` where a result
    is not as it should be.
    """
    path = Path(path)
    entry = read_entry(path)
    scored = _scored(path, entry, task, folder)
    for name in scored:
        if (path / name).exists():
            raise UsageError(
                f"{path / name} holds predictions, which may be others than those scored: score them",
                hint=f"bench evaluate {path} --task {name}",
            )
    return [results.recarded(read_result(file), entry_card(entry, name)) for name, file in scored.items()]


def _scored(path: Path, entry: Entry, task: str | None, folder: Path) -> dict[str, Path]:
    """Return the result files of an entry by task, of one or of all."""
    if task and task not in entry.tasks:
        raise UsageError(
            f"{path} answers no task {task!r}{nearest(task, sorted(entry.tasks))}",
            hint=f"one of {', '.join(sorted(entry.tasks))}",
        )
    names = [name for name in sorted(entry.tasks) if task in (None, name)]
    files = {name: folder / f"{name}--{entry.id}.json" for name in names}
    scored = {name: file for name, file in files.items() if not is_absent(file)}
    if not scored:
        raise UsageError(
            f"{path} has no result to put its card into",
            [f"{file} is not there" for file in files.values()],
            hint=f"bench evaluate {path} --task {names[0]}",
        )
    return scored


def _names_of_groups(recordings: Mapping[str, Recording]) -> dict[str, str]:
    """Return group -> recording id where each group is one recording, as of RatSeizure's clips."""
    groups = {recording.group: id_ for id_, recording in recordings.items()}
    return groups if len(groups) == len(recordings) and groups.keys().isdisjoint(recordings) else {}


def _changed(task: Task) -> list[dict[str, str]]:
    return [asdict(change) for change in store.manifest(task.dataset).changed]


def _provenance() -> dict[str, Any]:
    return {
        NAME: version(NAME),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "scored": datetime.now(UTC).isoformat(timespec="seconds"),
    }
