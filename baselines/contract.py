"""What a baseline declares: which model, by which recipe. No torch here, so that lists need none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pkgutil import resolve_name
from typing import Any, Literal


@dataclass(frozen=True)
class Plateau:
    """Lower the learning rate where the validation loss no longer falls."""

    factor: float = 0.5
    patience: int = 5
    """Epochs without a better loss that are let pass."""


@dataclass(frozen=True)
class Augmentation:
    """Move each training window as a whole: all its frames and animals alike, zeros beyond the ends too."""

    rotation: float
    """Largest angle, in radians, about the origin of the scaled coordinates."""
    shift: float
    """Largest shift of x and of y after that, in scaled coordinates."""
    reflect: bool = False
    """Whether every other window, at even odds, is mirrored first, x to -x."""


@dataclass(frozen=True)
class Phase:
    """Some epochs at one learning rate, after a pretraining."""

    epochs: int
    lr: float
    trains: Literal["all", "head"] = "all"
    """All weights; or, "head", those of the last layer and of the batch normalisations alone."""
    adam: Literal["kept", "new"] = "kept"
    """What the optimiser remembers: all since the pretraining, or the phase before; or nothing."""


@dataclass(frozen=True)
class Tuning:
    """How a network that has learned one task goes on to learn another."""

    phases: tuple[Phase, ...]
    head: Literal["kept", "new"] = "kept"
    """Whether the last layer is the pretrained one, or starts anew, as other classes need it."""

    def __post_init__(self) -> None:
        if self.head == "new" and self.phases[0].adam == "kept":
            raise ValueError("an optimiser remembers nothing of a new head")


@dataclass(frozen=True)
class Pretraining:
    """Learn a task by the recipe itself and with the same seed, then go on as the asked task is tuned."""

    task: str
    """Of one part; the weights it gives are kept under `$BENCH_HOME` and shared by parts."""
    tunings: Mapping[str, Tuning]
    """Task -> how it goes on there; no other task can be asked."""


@dataclass(frozen=True)
class Recipe:
    """All that the engine can be told of a network, which Adam trains: the field's recipes know no other.

    Frames of the video are the unit of time.
    """

    past: int
    """Samples of the window before the frame that is labelled."""
    future: int
    """Samples after it; 0 makes the model causal."""
    gap: int
    """Frames from one sample of the window to the next."""
    epochs: int
    batch: int = 128
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-7
    """Of Adam: the Keras default; torch's is 1e-8."""
    ends: Literal["zeros", "whole"] = "zeros"
    """Windows that reach beyond a recording: filled with "zeros", or, with "whole", none trains.

    Every frame is predicted all the same: "whole" repeats the first or last pose there.
    """
    scaling: Literal["image", "standard"] = "image"
    """Coordinates as a share of the image, or of mean 0 and deviation 1 over the training frames."""
    missing: Literal["held", "mean"] = "held"
    """Keypoints that were not detected: "held" where they were last seen, and 0 before that; or, with "mean",
    the mean over the training frames that have them, which the standard scaling makes 0."""
    class_weights: Literal["task", "balanced"] = "task"
    """Of the loss: what the task declares, with the plain mean over a batch, as Keras does; or
    "balanced", N / (C n_c), with the mean weighted alike, as torch does."""
    smoothing: float = 0.0
    """The share of each label that is spread evenly over all classes."""
    validation: Literal["none", "windows", "recordings"] = "none"
    """What chooses the epoch that is kept: nothing, so the last; else the split's validation recordings.

    Where it names none: a random fifth of the training windows, whose neighbours train, or of the groups.
    """
    plateau: Plateau | None = None
    patience: int | None = None
    """Stop after so many epochs without a better validation loss."""
    augmentation: Augmentation | None = None
    pretraining: Pretraining | None = None
    """What comes first; None: the weights start at random."""
    phases: tuple[Phase, ...] = ()
    """In place of `lr`, where `epochs` fall into phases: those of a tuning."""

    def __post_init__(self) -> None:
        if self.validation == "none" and (self.plateau or self.patience):
            raise ValueError("a plateau and an early stop need a validation loss")
        if self.missing == "mean" and self.scaling != "standard":
            raise ValueError("means come with the standard scaling")
        if (self.phases or self.pretraining) and self.validation != "none":
            raise ValueError("a tuning ends with its last epoch: nothing is held out")
        if self.phases and sum(phase.epochs for phase in self.phases) != self.epochs:
            raise ValueError("phases have other epochs than the recipe")

    @property
    def window(self) -> int:
        """The number of samples that the model sees of each frame."""
        return self.past + 1 + self.future

    def with_epochs(self, epochs: int) -> Recipe:
        """Return the recipe with so many epochs; what is tuned then has at most so many in each phase."""
        if self.pretraining is None:
            return replace(self, epochs=epochs)

        def cut(tuning: Tuning) -> Tuning:
            phases = (replace(phase, epochs=min(phase.epochs, epochs)) for phase in tuning.phases)
            return replace(tuning, phases=tuple(phases))

        tunings = {task: cut(tuning) for task, tuning in self.pretraining.tunings.items()}
        return replace(self, epochs=epochs, pretraining=replace(self.pretraining, tunings=tunings))

    def tuned(self, tuning: Tuning) -> Recipe:
        """Return what follows the pretraining."""
        epochs = sum(phase.epochs for phase in tuning.phases)
        return replace(self, pretraining=None, phases=tuning.phases, epochs=epochs)

    def phase(self, epoch: int) -> tuple[Phase, bool]:
        """Return the phase that an epoch, from 1, belongs to, and whether it is the first of it."""
        for phase in self.phases:
            if epoch <= phase.epochs:
                return phase, epoch == 1
            epoch -= phase.epochs
        return Phase(self.epochs, self.lr), epoch == 1


@dataclass(frozen=True)
class Boosting:
    """All that the boosted trees can be told. Seconds are the unit of time."""

    windows: tuple[float, ...] = (0.5, 1.5, 4.0, 12.0)
    """Widths over which features are summed up, centred on the frame."""
    step: float = 0.1
    """From one pose to the next for a speed."""
    frames: int = 60_000
    """Of the training frames, at most so many are drawn to learn from."""
    balance: float = 0.5
    """A class is drawn as often as its count to the power 1 less this: 0 leaves frames alike, 1 classes."""
    trees: int = 120
    """For each class."""
    leaves: int = 15
    lr: float = 0.08
    l2: float = 1.0
    share: float = 0.3
    """Of the features, how many a split may choose from, drawn anew each time."""
    smoothing: float = 0.5
    """Width over which probabilities are averaged, centred on the frame."""


@dataclass(frozen=True)
class Baseline:
    """A model that anyone can train with `bench train <name>`."""

    name: str
    title: str
    description: str
    reference: str
    model: str
    """`module:name`, imported when it is trained.

    With a `Recipe`, an `nn.Module` built as `model(features, window, classes)`: windows Float (B, W, F)
    in, logits Float (B, C) out, trained by the engine. Otherwise a function `model(run, data)` that
    learns from `data.train` by itself and returns the scores of `data.test`: it needs no engine.
    """
    recipe: Recipe | Boosting | None = None
    """None: it looks at no pose."""
    paper: str | None = None

    @property
    def causal(self) -> bool:
        """Whether the scores of a frame depend on no later frame."""
        if isinstance(self.recipe, Recipe):
            return self.recipe.future == 0
        return self.recipe is None

    def load(self) -> Any:
        """Import and return the model: the class of a network, or the function."""
        return resolve_name(self.model)


def as_json(recipe: Recipe | Boosting | None) -> Any:
    """Return a recipe as JSON values."""
    return None if recipe is None else json.loads(json.dumps(asdict(recipe)))
