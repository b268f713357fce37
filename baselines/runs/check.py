"""What cannot be trained: refused before any recording is read."""

from __future__ import annotations

from importlib.util import find_spec

from baselines.contract import Baseline
from baselines.models import load
from baselines.runs.job import check_device
from baselines.runs.plan import Order
from baselines.runs.questions import adapter_for, question_of, sizes_of
from baselines.switches import OFF, Switches
from bench.about import install_hint
from bench.errors import UsageError, nearest
from bench.files.opening import is_link
from bench.tasks import Task

MODULES = {
    "torch": "torch",
    "scikit-learn": "sklearn",
    "pytorch_optimizer": "pytorch_optimizer",
    "av": "av",
    "transformers": "transformers",
    "opencv-python-headless": "cv2",
}
"""Distribution -> what it is imported as, where that may not be installed."""


def check_order(order: Order, *, many: bool, elsewhere: bool) -> None:
    """Raise `UsageError` for an order that cannot be met.

    `many` says that workers train, `elsewhere` that they are not of this machine, whose devices then say
    nothing.
    """
    switches = order.switches
    _refuse_links(order)
    check(order.baseline, order.task, order.device, here=not elsewhere)
    check_switches(order.baseline, switches, order.device, tensorboard=order.tensorboard)
    if many and switches.devices > 1:
        raise UsageError("a worker has one device", hint="leave out --devices, or --workers and --cluster")
    known = [part.name for part in order.task.parts]
    for part in order.parts:
        if part not in known:
            raise UsageError(
                f"task {order.task.name!r} has no part {part!r}{nearest(part, known)}",
                hint=f"choose of {', '.join(known)}",
            )
    if order.recipe is not None and switches != OFF:
        _check_network(order)


def _refuse_links(order: Order) -> None:
    """Raise `UsageError` where a folder that it writes into is a link: a pull request can hold some."""
    folders = (order.out, order.folder.parent, order.folder, order.out / order.task.name)
    if linked := [folder for folder in dict.fromkeys(folders) if is_link(folder)]:
        raise UsageError(
            f"{order.out} is not written into: links are not followed",
            [f"{folder}: a link, expected a folder" for folder in linked],
            hint="put the folders themselves there, or choose another one with --out",
        )


def check(baseline: Baseline, task: Task, device: str, *, here: bool = True) -> None:
    """Raise `UsageError` for a baseline that cannot be trained on a task.

    `here` says that this machine trains: then the device must be there.
    """
    if device not in ("cpu", "cuda"):
        raise UsageError(f"no device {device!r}", hint="choose cpu or cuda")
    if device not in baseline.devices:
        raise UsageError(f"baseline {baseline.name!r} runs on the CPU alone", hint="train with --device cpu")
    adapter_for(baseline, task)
    if "poses" in baseline.reads and not task.dataset.keypoints:
        raise UsageError(
            f"baseline {baseline.name!r} looks at poses, and {task.dataset.name!r} has none",
            hint=f"bench train prior --task {task.name}",
        )
    if "edges" in baseline.reads and not task.dataset.edges:
        raise UsageError(
            f"baseline {baseline.name!r} needs to know which keypoints are joined, and nobody has declared "
            f"that for {task.dataset.name!r}",
            hint="declare `edges` in the data set, or train a baseline that needs none",
        )
    _check_tasks(baseline, task)
    for library in baseline.libraries:
        if library in MODULES and find_spec(MODULES[library]) is None:
            hint = install_hint(baseline.extra)
            raise UsageError(f"baseline {baseline.name!r} needs {library}", hint=hint)
    if here:
        check_device(device)


def check_switches(baseline: Baseline, switches: Switches, device: str, *, tensorboard: bool) -> None:
    """Raise `UsageError` for what does not go together."""
    wanted = {
        "precision": switches.precision != "float32",
        "compiled": switches.compiled,
        "graphs": switches.graphs,
        "devices": switches.devices > 1,
        "tensorboard": tensorboard,
    }
    unknown = [name for name, on in wanted.items() if on and name not in baseline.switches]
    if unknown and not baseline.switches:
        raise UsageError("switches and TensorBoard are for networks", hint="train without them")
    if unknown:
        names = " and ".join("--compile" if name == "compiled" else f"--{name}" for name in unknown)
        raise UsageError(f"baseline {baseline.name!r} does not know {names}", hint="train without them")
    if switches.graphs and device != "cuda":
        raise UsageError(f"device {device!r} has no CUDA graphs", hint="train with --device cuda")
    if switches.graphs and switches.devices > 1:
        raise UsageError("CUDA graphs record one device", hint="leave out --graphs, or --devices")
    if tensorboard and find_spec("tensorboard") is None:
        raise UsageError("TensorBoard is not installed", hint=install_hint("tensorboard"))
    if switches.devices > 1 and device == "cuda":
        import torch  # here, because the prior trains without it

        if torch.cuda.device_count() < switches.devices:
            raise UsageError(
                f"{torch.cuda.device_count()} CUDA devices, {switches.devices} asked for",
                hint="lower --devices",
            )


def _check_tasks(baseline: Baseline, task: Task) -> None:
    """Raise `UsageError` where a baseline can be asked some tasks alone, and this is none of them."""
    if not baseline.tasks or task.name in baseline.tasks:
        return
    before = [need.task for need in baseline.needs if need.task]
    learns = f"learns {' and '.join(before)} first and is then tuned on" if before else "can be asked"
    raise UsageError(
        f"baseline {baseline.name!r} {learns} {' or '.join(baseline.tasks)}; "
        f"there is no tuning for {task.name!r}",
        hint=f"bench train {baseline.name} --task {baseline.tasks[0]}",
    )


def _check_network(order: Order) -> None:
    """Raise `UsageError` where the network cannot be computed as the switches say."""
    from baselines.engine import counting  # here, because it imports torch

    baseline, task = order.baseline, order.task
    adapter = adapter_for(baseline, task)
    questions = [question_of(task, part.name, adapter) for part in task.parts[:1]]
    sizes = sizes_of(baseline, task.dataset.skeleton, questions)
    counting.check_switches(baseline, order.recipe, sizes, order.device, order.switches)


def is_causal(baseline: Baseline) -> bool:
    """Whether what a baseline says of a frame depends on no later one, by itself or by its features."""
    needed = [load(need.model) for need in baseline.needs if need.use == "features"]
    return baseline.causal and all(is_causal(extractor) for extractor in needed)
