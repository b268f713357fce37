"""Writing submissions: runs, cards, and the folder that a newcomer starts from."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bench.errors import SubmissionError, UsageError
from bench.recordings import RECORDING_ID
from bench.submissions.card import CARD, Entry, TaskCard, parse, to_toml
from bench.submissions.faults import Fault, listing, quoted
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.tasks import Task

_COMMENTS = {
    "licence": "of your code",
    "extra_data": "what it has seen beside the training recordings",
    "causal": "true where no frame's scores depend on later frames",
}
_OUTPUTS = {
    True: 'or "scores": any real numbers, larger = more likely',
    False: "each in [0, 1], a row need not sum to one: for scores apply a sigmoid",
}
"""By whether the classes of the task exclude each other."""
_LABEL_RULES = {
    True: "A frame's label is the class of the highest score, of equals the first class.",
    False: "Classes may hold together: a frame's labels are every class whose probability is at least 0.5.",
}
_TEMPLATE = """# {id}, an entry for rodent-bench

Fill in `submission.toml`, then write one run per seed: float32 scores of every frame of every test
recording of task `{task}`, its columns in the order {classes}.
{label_rule}

```python
from pathlib import Path
from bench import datasets, store, submissions

task = datasets.get_task("{task}")
split = task.load_split()
tests = {{part: store.load(task.dataset, split.ids(part, "test"), poses=True) for part in split.parts}}
scores = {{part: {{r.id: my_model(r) for r in recordings}} for part, recordings in tests.items()}}
submissions.write_run(Path("{path}"), "{task}", "seed0", scores)
```

`my_model(recording)` returns a float32 array (frames, {width}); `recording.keypoints` is
(frames, animals, keypoints, 2) in pixels. Without this package, save the same arrays with
`numpy.savez("{path}/{task}/seed0.npz", **{{"{part}/{recording}": scores, ...}})`.

Then: `bench validate {path}` and `bench evaluate {path}`.
"""


def write_run(folder: Path, task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Write `<folder>/<task>/<run>.npz` in one step and return its path.

    `scores` is part -> recording id -> float32 (frames, classes). The same scores give the same
    bytes. Raises `SubmissionError` listing every name, type and shape that is not right.
    """
    path = folder / task_name / f"{run}.npz"
    if problems := listing(_run_faults(task_name, run, scores)):
        raise SubmissionError(f"{path} was not written", problems)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(temporary, "w") as archive:
        for part, recordings in sorted(scores.items()):
            for id_, array in sorted(recordings.items()):
                member = zipfile.ZipInfo(f"{part}/{id_}.npy")  # dated 1980: no clock in the bytes
                with archive.open(member, "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    temporary.replace(path)
    return path


def write_card(folder: Path, entry: Entry, replace: bool = False) -> Path:
    """Write `<folder>/submission.toml` and return its path.

    Raises `SubmissionError` where the card would not be read back, `UsageError` where there is one
    already and `replace` is not set.
    """
    path = folder / CARD
    text = to_toml(entry)
    problems = [] if entry.id == folder.name else [f"id {entry.id!r}, the folder is named {folder.name!r}"]
    problems += [f"task {quoted(name)}: expected {SAFE_NAME_RULE}" for name in _odd(entry.tasks)]
    if not problems:
        problems = listing(parse(entry.id, tomllib.loads(text))[1])
    if problems:
        raise SubmissionError(f"{path} was not written", problems)
    if path.exists() and not replace:
        raise UsageError(f"{path} exists", hint="edit it by hand")
    folder.mkdir(parents=True, exist_ok=True)
    _write_text(path, text)
    return path


def scaffold(folder: Path, task: Task) -> list[Path]:
    """Start a submission: a card to fill in and a page that shows how to write its arrays.

    Returns what was written. Raises `UsageError` where a file of that name exists.
    """
    name = folder.name
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(f"folder name {quoted(name)}: expected {SAFE_NAME_RULE}")
    card = TaskCard(task.classes, "probabilities", "What the model is, in one line", "none", causal=False)
    entry = Entry(name, name, ("Your name",), "MIT", {task.name: card})
    split = task.load_split()
    part = next(iter(split.parts))
    page = _TEMPLATE.format(
        id=name,
        path=name if folder.is_absolute() else folder.as_posix(),  # no machine's paths on a page
        task=task.name,
        classes=", ".join(task.classes),
        label_rule=_LABEL_RULES[task.exclusive],
        width=len(task.classes),
        part=part,
        recording=split.ids(part, "test")[0],
    )
    comments = {**_COMMENTS, "output": _OUTPUTS[task.exclusive]}
    texts = {folder / CARD: to_toml(entry, comments), folder / "README.md": page}
    if there := [f"{path} exists" for path in texts if path.exists()]:
        block = to_toml(entry).partition("\n\n")[2].strip().replace("\n", "\n      ")
        raise UsageError(
            f"{folder}: nothing was written over",
            there,
            hint=f"for another task of the same entry add to {folder / CARD}:\n\n      {block}",
        )
    (folder / task.name).mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        _write_text(path, text)
    return list(texts)


def _run_faults(task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[Fault]:
    for what, name in (("task", task_name), ("run", run), *(("part", part) for part in scores)):
        if not SAFE_NAME.fullmatch(name):
            yield Fault("names", f"{what} {quoted(name)}: expected {SAFE_NAME_RULE}")
    widths: dict[int, str] = {}
    for part, recordings in scores.items():
        for id_, array in recordings.items():
            place = f"{part}/{id_}"
            if not RECORDING_ID.fullmatch(id_):
                yield Fault("names", f"recording {quoted(id_)}: expected {SAFE_NAME_RULE}")
            if array.dtype != np.dtype("<f4"):
                yield Fault("types", f"{place}: {array.dtype}, expected float32: scores.astype('<f4')")
            if array.ndim != 2 or not array.size:
                yield Fault("shapes", f"{place}: shape {array.shape}, expected (frames, classes)")
            else:
                widths.setdefault(array.shape[1], place)
    if not any(scores.values()):
        yield Fault("recordings", "no recording")
    if len(widths) > 1:
        said = ", ".join(f"{width} in {place}" for width, place in widths.items())
        yield Fault("columns", f"arrays of different numbers of classes: {said}")


def _odd(names: Mapping[str, TaskCard]) -> list[str]:
    return [name for name in names if not SAFE_NAME.fullmatch(name)]


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
