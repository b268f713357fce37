"""Which runs may lie in one folder: the mean over runs of an entry means nothing where they are not alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from baselines.contract import Baseline
from baselines.dependencies import Inputs, differences
from baselines.runs import records
from bench.errors import DataError, UsageError, first
from bench.files.writing import write_text
from bench.submissions import read_entry


def merged(of_parts: Iterable[Inputs]) -> dict[str, Any]:
    """Return what a whole run depends on: of its parts, what is named by the question is put together."""
    whole: dict[str, Any] = {}
    for inputs in of_parts:
        for name, value in inputs.items():
            both = isinstance(value, dict) and isinstance(whole.get(name), dict)
            whole[name] = {**whole[name], **value} if both else value
    return whole


def check_inputs(folder: Path, inputs: Inputs, predictions: Path) -> None:
    """Raise `DataError` for a run that is trained otherwise than those whose work is in a folder.

    `predictions` is the folder of the submission that they are written into.
    """
    shared = folder / "inputs.json"
    there = [records.read(shared)] if shared.is_file() else []
    there += [
        records.read(path).get("inputs", {}) for path in sorted(folder.glob("seed*.json")) if _whole(path)
    ]
    for earlier in there:
        if differing := differences(earlier, inputs):
            raise DataError(
                f"{folder} holds runs that were trained otherwise",
                differing,
                hint=_anew(folder, predictions),
            )


def check_model(baseline: Baseline, task: str, out: Path) -> None:
    """Raise `UsageError` where `out` is the entry of somebody else, or of another baseline.

    Its card would call one by the name of the other. Where the baseline was trained before, a card may have
    another name.
    """
    trained = {records.read(path).get("baseline") for path in out.glob(".work/*/inputs.json")}
    if (out / "submission.toml").exists() and baseline.name not in trained:
        name = read_entry(out).name
        if trained or name != baseline.title:
            raise UsageError(
                f"{out} is the entry {name!r}, and {baseline.name!r} is another model",
                hint=f"bench train {baseline.name} --task {task} --out FOLDER",
            )


def refuse_strangers(work: Path, inputs: Inputs, endings: Sequence[str], new: Sequence[Path]) -> None:
    """Raise `DataError` for predictions beside the new ones that no record in `work` describes.

    Trained how, nobody knows. Those that will be written anew may be there.
    """
    folder = new[0].parent
    strangers = [
        path
        for path in sorted(folder.glob("*"))
        if path.suffix in endings and not path.name.startswith(".") and path not in new
        if not records.is_finished(work, path, inputs)
    ]
    if strangers:
        raise DataError(
            f"{folder} holds runs of which {work} does not say how they were trained",
            first([f"{path.name}: no record, or not the file that was recorded" for path in strangers]),
            hint=_anew(folder),
        )


def remember(folder: Path, inputs: Inputs) -> None:
    """Write down what the runs of this folder are trained on."""
    records.write(folder / "inputs.json", inputs)
    write_text(folder / ".gitignore", "*\n")


def _whole(record: Path) -> bool:
    """Whether it is the record of a run, and not of one part of it."""
    return record.stem.removeprefix("seed").isdecimal()


def _anew(*folders: Path) -> str:
    """Say what to type where runs would mix."""
    places = " ".join(map(str, folders))
    return f"the same command with --out FOLDER trains elsewhere; to train anew here, rm -r {places} first"
