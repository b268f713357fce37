"""Speed of training by index gather, against a plain DataLoader over windows that were cut beforehand.

    python tests/perf/gather.py [--device cuda] [--frames N] [--switches off graphs] [--save NAME]

Made up: recordings of the number of frames of CalMS21 Task 1, random poses, four classes. Both sides train
the same network, `msgl`, on the same windows: 35 poses, stride 1, batches of 32, shuffled, Adam, class
weights and smoothed labels. Theirs is what the code of papers does: all windows in one array, a `Dataset`
that returns one of them, a `DataLoader` with its defaults, `loss.item()` in every step. Measured, each in a
process of its own:

- an epoch of the data alone, without a network;
- an epoch of training, the last of `--epochs`, so that on a GPU the recording of graphs is not in it;
- peak memory: of the process, over what it held before any window (CPU), or of the device (GPU);
- as many seeds side by side as `--seeds` says, against one alone;
- the scores of as many frames as the test recordings of Task 1 have.

A switch set is `off` or a sum such as `bf16+compiled+graphs`. `--save NAME` writes
tests/perf/records/NAME.json: command, commit, versions, hardware, load and figures.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from jaxtyping import Float32, Int64
from tabulate import tabulate
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from baselines.contract import Question
from baselines.engine import window_training
from baselines.engine.losses import class_weights
from baselines.engine.window_prediction import WindowPredictor
from baselines.inputs.windows import Examples, inside, windows
from baselines.models import get_baseline
from baselines.models.msgl import MSGL
from baselines.switches import OFF, Switches
from bench.recordings import Recording, Skeleton

TRAIN, TEST, RECORDINGS = 507_738, 262_107, 70
"""Of CalMS21 Task 1."""
FEATURES, CLASSES = 28, 4
RECIPE = replace(get_baseline("msgl").recipe, validation="none", plateau=None, patience=None)
BUILD = partial(MSGL, FEATURES, RECIPE.window, CLASSES)
ASKED = Question("calms21-task1/all", tuple("abcd"), "frames", exclusive=True)
SKELETON = Skeleton(("resident", "intruder"), tuple("abcdefg"), (), (1, 1))


@dataclass(frozen=True)
class Measured:
    """One side."""

    data_seconds: float
    """An epoch of batches, without a network."""
    epoch_seconds: float
    peak_mib: float
    loss: float
    """Of the last epoch: both sides learn."""


def recordings(frames: int) -> tuple[list[Float32[np.ndarray, "_ F"]], list[Int64[np.ndarray, " _"]]]:
    """Draw poses, and classes that they tell."""
    rng = np.random.default_rng(0)
    lengths = [len(part) for part in np.array_split(np.arange(frames), min(RECORDINGS, frames // 100))]
    labels = [np.repeat(rng.integers(0, CLASSES, n // 60 + 1), 60)[:n] for n in lengths]
    shape = rng.normal(0, 1, (CLASSES, FEATURES))
    return [(shape[y] + rng.normal(0, 2, (len(y), FEATURES))).astype(np.float32) for y in labels], labels


def examples(frames: int, device: torch.device) -> Examples:
    poses, labels = recordings(frames)
    keep = [inside(len(y), RECIPE) for y in labels]
    targets = np.concatenate([y[kept] for y, kept in zip(labels, keep, strict=True)])
    return Examples(windows(poses, RECIPE, device, keep), torch.from_numpy(targets).to(device))


class Cut(Dataset[tuple[Tensor, Tensor]]):
    """All windows, copied out once."""

    def __init__(self, frames: int) -> None:
        poses, labels = recordings(frames)
        width = RECIPE.window
        cut = [np.lib.stride_tricks.sliding_window_view(p, width, axis=0).swapaxes(1, 2) for p in poses]
        self.x = torch.from_numpy(np.ascontiguousarray(np.concatenate(cut)))
        self.y = torch.from_numpy(np.concatenate([y[width - 1 :] for y in labels]))

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.x[i], self.y[i]


def ours(frames: int, device_name: str, epochs: int, switches: Switches, seed: int = 0) -> Measured:
    """Train as `bench train` does; the epoch's seconds are those of its log."""
    device, before = prepare(device_name)
    train = examples(frames, device)
    began = time.perf_counter()
    for chosen in window_training.batches(train, RECIPE.batch, 1, seed):
        train.windows.gather(chosen), train.targets[chosen]
    synchronise(device)
    data_seconds = time.perf_counter() - began
    history = fit(train, epochs, switches, seed)
    last = history[-1]
    return Measured(data_seconds, last["seconds"], peak(device, before), last["loss"])


def fit(
    train: Examples, epochs: int, switches: Switches, seed: int, report: Callable[[Any], None] | None = None
) -> list[dict[str, float]]:
    """Return what the log holds of each epoch."""
    history: list[dict[str, float]] = []

    def note(epochs: Any) -> None:
        history.append(dict(epochs[-1]))
        if report:
            report(epochs[-1])

    with tempfile.TemporaryDirectory() as folder:
        window_training.fit(
            BUILD,
            train,
            class_weights(train.targets, "abcd", {}, balanced=True),
            replace(RECIPE, epochs=epochs),
            seed=seed,
            inputs={},
            checkpoint=Path(folder) / "run.pt",
            switches=switches,
            report=note,
        )
    return history


def theirs(frames: int, device_name: str, epochs: int) -> Measured:
    """Train by the plain loop; switches are not for it."""
    device, before = prepare(device_name)
    torch.manual_seed(0)
    data = Cut(frames)
    loader = DataLoader(data, batch_size=RECIPE.batch, shuffle=True)
    began = time.perf_counter()
    for x, y in loader:
        x.to(device), y.to(device)
    synchronise(device)
    data_seconds = time.perf_counter() - began
    model = BUILD().to(device)
    weights = class_weights(data.y.to(device), "abcd", {}, balanced=True)
    criterion = nn.CrossEntropyLoss(weights, label_smoothing=RECIPE.smoothing)
    optimiser = torch.optim.Adam(model.parameters(), lr=RECIPE.lr)
    model.train()
    for _ in range(epochs):
        began, total = time.perf_counter(), 0.0
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            optimiser.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(x)
        seconds = time.perf_counter() - began
    return Measured(data_seconds, seconds, peak(device, before), total / len(data))


def inference(frames: int, device_name: str, switches: Switches) -> float:
    """Return the seconds for the scores of every frame, from poses in memory to scores in memory."""
    device, _ = prepare(device_name)
    seen = [pose_recording(number, poses) for number, poses in enumerate(recordings(frames)[0])]
    predictor = WindowPredictor(BUILD().to(device).eval(), RECIPE, SKELETON, switches)
    next(predictor(seen[:1], ASKED))  # kernels are chosen here
    began = time.perf_counter()
    scores = list(predictor(seen, ASKED))
    assert sum(map(len, scores)) == frames
    return time.perf_counter() - began


def pose_recording(number: int, poses: Float32[np.ndarray, "_ F"]) -> Recording:
    """Return poses as a recording without labels."""
    shape = (len(poses), len(SKELETON.animals), len(SKELETON.keypoints), 2)
    return Recording(
        id=f"r{number}",
        group=f"r{number}",
        fps=30.0,
        classes=ASKED.classes,
        labels=np.zeros((len(poses), CLASSES), dtype=bool),
        annotated=np.zeros(len(poses), dtype=bool),
        keypoints=poses.reshape(shape),
    )


def one_of_many(
    frames: int, device_name: str, switches: Switches, seed: int, ready: Barrier, seconds: Any
) -> None:
    """Train one seed beside others: the first epoch warms up, all begin the second together."""
    device, _ = prepare(device_name)

    def wait(epoch: Any) -> None:
        if epoch["epoch"] == 1:
            ready.wait()

    history = fit(examples(frames, device), 2, switches, seed, wait)
    seconds[seed] = history[-1]["seconds"]


def side_by_side(frames: int, device: str, switches: Switches, seeds: int) -> list[float]:
    """Return the seconds that each of so many seeds takes for an epoch, all at once."""
    context = multiprocessing.get_context("spawn")
    # where one seed fails, the others do not wait for ever
    ready, seconds = context.Barrier(seeds, timeout=600), context.Array("d", seeds)
    processes = [
        context.Process(target=one_of_many, args=(frames, device, switches, seed, ready, seconds))
        for seed in range(seeds)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a seed ended with exit code {process.exitcode}")
    return list(seconds)


def prepare(device_name: str) -> tuple[torch.device, float]:
    """Wake the device, which takes seconds, and return it and what memory the process then holds."""
    torch.set_num_threads(1)
    device = torch.device(device_name)
    torch.ones(1, device=device).add_(1)
    synchronise(device)
    return device, process_mib()


def process_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak(device: torch.device, before: float) -> float:
    """Return the peak memory in MiB: of the device, or of the process over what it held before."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return process_mib() - before


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call in a process of its own, so that no memory or kernel is left from another measurement."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def switches_of(text: str) -> Switches:
    """Read "off" or a sum such as "bf16+graphs"."""
    words = set(text.split("+")) - {"off"}
    if unknown := words - {"bf16", "compiled", "graphs"}:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected off, bf16, compiled or graphs")
    rounded = "bf16" if "bf16" in words else "float32"
    return replace(OFF, precision=rounded, compiled="compiled" in words, graphs="graphs" in words)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and save the record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--frames", type=int, help="of training  [default: 20,000 on CPU, all on GPU]")
    parser.add_argument("--test-frames", type=int, help="to score  [default: 20,000 on CPU, all on GPU]")
    parser.add_argument("--epochs", type=int, help="the last is timed  [default: 1 on CPU, 2 on GPU]")
    parser.add_argument("--seeds", type=int, help="side by side  [default: none on CPU, 5 on GPU]")
    parser.add_argument("--switches", nargs="+", default=["off"], metavar="SET")
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    card = options.device == "cuda"
    frames = options.frames or (TRAIN if card else 20_000)
    test_frames = options.test_frames or (TEST if card else 20_000)
    epochs = options.epochs or (2 if card else 1)
    seeds = options.seeds if options.seeds is not None else (5 if card else 0)
    figures = measure(options.device, frames, test_frames, epochs, seeds, options.switches)
    if options.save:
        said = sys.argv[1:] if arguments is None else arguments
        record.save(options.save, __file__, said, ("ethobench", "numpy", "torch"), figures)


def measure(
    device: str, frames: int, test_frames: int, epochs: int, seeds: int, sets: Sequence[str]
) -> dict[str, Any]:
    """Return all figures, printing them as they come."""
    figures: dict[str, Any] = {"training frames": frames, "batch": RECIPE.batch, "window": RECIPE.window}
    print(f"msgl, {frames:,} frames, batch {RECIPE.batch}, {device}, load {os.getloadavg()[0]:.1f}")
    plain: Measured = alone(theirs, frames, device, epochs)
    figures["theirs"] = asdict(plain)
    table = [["DataLoader over cut windows", *asdict(plain).values(), 1.0, 1.0]]
    for name in sets:
        found: Measured = alone(ours, frames, device, epochs, switches_of(name))
        ratios = plain.data_seconds / found.data_seconds, plain.epoch_seconds / found.epoch_seconds
        table.append([f"gather, {name}", *asdict(found).values(), *ratios])
        figures[name] = {**asdict(found), "data ratio": ratios[0], "epoch ratio": ratios[1]}
    heads = ["", "data s", "epoch s", "peak MiB", "loss", "data ratio", "epoch ratio"]
    print(tabulate(table, headers=heads, floatfmt=(None, ".3f", ".2f", ".0f", ".4f", ".1f", ".2f")))
    for name in sets:
        seconds = alone(inference, test_frames, device, switches_of(name))
        figures[name] |= {"test frames": test_frames, "inference seconds": seconds}
        print(f"{name}: scores of {test_frames:,} frames in {seconds:.2f} s")
        if seeds:
            each = side_by_side(frames, device, switches_of(name), seeds)
            ratio = max(each) / figures[name]["epoch_seconds"]
            figures[name] |= {"side by side seconds": each, "side by side ratio": ratio}
            print(f"{name}: {seeds} seeds side by side take {ratio:.2f} times as long as one")
    return figures


if __name__ == "__main__":
    main()
