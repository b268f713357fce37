"""Writing the card of a submission; `bench.submissions.forms` writes its runs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from bench.errors import SubmissionError, UsageError
from bench.files.writing import write_text
from bench.submissions.card import CARD, Entry, TaskCard, parse, to_toml
from bench.submissions.faults import listing, quoted
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE


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
    write_text(path, text)
    return path


def _odd(names: Mapping[str, TaskCard]) -> list[str]:
    return [name for name in names if not SAFE_NAME.fullmatch(name)]
