"""The experiments of the LookAgain paper, on any task: which pictures are worth looking at, and what for.

Each figure of the paper is a set of lines: a model, trained on shares of the labels. `bench.budgets` holds
how labels are left out. Paper: arXiv:2603.07279; its figures show no numbers, so that its claims stand here
in words. Trainings lie in a work folder; the same call goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from baselines.contract import Baseline
from baselines.experiments.curve import Experiment, label_curve
from baselines.models import get_baseline
from baselines.recipes.lookagain import Looking
from bench.errors import UsageError, nearest
from bench.files.writing import write_bytes
from bench.results import canonical, digest_of, plain

ALL = (1.0,)
SHARES = (0.1, 0.3, 0.5, 1.0)
"""Of the labels."""


@dataclass(frozen=True)
class Line:
    """A model of a figure, and how it differs from LookAgain as declared."""

    title: str
    model: str = ""
    """Empty: LookAgain itself; "ALONE": without pretraining; "CLUSTERS": without labels."""
    changed: tuple[tuple[str, Any], ...] = ()
    """Of its recipe."""


@dataclass(frozen=True)
class Figure:
    """What a figure of the paper compares, and what the paper says of it."""

    name: str
    title: str
    claim: str
    lines: tuple[Line, ...]
    fractions: tuple[float, ...] = ALL


def _opened(share: float, **changed: Any) -> Line:
    words = {"uniform": "evenly spread", "random": "drawn", "learned": "chosen by the gate"}
    gate, without = changed.get("gate", "learned"), changed.get("without", "")
    title = f"{share:.0%} of the pictures, {words[gate]}" + (f", without {without}" if without else "")
    return Line(title if share else "keypoints alone", changed=(("opened", share), *changed.items()))


RIVALS = (Line("supervised transformer", "supervised_transformer"), Line("BAMS", "bams"))
FIGURES = (
    Figure(
        "lookagain-2",
        "Labels and looks",
        "with few labels LookAgain is above the supervised transformer and BAMS; a quarter of the pictures "
        "does as well as all of them from 30 % of the labels on; pictures help most where labels are few",
        (*(_opened(share) for share in (0.0, 0.25, 0.5, 1.0)), *RIVALS),
        SHARES,
    ),
    Figure(
        "lookagain-3",
        "More pictures",
        "F1 rises with the share of the pictures, from keypoints alone LookAgain is above BAMS, and with "
        "pictures it is above BEiT, SimCLR and features by hand together",
        (
            *(_opened(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
            Line("BAMS", "bams"),
            Line("SimCLR and features by hand", "simclr_handcrafted"),
            Line("features by hand", "handcrafted_probe"),
        ),
    ),
    Figure(
        "lookagain-4",
        "Without labels",
        "F1 of clusters that are named by the majority of the training frames rises with the share of the "
        "pictures, and from keypoints alone LookAgain is above BAMS and Keypoint-MoSeq",
        (
            *(replace(_opened(share), model="CLUSTERS") for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
            Line("k-means on BAMS", "bams_kmeans"),
            Line("k-means on poses", "pose_kmeans"),
        ),
    ),
    Figure(
        "lookagain-5",
        "Pretraining, and the gate",
        "pretraining helps every class; the gate is above evenly spread pictures, most at a quarter of them; "
        "without any of its three terms it is worse, most without the saliency of motion",
        (
            Line("half of the pictures, labels alone", "ALONE", (("opened", 0.5),)),
            *(_opened(0.5, without=term) for term in ("", "confidence", "saliency", "context")),
            _opened(0.25),
            *(_opened(share, gate=gate) for share in (0.25, 0.5) for gate in ("uniform", "random")),
        ),
    ),
)


def figure_named(name: str) -> Figure:
    """Return a figure; raise `UsageError` with the nearest name where there is none."""
    for figure in FIGURES:
        if figure.name == name:
            return figure
    names = [figure.name for figure in FIGURES]
    raise UsageError(f"no figure {name!r}{nearest(name, names)}", hint=f"choose one of {', '.join(names)}")


def model_of(line: Line, main: Baseline) -> Baseline:
    """Return the model of a line; `main` is the LookAgain that is compared, which gives it its size.

    Raises `UsageError` where `main` does not look at pictures.
    """
    if not isinstance(main.recipe, Looking):
        raise UsageError(f"baseline {main.name!r} does not look at pictures", hint="name lookagain_small")
    own = {"": main.name, "ALONE": f"{main.name}_alone", "CLUSTERS": f"{main.name}_clusters"}
    if line.model not in own:
        return get_baseline(line.model)
    base = get_baseline(own[line.model])
    recipe = replace(base.recipe, **dict(line.changed))  # type: ignore[type-var]
    words = "_".join(
        f"{value:g}" if isinstance(value, float) else value for _, value in line.changed if value != ""
    )
    name = f"{base.name}_{words.replace('.', '_')}"
    return replace(base, name=name, title=f"{base.title}, {line.title}", recipe=recipe)


def run(
    figure: Figure, main: Baseline, experiment: Experiment, fractions: Sequence[float] = ()
) -> dict[str, Any]:
    """Train every line of a figure and return what a result file holds; `fractions` in place of the paper's.

    Raises what `label_curve` raises, and its fault where some trainings of a line failed.
    """
    lines = []
    for line in figure.lines:
        baseline = model_of(line, main)
        own = replace(experiment, baseline=baseline, work=experiment.work / baseline.name)
        content, fault = label_curve(own, fractions or figure.fractions)
        if fault is not None:
            raise fault
        lines.append({"title": line.title, "model": content["model"], "points": content["points"]})
    shared = {
        key: content[key] for key in ("task", "split_digest", "metrics_version", "metrics", "seeds", "rule")
    }
    held: dict[str, Any] = plain(
        {"figure": figure.name, "title": figure.title, "claim": figure.claim, **shared, "lines": lines}
    )
    return {**held, "digest": digest_of(held)}


def write(content: Mapping[str, Any], folder: Path) -> Path:
    """Write `<folder>/<task>--<figure>.json` and return its path."""
    path = folder / f"{content['task']['name']}--{content['figure']}.json"
    write_bytes(path, canonical(content))
    return path
