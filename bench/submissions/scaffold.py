"""The folder that a newcomer starts from."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UsageError
from bench.files.faults import quoted
from bench.files.writing import make_folder, write_text
from bench.submissions.card import CARD, Entry, TaskCard, to_toml
from bench.submissions.forms import form_of
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
    form = form_of(task)
    blank = TaskCard(
        classes=task.classes, output=None, description=DESCRIPTION, extra_data="none", causal=False
    )
    card = form.declare(blank)
    entry = Entry(name, name, (AUTHOR,), "MIT", {task.name: card})
    page = form.page(name, _shown(name, folder), task)
    comments = {**_COMMENTS, "output": _OUTPUTS[task.exclusive]}
    texts = {folder / CARD: to_toml(entry, comments), folder / "README.md": page}
    if problems := [f"{path} exists" for path in texts if path.exists()]:
        block = to_toml(entry).partition("\n\n")[2].strip().replace("\n", "\n      ")
        raise UsageError(
            f"{folder}: nothing was written over",
            problems,
            hint=f"for another task of the same entry add to {folder / CARD}:\n\n      {block}",
        )
    make_folder(folder, task.name)
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def _shown(name: str, folder: Path) -> str:
    """Return a folder as a page may name it: no path of one machine, and nothing but text."""
    shown = name if folder.is_absolute() else folder.as_posix()
    return shown if shown.isprintable() else name
