"""Learning curves: one line of a CSV per epoch while it trains, one plot when it is done."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from baselines.contract import Epoch
from bench.about import install_hint
from bench.files.writing import make_folder, replacing, replacing_text


def write(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write the log anew, so that a run that was killed and went on has one log without a seam.

    Seconds are no result: they enter no digest, and another machine has other ones.
    """
    with replacing_text(path) as out:
        table = csv.DictWriter(out, list(epochs[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(dict(epoch) for epoch in epochs)


def plot(log: Path, title: str) -> Path | None:
    """Draw a log beside it, as SVG; return None, saying so once, where matplotlib is not installed."""
    if not can_plot():
        return None
    from matplotlib.figure import Figure

    with log.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    names = {"loss": "training", "validation_loss": "validation"}
    for column in (name for name in rows[0] if name not in ("epoch", "lr", "seconds")):
        label = names.get(column, column)
        points = [(int(row["epoch"]), float(row[column])) for row in rows if row[column]]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=label)
    axes.set(title=title, xlabel="epoch", ylabel="loss")
    axes.legend()
    path = log.with_suffix(".svg")
    with replacing(path) as file:
        figure.savefig(file, format="svg")
    return path


@contextmanager
def scalars(folder: Path | None) -> Iterator[Callable[[Epoch], None] | None]:
    """Give a function that writes one epoch for TensorBoard into `folder`; None without a folder.

    The values are those of the log. Epochs that a killed run wrote and did not finish are superseded.
    """
    if folder is None:
        yield None
        return
    from torch.utils.tensorboard import SummaryWriter

    with ExitStack() as stack:
        writers: list[SummaryWriter] = []

        def report(epoch: Epoch) -> None:
            number = int(epoch["epoch"] or 0)
            if not writers:  # a run that is finished writes nothing
                place = str(make_folder(folder))
                writers.append(stack.enter_context(SummaryWriter(place, purge_step=number)))
            for name, value in epoch.items():
                if name != "epoch" and value is not None:
                    writers[0].add_scalar(name, value, number)
            writers[0].flush()

        yield report


@cache
def can_plot() -> bool:
    """Whether matplotlib is installed; where it is not, say so once."""
    try:
        import matplotlib  # noqa: F401, ICN001
    except ModuleNotFoundError:
        print(f"no learning curves: {install_hint('plots')}", file=sys.stderr)
        return False
    return True
