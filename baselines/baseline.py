"""What a baseline declares: which model, by which recipe. No torch here, so that lists need none."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """All that the engine can be told. Frames of the video are the unit of time."""

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

    @property
    def window(self) -> int:
        """The number of samples that the model sees of each frame."""
        return self.past + 1 + self.future


@dataclass(frozen=True)
class Baseline:
    """A model that anyone can train with `bench train <name>`."""

    name: str
    title: str
    description: str
    reference: str
    model: str
    """`module:name`, imported when it is trained.

    With a recipe, an `nn.Module` built as `model(features, window, classes)`: windows Float (B, W, F)
    in, logits Float (B, C) out. Without one, a function that turns the labels of all training frames,
    Bool (N, C), into the scores Float32 (C,) of every frame to come.
    """
    recipe: Recipe | None = None
    paper: str | None = None

    @property
    def causal(self) -> bool:
        """Whether the scores of a frame depend on no later frame."""
        return self.recipe is None or self.recipe.future == 0

    def load(self) -> Any:
        """Import and return the model class, or the function where there is no recipe."""
        return resolve_name(self.model)
