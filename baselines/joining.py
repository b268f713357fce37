"""Which runs may lie in one folder: the mean over runs of an entry means nothing where they are not alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from baselines import records
from baselines.runs import Inputs, Run, differences
from bench.errors import DataError, first


def check_inputs(run: Run, inputs: Inputs, out: Path) -> None:
    """Raise `DataError` for a run that is trained otherwise than those whose work is in its folder."""
    path = run.folder / "inputs.json"
    if not path.is_file():
        return
    found = json.loads(path.read_bytes())
    if differing := differences(found, inputs):
        raise DataError(
            f"{run.folder} holds runs that were trained otherwise",
            differing,
            hint=_anew(run, run.folder, out / run.task.name),
        )


def refuse_strangers(run: Run, inputs: Inputs, endings: Sequence[str], new: Sequence[Path]) -> None:
    """Raise `DataError` for predictions beside the new ones that no record describes.

    Trained how, nobody knows. Those that will be written anew may be there.
    """
    folder = new[0].parent
    strangers = [
        path
        for path in sorted(folder.glob("*"))
        if path.suffix in endings and not path.name.startswith(".") and path not in new
        if not records.is_finished(run.folder, path, inputs)
    ]
    if strangers:
        raise DataError(
            f"{folder} holds runs of which {run.folder} does not say how they were trained",
            first([f"{path.name}: no record, or not the file that was recorded" for path in strangers]),
            hint=_anew(run, folder),
        )


def remember(folder: Path, inputs: Inputs) -> None:
    """Write down what the runs of this folder are trained on."""
    records.write(folder / "inputs.json", inputs)
    (folder / ".gitignore").write_text("*\n")


def _anew(run: Run, *folders: Path) -> str:
    """Say what to type where runs would mix."""
    command = f"bench train {run.baseline.name} --task {run.task.name} --out FOLDER"
    return f"{command} trains elsewhere; to train anew here, rm -r {' '.join(map(str, folders))} first"
