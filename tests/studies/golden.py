"""Do all models still give the same bytes? Train each for two epochs, whole and killed, and digest it all.

    python tests/studies/golden.py --write     keep the digests in records/golden.json
    python tests/studies/golden.py             compare with them; exit code 1 where one differs
    python tests/studies/golden.py msgl        the models whose name holds a word; --write leaves the others

Only commands are used, so the same script runs on the code before a change and after it. Recordings are
simulated, under the official ids where a task has frozen ones. Digested are the weights by name, the best
weights, the learning curve without seconds, the scores and the card. The same bytes need the same processor
and the same versions, which the record names.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from bench.cli import cli
from bench.datasets import get_task
from bench.errors import BenchError
from bench.recordings import Recording, Segments, one_hot
from bench.store import pull
from bench.tasks import Dataset

RECORD = Path(__file__).parent / "records" / "golden.json"
PLAIN = "demo-6x120"
CALMS21 = ["single_frame", "fc", "lstm", "self_attention", "conv1d", "conv1d_causal", "conv1d_augmented"]
MSGL = ["msgl", "msgl_as_described", "msgl_without_bam", "msgl_without_msa", "msgl_without_both"]
OTHERS = ["prior", "gbdt", "msgl_lstm", "msgl_bilstm", "msgl_tcn", "msgl_tcn_plain"]
TUNED = ("conv1d_finetuned", "conv1d_finetuned_as_described")
CASES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    **{name: (name, PLAIN, ()) for name in [*OTHERS, *CALMS21, *MSGL]},
    **{
        f"{name} on {task}": (name, task, ()) for name in TUNED for task in ("calms21-task2", "calms21-task3")
    },
    **{f"{name} on bouts": (name, "rat-dyads-bouts", ()) for name in ("prior", "gbdt", "conv1d", "msgl")},
    "msgl with validation recordings": ("msgl_as_described", "rat-dyads", ()),
    "msgl on folds": ("msgl", "ratsi", ()),
    "msgl_lstm on two devices": ("msgl_lstm", PLAIN, ("--devices", "2")),
    "conv1d in bfloat16": ("conv1d", PLAIN, ("--precision", "bf16")),
}
"""Case -> model, task, options."""
EPOCHLESS = ("prior", "gbdt")


class Killer(StringIO):
    """What stands in for stderr: the line that ends epoch number `deadly` of this process kills it."""

    def __init__(self, deadly: int | None) -> None:
        super().__init__()
        self.left = deadly

    def write(self, text: str) -> int:
        """Count the lines of epochs; raise `KeyboardInterrupt` at the deadly one."""
        if self.left is not None and text.startswith("epoch ") and ": loss " in text:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return super().write(text)


def simulated(dataset: Dataset, ids: Sequence[str]) -> Iterator[Recording]:
    """Yield recordings of some 60 frames under the official ids; classes differ by place, some poses lack."""
    classes, shape = len(dataset.classes), (len(dataset.animals), len(dataset.keypoints))
    for number, id_ in enumerate(ids):
        rng, frames = np.random.default_rng(number), 47 + number % 17
        label = np.repeat(rng.integers(0, classes, frames // 6 + 1), 6)[:frames]
        keypoints = rng.normal(150, 9, (frames, *shape, 2)) + 70 * label[:, None, None, None]
        keypoints[rng.random((frames, *shape)) < 0.05] = np.nan
        starts = np.flatnonzero(np.diff(label, prepend=-1))
        bounds = np.column_stack([starts, np.append(starts[1:], frames)]) / dataset.fps
        yield Recording(
            id=id_,
            group=f"group{number % 7}",
            fps=dataset.fps,
            classes=dataset.classes,
            labels=one_hot(label, classes),
            annotated=np.ones(frames, dtype=bool),
            keypoints=keypoints.astype(np.float32),
            segments=Segments(bounds, label[starts], classes) if dataset.name == "ratseizure" else None,
        )


def fill_store() -> None:
    """Put the recordings of all cases into the store."""
    run(["pull", PLAIN], None)
    wanted: dict[str, tuple[Dataset, dict[str, None]]] = {}
    for name in ["calms21-task1", *(task for _, task, _ in CASES.values() if task != PLAIN)]:
        task = get_task(name)
        split = task.load_split()
        ids = [
            i for part in split.parts for subset in ("train", "val", "test") for i in split.ids(part, subset)
        ]
        wanted.setdefault(task.dataset.name, (task.dataset, {}))[1].update(dict.fromkeys(ids))
    for dataset, ids in wanted.values():
        made = simulated(dataset, list(ids))
        pull(replace(dataset, read=lambda _, made=made: made, official=()), Path())


def run(arguments: Sequence[str], deadly: int | None) -> bool:
    """Run a command in this process; return whether it lived to its end."""
    try:
        with redirect_stderr(Killer(deadly)), redirect_stdout(StringIO()):
            cli.main(list(arguments), standalone_mode=False)
    except BenchError as fault:
        if fault.title != "stopped":
            raise
        return False
    return True


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def digests(out: Path, task: str) -> dict[str, Any]:
    """Digest what a training left behind."""
    work = out / ".work" / task
    found: dict[str, Any] = {
        "predictions": {path.name: sha(path.read_bytes()) for path in sorted((out / task).glob("*"))},
        "card": sha((out / "submission.toml").read_bytes()),
    }
    for path in sorted(work.glob("*.csv")):
        rows = list(csv.DictReader(path.open()))
        text = "\n".join(str({k: v for k, v in row.items() if k != "seconds"}) for row in rows)
        found[f"{path.stem} curve"] = sha(text.encode())
    for path in sorted(work.glob("*.pt")):
        found |= states(path, path.stem)
    return found


def states(path: Path, name: str) -> dict[str, Any]:
    """Digest the weights of a checkpoint by name, the kept ones too."""
    from baselines.engine.checkpoints import read

    state, _ = read(path)
    found: dict[str, Any] = {}
    best = state["best"].get("validation_loss", state["best"])  # by the name of what was lowest, or alone
    for which, of in (("model", state["model"]), ("best", best)):
        weights = {
            key: sha(repr(w.shape).encode() + w.contiguous().numpy().tobytes()) for key, w in of.items()
        }
        found[f"{name} {which}"] = weights if name.endswith("-all") else sha(json.dumps(weights).encode())
    memory = {
        key: {what: sha(value.contiguous().numpy().tobytes()) for what, value in kept.items()}
        for key, kept in state["optimiser"]["state"].items()
    }
    found[f"{name} optimiser"] = sha(json.dumps(memory).encode())
    return found


def pretrained() -> list[str]:
    """Digest the states that several parts share, whatever their files are called."""
    folder = Path(os.environ["BENCH_HOME"]) / "pretrained"
    return sorted(sha(json.dumps(states(path, ""), sort_keys=True).encode()) for path in folder.glob("*.pt"))


def trained(case: str, out: Path, deaths: Sequence[int]) -> dict[str, Any]:
    """Train one case, killed at the given epochs of successive processes, then to its end."""
    model, task, options = CASES[case]
    epochs = () if model in EPOCHLESS else ("--epochs", "2")
    shutil.rmtree(Path(os.environ["BENCH_HOME"]) / "pretrained", ignore_errors=True)
    command = ("train", model, "--task", task, "--seed", "3", "--out", str(out), *epochs, *options)
    for deadly in deaths:
        assert not run(command, deadly), f"{case} ended before epoch line {deadly}"
    assert run(command, None)
    return digests(out, task) | {"pretrained": pretrained()}


def measure(words: Sequence[str]) -> dict[str, Any]:
    """Train all cases that hold one of the words; check that a killed one ends like a whole one."""
    found: dict[str, Any] = {}
    for case, (model, _, options) in CASES.items():
        if words and not any(word in case for word in words):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found[case] = whole = trained(case, Path(folder) / "golden", ())
        if model not in EPOCHLESS and "--devices" not in options:
            with tempfile.TemporaryDirectory() as folder:
                killed = trained(case, Path(folder) / "golden", (1, 2, 3) if "finetuned" in case else (1,))
            assert killed == whole, f"{case}: killed and resumed differs in {differing(whole, killed)}"
        print(f"{case}: {time.monotonic() - began:.1f} s", flush=True)
    return found


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def main(arguments: Sequence[str]) -> int:
    """Write the record, or compare with it."""
    sys.modules["matplotlib"] = None  # type: ignore[assignment]  # plots take longer than the training
    words = [word for word in arguments if word != "--write"]
    with tempfile.TemporaryDirectory() as home:
        os.environ["BENCH_HOME"] = home
        fill_store()
        found = measure(words)
    versions = {name: version(name) for name in ("numpy", "torch", "scikit-learn")}
    if "--write" in arguments:
        versions = {**versions, "python": platform.python_version()}
        others = json.loads(RECORD.read_text()) if words else {"versions": versions, "cases": {}}
        if others["versions"] != versions:
            raise SystemExit(f"the record is of {others['versions']}, here are {versions}: write it whole")
        kept = {"versions": versions, "cases": {**others["cases"], **found}}
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        return 0
    kept = json.loads(RECORD.read_text())
    print(f"record: {kept['versions']}; here: {versions}")
    wrong = {case: differing(kept["cases"].get(case, {}), digest) for case, digest in found.items()}
    for case, names in wrong.items():
        print(f"{case}: {'the same' if not names else f'differs in {names}'}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
