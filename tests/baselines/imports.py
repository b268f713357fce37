"""Trains a model by the contract alone and says which modules of ours that imported.

A process that runs this has imported none of ours before: so nothing of ours is imported at the head.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baselines.contract import Baseline, Derived

OURS = ("bench", "baselines")
NAMES = ("nose", "neck", "left hip", "right hip", "tail base")


class Nowhere:
    """A workspace with no store and no planner beside it."""

    inputs: dict[str, Any] = {}  # noqa: RUF012  the contract reads it and no more
    digest = ""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint

    def report(self, history: Iterable[Any]) -> None:
        """Keep no log."""

    def start(self) -> dict[str, Any]:
        """Return no weights."""
        return {"model": {}}

    def features(self, name: str, recording: object) -> Derived:
        """Return one row every 0.125 s, eight features."""
        import numpy as np

        from baselines.contract import Derived

        return Derived(np.eye(40, 8, dtype=np.float32), 0.1, 0.125, "")

    def extractor(self, name: str) -> Pictures:
        """Return an encoder of pictures."""
        return Pictures()


class Pictures:
    """An encoder that says the same of every picture, four features."""

    def __call__(self, recordings: object, question: object) -> object:
        """Raise: only some pictures are asked for."""
        raise AssertionError("all pictures are asked for")

    def some(self, recording: object, chosen: Any) -> Any:
        """Return 1 for the chosen pictures."""
        import numpy as np

        return np.ones((*chosen.shape, 4), np.float32) * chosen[..., None]


def first_baseline(module: str) -> Baseline:
    """Return the first baseline that a module declares, of those that start from no other one's weights.

    Where all start from others, the first of all.
    """
    declared = vars(import_module(module)).values()
    from baselines.contract import Baseline

    own = [one for one in declared if isinstance(one, Baseline)]
    return next((one for one in own if not any(need.use == "start" for need in one.needs)), own[0])


def imports_of_training(module: str, recipe: Any, checkpoint: Path) -> list[str]:
    """Learn from two recordings and predict one; return the modules of ours that were imported."""
    import numpy as np

    baseline = first_baseline(module)
    from baselines.contract import Data, Question, Run, Sizes
    from baselines.switches import OFF
    from bench.recordings import Recording, Skeleton, one_hot

    annotated = np.abs(np.arange(150) - 75) < 15  # few: how well it learns is not the question
    labels = one_hot(np.where(annotated, np.arange(150) // 5 % 3, -1), 3)
    poses = np.random.default_rng(0).normal(90, 9, (150, 2, 5, 2)).astype(np.float32)
    recordings = [Recording(id_, id_, 30.0, ("x", "y", "z"), labels, annotated, poses) for id_ in "ab"]
    question = Question("toy/all", ("x", "y", "z"), "frames", exclusive=True)
    needed = (("egocentric", 8),) if any(need.use == "features" for need in baseline.needs) else ()
    sizes = Sizes(Skeleton(("p", "q"), NAMES, (), (400, 300)), (3,), needed)
    run = Run(baseline.model, recipe, (question,), sizes, 0, "cpu", OFF)
    state = baseline.learn(run, Data({"toy/all": recordings}, {}), Nowhere(checkpoint))
    predictor = baseline.restore(run, state, Nowhere(checkpoint))
    list(predictor([recordings[0].without_labels()], question))
    return sorted(name for name in sys.modules if name.partition(".")[0] in OURS)
