"""Recipes of networks that label one frame by the window around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


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
    zoom: float = 1.0
    """The smallest share of a window, about its labelled frame, that is stretched to the whole window."""


@dataclass(frozen=True)
class Phase:
    """Some epochs at one learning rate, after another training."""

    epochs: int
    lr: float
    trains: Literal["all", "head"] = "all"
    """All weights; or, "head", those of the last layer and of the batch normalisations alone."""
    adam: Literal["kept", "new"] = "kept"
    """What the optimiser remembers: all since the first training, or the phase before; or nothing."""


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
class SGD:
    """Stochastic gradient descent in place of Adam."""

    momentum: float = 0.9
    nesterov: bool = False
    decay: float = 0.0
    """Of the weights."""


@dataclass(frozen=True)
class Recipe:
    """All that can be told of a network that labels one frame by the window around it.

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
    adam: Literal["keras", "torch"] = "keras"
    """Whose Adam: Keras adds epsilon before it corrects the bias, torch after."""
    sgd: SGD | None = None
    """What trains in place of Adam."""
    milestones: tuple[int, ...] = ()
    """After each of these epochs the learning rate falls to a tenth."""
    warm_up: int = 0
    """Epochs over which the learning rate rises evenly, from its share of the first."""
    ends: Literal["zeros", "whole"] = "zeros"
    """Windows that reach beyond a recording: filled with "zeros", or, with "whole", none trains.

    Every frame is predicted all the same: "whole" repeats the first or last pose there.
    """
    scaling: Literal["image", "centred", "standard"] = "image"
    """Coordinates as a share of the image; the same from its middle; or of mean 0 and deviation 1 over the
    training frames."""
    inputs: Literal["poses", "features", "both"] = "poses"
    """What a window holds of each frame: its poses; the features of the extractors that the model needs; or,
    with "both", the poses and then the features, which an augmentation does not move."""
    missing: Literal["held", "mean"] = "held"
    """Keypoints that were not detected: "held" where they were last seen, and 0 before that; or, with "mean",
    the mean over the training frames that have them, which the standard scaling makes 0."""
    class_weights: Literal["task", "balanced", "none"] = "task"
    """Of the loss: what the task declares, with the plain mean over a batch, as Keras does;
    "balanced", N / (C n_c), with the mean weighted alike, as torch does; or none."""
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
    tunings: tuple[tuple[str, Tuning], ...] = ()
    """Task -> how it goes on there with the network of the training that it needs as its start."""
    phases: tuple[Phase, ...] = ()
    """In place of `lr`, where `epochs` fall into phases: those of a tuning."""

    together: int | None = None
    """At most so many windows are predicted together, where a network needs much memory for each."""
    threshold: bool = False
    """Whether the rarer of two classes is said from the score on that has the best F1 where it validates."""
    drawn: int | None = None
    """Windows of an epoch, drawn anew for each; None: all that can train."""
    hop: int = 1
    """Frames from one that is predicted to the next; in between, probabilities are interpolated."""

    def __post_init__(self) -> None:
        if self.validation == "none" and (self.plateau or self.patience):
            raise ValueError("a plateau and an early stop need a validation loss")
        if self.validation == "none" and self.threshold:
            raise ValueError("a threshold is tuned on what is held out")
        if self.missing == "mean" and self.scaling != "standard":
            raise ValueError("means come with the standard scaling")
        if (self.phases or self.tunings) and self.validation != "none":
            raise ValueError("a tuning ends with its last epoch: nothing is held out")
        if self.hop > 1 and self.future == 0:
            raise ValueError("between two frames that are predicted a causal model would look ahead")
        if self.phases and sum(phase.epochs for phase in self.phases) != self.epochs:
            raise ValueError("phases have other epochs than the recipe")

    @property
    def window(self) -> int:
        """The number of samples that the model sees of each frame."""
        return self.past + 1 + self.future

    @property
    def sees(self) -> tuple[int, int]:
        """The first and the last frame that is looked at, relative to the labelled one."""
        return -self.past * self.gap, self.future * self.gap

    @property
    def validates(self) -> bool:
        """Whether a validation loss chooses the epoch that is kept."""
        return self.validation != "none"

    def words(self, held_out: bool) -> tuple[str, ...]:
        """Say what a reader of the card could not guess from the name."""
        words = []
        if self.ends == "whole":
            words.append(
                "trained on whole windows; where one reaches beyond a recording, its end is repeated"
            )
        if not held_out and self.validation == "windows":
            words.append("its epoch chosen on random windows of the training recordings")
        if not held_out and self.validation == "recordings":
            words.append("its epoch chosen on a fifth of the training groups, which never trains")
        if self.drawn is not None:
            words.append(f"{self.drawn:,} windows an epoch, drawn anew for each")
        if self.hop > 1:
            words.append(f"one of {self.hop} frames predicted, the others interpolated")
        if self.threshold:
            words.append("the rarer of two classes said from the score with the best F1 there")
        return tuple(words)

    def epochs_for(self, task: str) -> int:
        """Return how many epochs it trains on a task."""
        tuning = dict(self.tunings).get(task)
        return self.epochs if tuning is None else self.tuned(tuning).epochs

    def with_epochs(self, epochs: int) -> Recipe:
        """Return the recipe with so many epochs; what is tuned then has at most so many in each phase."""

        def cut(tuning: Tuning) -> Tuning:
            phases = (replace(phase, epochs=min(phase.epochs, epochs)) for phase in tuning.phases)
            return replace(tuning, phases=tuple(phases))

        tunings = tuple((task, cut(tuning)) for task, tuning in self.tunings)
        return replace(self, epochs=epochs, tunings=tunings)

    def tuned(self, tuning: Tuning) -> Recipe:
        """Return what follows the training that comes first."""
        epochs = sum(phase.epochs for phase in tuning.phases)
        return replace(self, tunings=(), phases=tuning.phases, epochs=epochs)

    def phase(self, epoch: int) -> tuple[Phase, bool]:
        """Return the phase that an epoch, from 1, belongs to, and whether it is the first of it."""
        for phase in self.phases:
            if epoch <= phase.epochs:
                return phase, epoch == 1
            epoch -= phase.epochs
        return Phase(self.epochs, self.lr), epoch == 1


def small(recipe: Recipe) -> Recipe:
    """Return a recipe of minutes on one core: three short epochs, a tenth of the rate in the last.

    It was fixed before any such network was trained on real recordings.
    """
    return replace(recipe, epochs=3, drawn=8_192, milestones=(2,), warm_up=0, hop=4)
