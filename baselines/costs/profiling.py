"""What a model costs: parameters, arithmetic, time to train and to predict, memory.

Time and memory are measured here and now, in one thread as all training on the CPU, and say as much about
the machine as about the model. What a model has no number for is None, and a note says why.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from baselines.contract import Baseline
from baselines.costs.measuring import LATER, measured
from baselines.engine.faults import device_faults
from baselines.engine.settings import one_thread
from baselines.runs.check import check
from baselines.runs.joining import check_model
from baselines.runs.listing import parameters
from baselines.runs.plan import Order, units_of
from baselines.runs.unit import Unit
from bench.errors import UsageError
from bench.submissions import read_entry, write_card
from bench.tasks import Task

BUSY = 0.8
"""A share of one core below which measured times say more about other processes."""
UNKNOWN = ("seconds_per_epoch", "flops_per_frame", "frames_per_second", "latency_ms", "latency_ms_p95")
WHOLE = "no network: it learns and predicts in one go"


@dataclass(frozen=True)
class Costs:
    """What was counted and measured."""

    seconds_per_run: float
    """To train all epochs of the recipe on one part with one seed, and to predict."""
    seconds_per_epoch: float | None = None
    """The validation included."""
    flops_per_frame: int | None = None
    """To label one frame: matrix products, convolutions and attention; a multiply-add counts as 2."""
    frames_per_second: float | None = None
    """Labelled where whole recordings are at hand."""
    pictures_per_frame: float | None = None
    """Calls of an encoder of pictures, for each frame that is labelled, where a model looks at videos."""
    latency_ms: float | None = None
    """To label one frame where frames come one at a time: the median."""
    latency_ms_p95: float | None = None
    notes: dict[str, str] = field(default_factory=dict)
    """Which of these are estimates, and why others are None."""


@dataclass(frozen=True)
class Profile:
    """The costs of one model on the first part of one task."""

    model: str
    task: str
    device: str
    parameters: int | None
    peak_memory_mib: float | None
    """On the CPU of the process, libraries and recordings included; on a GPU of what lies on it."""
    costs: Costs
    machine: dict[str, str | int]

    def as_json(self) -> dict[str, Any]:
        """Return all as JSON values, on one level."""
        values = asdict(self)
        return {**values.pop("costs"), **values}

    def text(self) -> str:
        """Return it for people."""
        costs = self.costs
        lines = [
            ("parameters", _number(self.parameters)),
            ("FLOPs per frame", _number(costs.flops_per_frame)),
            ("training", _number(costs.seconds_per_epoch, " s per epoch")),
            ("one run", _number(costs.seconds_per_run, " s")),
            ("predicting", _number(costs.frames_per_second, " frames/s")),
            ("pictures", _number(costs.pictures_per_frame, " encoded per frame")),
            ("latency", _number(costs.latency_ms, " ms per frame, median")),
            ("", _number(costs.latency_ms_p95, " ms in 95 of 100 frames")),
            ("peak memory", _number(self.peak_memory_mib, " MiB")),
            *(("note", f"{', '.join(names)}: {text}") for text, names in _by_text(costs.notes).items()),
            ("measured on", ", ".join(f"{key} {value}" for key, value in self.machine.items())),
        ]
        title = f"{self.model} on {self.task}, {self.device}"
        return "\n".join([title, *(f"  {name:<16} {value}" for name, value in lines if value)])


def profile(baseline: Baseline, task: Task, device: str) -> Profile:
    """Measure a baseline on the first part of a task, in seconds to minutes; nothing is kept of it.

    Raises `UsageError` and `DataError` as training does.
    """
    check(baseline, task, device)
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        unit = units_of(Order(baseline, task, [0], device, Path(folder)))[0]
        began, worked = time.perf_counter(), time.process_time()
        with one_thread(baseline.libraries), device_faults(device):
            costs = _of_network(unit) if baseline.network is not None else _whole(unit)
        had = (time.process_time() - worked) / (time.perf_counter() - began)
    if device == "cpu" and had < BUSY:
        busy = {"times": f"too long: other programs left this one {had:.0%} of a core"}
        costs = replace(costs, notes={**costs.notes, **busy})
    return Profile(
        model=baseline.name,
        task=task.name,
        device=device,
        parameters=parameters(baseline, task),
        peak_memory_mib=_peak_memory(device),
        costs=costs,
        machine=_machine(baseline, device),
    )


def _by_text(notes: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the numbers, in words, that have the same note."""
    names: dict[str, list[str]] = {}
    for name, text in notes.items():
        names.setdefault(text, []).append(name.replace("_", " "))
    return names


def declare(profile: Profile, baseline: Baseline, folder: Path) -> None:
    """Write into the card of a submission what was measured, to four digits, and on what.

    Raises `UsageError` where the card has no table of the task, is of another model than the `baseline` that
    was measured, or where times say more about what else the machine did.
    """
    entry = read_entry(folder)
    if profile.task not in entry.tasks:
        raise UsageError(
            f"{folder} answers no task {profile.task!r}",
            hint=f"bench train {profile.model} --task {profile.task} --out FOLDER",
        )
    check_model(baseline, profile.task, folder)
    there, machine = entry.tasks[profile.task], profile.machine
    if (there.parameters, there.flops_per_frame) != (profile.parameters, profile.costs.flops_per_frame):
        raise UsageError(
            f"{folder} is not what {profile.model!r} would train",
            [
                f"parameters: {there.parameters} on its card, {profile.parameters} here",
                f"FLOPs per frame: {there.flops_per_frame} on its card, {profile.costs.flops_per_frame} here",
            ],
            hint="name the model that was trained there",
        )
    if busy := profile.costs.notes.get("times"):
        raise UsageError(
            f"nothing was written into {folder}", [f"times are {busy}"], hint="measure when nothing else runs"
        )
    card = replace(
        there,
        frames_per_second=_rounded(profile.costs.frames_per_second),
        latency_ms=_rounded(profile.costs.latency_ms),
        seconds_per_epoch=_rounded(profile.costs.seconds_per_epoch),
        peak_memory_mib=_rounded(profile.peak_memory_mib),
        hardware=str(machine.get("gpu") or f"one thread of {machine['cores']} cores, {machine['processor']}"),
    )
    write_card(folder, replace(entry, tasks={**entry.tasks, profile.task: card}), replace=True)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _of_network(unit: Unit) -> Costs:
    """Measure and count a network."""
    from baselines.engine import counting  # here, because it imports torch

    job = unit.job
    if job.run.device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()  # another model's peak is none of this one's
    costs, notes = measured(unit), {}
    if first := [need.task for need in job.baseline.needs if need.task]:
        notes["seconds_per_run"] = f"without the pretraining on {' and '.join(first)}"
    if costs.share > 1:
        notes["seconds_per_epoch"] = f"from a part of the frames, times {costs.share:.1f}"
    flops = counting.flops(job.baseline, job.run.recipe, job.run.sizes)
    if flops is None:
        notes["flops_per_frame"] = "it sees features, not frames"
    if not costs.latencies:
        notes |= dict.fromkeys(("latency_ms", "latency_ms_p95"), LATER)
    return Costs(
        seconds_per_run=costs.epochs * costs.seconds_per_epoch + costs.predicting,
        seconds_per_epoch=costs.seconds_per_epoch,
        flops_per_frame=flops,
        frames_per_second=costs.frames_per_second,
        pictures_per_frame=costs.pictures_per_frame,
        latency_ms=statistics.median(costs.latencies) if costs.latencies else None,
        latency_ms_p95=float(np.quantile(costs.latencies, 0.95)) if costs.latencies else None,
        notes=notes,
    )


def _whole(unit: Unit) -> Costs:
    """Run a model that is no network from beginning to end."""
    began = time.perf_counter()
    unit.train()
    seconds = time.perf_counter() - began
    return Costs(seconds, notes=dict.fromkeys(UNKNOWN, WHOLE))


def _peak_memory(device: str) -> float | None:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    try:
        import resource
    except ModuleNotFoundError:  # Windows does not say
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _machine(baseline: Baseline, device: str) -> dict[str, str | int]:
    """Say what the numbers were measured with."""
    machine: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        **{name: version(name) for name in baseline.libraries},
    }
    if device == "cuda":
        import torch

        machine["gpu"] = torch.cuda.get_device_name()
    return machine


def card() -> str | None:
    """Return the name of the graphics card that torch can use; None without one."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _processor() -> str:
    """Return the model's name where the system says it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _number(value: int | float | None, unit: str = "") -> str:
    """Write three digits or, of what is counted, all of them; nothing where there is no number."""
    if value is None:
        return ""
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}{unit}"
    return f"{value:.3g}{unit}"
