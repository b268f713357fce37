"""Writing the card of a submission, and runs of predictions in any form that a user has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import FileError, SubmissionError, UsageError
from bench.files.faults import quoted
from bench.files.strict_toml import parse_toml
from bench.files.writing import write_text
from bench.kinds import kind_of
from bench.submissions.card import CARD, Entry, TaskCard, parse, to_toml
from bench.submissions.faults import listing
from bench.submissions.forms import form_of
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE, Expected
from bench.tasks import Task


def write_predictions(
    folder: Path, task: Task, run: str | int, predictions: Mapping[str, Any], expected: Expected
) -> Path:
    """Write one run of an entry, checked against what the task expects, and return its path.

    Args:
        folder: The entry's folder.
        task: The task that is answered.
        run: The name of the run; a whole number n is the run of seed n, "seed<n>".
        predictions: Part -> recording id -> what can be turned into the form of the task; a task of one part
            may leave out the part.
        expected: Part -> recording id -> its length.

    Raises:
        SubmissionError: every recording, part, shape and value that is not right.
    """
    form, name = form_of(task), run if isinstance(run, str) else f"seed{run}"
    nested = _by_part(task, predictions)
    given = {(part, id_): one for part, of_part in nested.items() for id_, one in of_part.items()}
    lengths = {(part, id_): length for part, of_part in expected.items() for id_, length in of_part.items()}
    content = form.convert(given, lengths, task)
    if problems := listing(content.faults):
        subsets = " and ".join(f"{subset!r}" for subset in kind_of(task).subsets)
        raise SubmissionError(
            f"run {quoted(name)} on task {task.name!r} was not written",
            problems,
            hint=f"answer what bench.load_task({task.name!r}).recordings(SUBSET) yields for {subsets}",
        )
    answers: dict[str, dict[str, Any]] = {part: {} for part in nested}
    for (part, id_), answer in content.answers.items():
        answers[part][id_] = answer
    return form.write(folder, task, name, answers)


def _by_part(task: Task, predictions: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return predictions by part and recording; a task of one part may leave out the part.

    Raises `SubmissionError` where parts are needed and left out.
    """
    parts = [part.name for part in task.parts]
    if predictions and all(isinstance(one, Mapping) for one in predictions.values()):
        return predictions
    if len(parts) > 1 or any(isinstance(one, Mapping) for one in predictions.values()):
        raise SubmissionError(
            f"task {task.name!r}: expected {{part: {{recording: prediction}}}}, parts {', '.join(parts)}",
            [f"{key!r} is {type(one).__name__}" for key, one in list(predictions.items())[:1]],
        )
    return {parts[0]: predictions}


def write_card(folder: Path, entry: Entry, replace: bool = False) -> Path:
    """Write `<folder>/submission.toml` and return its path.

    Raises `SubmissionError` where the card would not be read back, `UsageError` where there is one
    already and `replace` is not set.
    """
    path = folder / CARD
    text = to_toml(entry)
    problems = [] if entry.id == folder.name else [f"id {entry.id!r}, the folder is named {folder.name!r}"]
    problems += [f"task {quoted(name)}: expected {SAFE_NAME_RULE}" for name in _odd(entry.tasks)]
    try:
        problems = problems or listing(parse(entry.id, parse_toml(text))[1])
    except FileError as fault:
        problems = [fault.title]
    if problems:
        raise SubmissionError(f"{path} was not written", problems)
    if path.exists() and not replace:
        raise UsageError(f"{path} exists", hint="edit it by hand")
    write_text(path, text)
    return path


def _odd(names: Mapping[str, TaskCard]) -> list[str]:
    return [name for name in names if not SAFE_NAME.fullmatch(name)]
