"""The result that already lies where a new one would be written: whose it is."""

from __future__ import annotations

from pathlib import Path

from bench.errors import DataError, UsageError
from bench.files.opening import is_absent
from bench.results import Result
from bench.submissions import CARD, HOME
from bench.verification.results.reading import read_result


def replaced_result(path: Path, result: Result, folder: Path, *, replace: bool = False) -> str:
    """Say which result a new one would replace; empty where there is none, or one of the same predictions.

    `path` is the folder of the entry. Raises `UsageError` where the result that lies in `folder` is that of
    another entry, unless `replace` is set: one that lies elsewhere under the same name while an entry lies
    where entries do, or one of another name by other authors.
    """
    file = folder / result.file_name
    if is_absent(file):
        return ""
    try:
        held = read_result(file)
    except DataError as fault:
        return f"note: {file} was no sound result, and is replaced: {fault.problems[0]}"
    if not replace and (why := _of_another(path, result, held, folder)):
        raise UsageError(
            f"{file} is the result of another entry {result.entry['id']!r}: nothing was written",
            [why],
            hint="rename the folder of this one, name another folder with --results, or add --replace",
        )
    if held.predictions_digest == result.predictions_digest:
        return ""
    return f"note: {file} held the result of other predictions, and is replaced"


def _of_another(path: Path, result: Result, held: Result, folder: Path) -> str:
    """Say why a result is held to be that of another entry; empty where it is not."""
    places = [place / path.resolve().name for place in (HOME, folder.parent.parent / HOME)]
    homes = [place for place in places if (place / CARD).is_file()]
    if homes and path.resolve() not in [place.resolve() for place in homes]:
        return f"that entry lies in {homes[0]}, this one in {path}"
    names = [f"{one.entry['name']!r} by {', '.join(one.entry['authors'])}" for one in (held, result)]
    same = held.entry["name"] == result.entry["name"] or held.entry["authors"] == result.entry["authors"]
    return "" if same else f"that one is {names[0]}, this one {names[1]}"
