"""The folder that a newcomer starts from."""

from __future__ import annotations

import json
from pathlib import Path

from bench.about import TITLE
from bench.errors import UsageError
from bench.files.writing import write_text
from bench.metrics import softnms
from bench.submissions.card import CARD, Entry, TaskCard, to_toml
from bench.submissions.detections import MOST
from bench.submissions.faults import quoted
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.tasks import Task

_COMMENTS = {
    "licence": "of your code",
    "extra_data": "what it has seen beside the training recordings",
    "causal": "true where no frame's scores depend on later frames",
    "detections": 'to be put through the frozen Soft-NMS; or "final": scored as they are',
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
_TEMPLATE = """# {id}, an entry for {title}

Fill in `submission.toml`, then write one run per seed: float32 scores of every frame of every test
recording of task `{task}`, its columns in the order {classes}.
{label_rule}

```python
from pathlib import Path
from bench import datasets, store, submissions

task = datasets.get_task("{task}")
split = task.load_split()
tests = {{part: store.load(task.dataset, split.ids(part, "test"), poses={poses}) for part in split.parts}}
scores = {{part: {{r.id: my_model(r) for r in recordings}} for part, recordings in tests.items()}}
submissions.write_run(Path("{path}"), "{task}", "seed0", scores)
```

`my_model(recording)` returns a float32 array (frames, {width}). {sees}
Without this package, save the same arrays with
`numpy.savez("{path}/{task}/seed0.npz", **{{"{part}/{recording}": scores, ...}})`.

Then: `bench validate {path}` and `bench evaluate {path}`.
"""
_DETECTIONS = """# {id}, an entry for {title}

Fill in `submission.toml`, then write one run per seed: for every test recording of task `{task}` the segments
that your model found, in seconds from the start of the recording, each with a label and a score (any number,
higher = surer; raw ones not below 0). Labels: {classes}.
A recording in which nothing was found has an empty list; {most:,} detections of one are the most.

`detections = "raw"` in the card: the same Soft-NMS for all (Gaussian, sigma {sigma}, at most {kept} segments,
scores from {least} on) is applied before they are scored. `"final"`: they are scored as they are.

```python
from pathlib import Path
from bench import datasets, store, submissions
from bench.recordings import Detections

task = datasets.get_task("{task}")
split = task.load_split()
tests = {{part: store.load(task.dataset, split.ids(part, "test"), poses={poses}) for part in split.parts}}
found = {{part: {{r.id: my_model(r) for r in recordings}} for part, recordings in tests.items()}}
submissions.write_detections(Path("{path}"), task, "seed0", found)
```

`my_model(recording)` returns `Detections(bounds, labels, scores)`: float (N, 2), int (N,) counting the labels
above from 0, float (N,). {sees}
Without this package, write `{path}/{task}/seed0.json`, the recordings by their ids or, where each group is
one recording, by their groups:

    {example}

Then: `bench validate {path}` and `bench evaluate {path}`.
"""


AUTHOR = "Your name"
DESCRIPTION = "What the model is, in one line"


def unfilled(entry: Entry) -> list[str]:
    """Return what a card still says as `scaffold` wrote it: a page would show it to everybody."""
    described = [task.description for task in entry.tasks.values()]
    return [text for text in (AUTHOR, DESCRIPTION) if text in (*entry.authors, *described)]


def scaffold(folder: Path, task: Task) -> list[Path]:
    """Start a submission: a card to fill in and a page that shows how to write what it predicts.

    Returns what was written. Raises `UsageError` where a file of that name exists.
    """
    name = folder.name
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(f"folder name {quoted(name)}: expected {SAFE_NAME_RULE}")
    frames = task.kind == "frames"
    card = TaskCard(
        classes=task.classes,
        output="probabilities" if frames else None,
        description=DESCRIPTION,
        extra_data="none",
        causal=False,
        detections=None if frames else "raw",
    )
    entry = Entry(name, name, (AUTHOR,), "MIT", {task.name: card})
    page = (_frames_page if frames else _detections_page)(name, folder, task)
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
        write_text(path, text)
    return list(texts)


def _frames_page(name: str, folder: Path, task: Task) -> str:
    split = task.load_split()
    part = next(iter(split.parts))
    return _TEMPLATE.format(
        title=TITLE,
        id=name,
        path=_shown(name, folder),
        task=task.name,
        classes=", ".join(task.classes),
        **_poses(task),
        label_rule=_LABEL_RULES[task.exclusive],
        width=len(task.classes),
        part=part,
        recording=split.ids(part, "test")[0],
    )


def _detections_page(name: str, folder: Path, task: Task) -> str:
    split = task.load_split()
    part = next(iter(split.parts))
    rows = [{"segment": [1.5, 4.0], "label": task.classes[0], "score": 0.9}]
    results = {split.ids(part, "test")[0]: rows}
    content = {"results": results} if len(task.parts) == 1 else {"parts": {part: results}}
    return _DETECTIONS.format(
        title=TITLE,
        id=name,
        path=_shown(name, folder),
        task=task.name,
        classes=", ".join(task.classes),
        **_poses(task),
        most=MOST,
        sigma=softnms.SIGMA,
        kept=softnms.MOST,
        least=softnms.MIN_SCORE,
        example=json.dumps(content, ensure_ascii=False),
    )


def _poses(task: Task) -> dict[str, object]:
    """Return whether the recordings have poses, and what a model sees of them, in words."""
    if not task.dataset.keypoints:
        return {"poses": False, "sees": "The recordings have no poses: it looks at what you have of them."}
    shape = "(frames, animals, keypoints, 2)"
    return {"poses": True, "sees": f"`recording.keypoints` is {shape} in pixels, at `recording.fps`."}


def _shown(name: str, folder: Path) -> str:
    return name if folder.is_absolute() else folder.as_posix()  # no machine's paths on a page
