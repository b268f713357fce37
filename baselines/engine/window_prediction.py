"""How a network labels every frame of recordings by the windows around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from baselines.contract import Question
from baselines.engine import losses, steps
from baselines.engine.settings import float32
from baselines.engine.thresholds import Threshold
from baselines.engine.window_training import at_once
from baselines.inputs.poses import keypoints_of, pose_features
from baselines.inputs.windows import Windows, windows
from baselines.recipes.windows import Recipe
from baselines.switches import OFF, Switches
from bench.recordings import Recording, Skeleton

Derive = Callable[[Recording], Float32[np.ndarray, "T F"]]


@dataclass(frozen=True, eq=False)
class WindowPredictor:
    """A network that labels every frame of recordings by the window around it."""

    model: nn.Module
    recipe: Recipe
    skeleton: Skeleton
    switches: Switches = OFF
    derived: Derive | None = None
    """What gives the features that others made of each frame."""
    threshold: Threshold | None = None
    """From which score on it says the rarer of two classes, where that is not 0.5."""

    def __call__(
        self, recordings: Iterable[Recording], question: Question
    ) -> Iterator[Float32[np.ndarray, "T C"]]:
        """Yield the probabilities of every frame, by batches that reach across recordings."""
        lengths: list[int] = []
        ready = np.zeros((0, len(question.classes)), np.float32)
        for x in self._batches(recordings, lengths):
            ready = np.concatenate([ready, self._predict(x, question)])
            while lengths and len(ready) >= (count := -(-lengths[0] // self.recipe.hop)):
                yield between(ready[:count], lengths.pop(0), self.recipe.hop)
                ready = ready[count:]

    def last_frame(self, recording: Recording, question: Question) -> Float32[np.ndarray, "1 C"]:
        """Return the probabilities of the last frame alone, as a model that follows a recording does."""
        every = self._windows(recording, 1)
        x = every.gather(_numbers(len(every) - 1, len(every), every))
        return self._predict(x, question)

    def _predict(self, x: Float32[Tensor, "B W F"], question: Question) -> Float32[np.ndarray, "B C"]:
        found = predict(self.model, x, question, self.switches)
        return found if self.threshold is None else self.threshold.bend(found)

    def _windows(self, recording: Recording, hop: int) -> Windows:
        """Return the windows of every so many frames, from the first on."""
        device = next(self.model.parameters()).device
        features = features_of(recording, self.recipe, self.skeleton, self.derived)
        return windows([features], self.recipe, device, [np.arange(len(features)) % hop == 0])

    def _batches(
        self, recordings: Iterable[Recording], lengths: list[int]
    ) -> Iterator[Float32[Tensor, "B W F"]]:
        """Yield windows of equal batches, the last one apart; append the frames of each recording."""
        size = at_once(next(self.model.parameters()).device, self.recipe)
        pieces: list[Tensor] = []
        for recording in recordings:
            laid_out, start = self._windows(recording, self.recipe.hop), 0
            lengths.append(recording.frames)
            while start < len(laid_out):
                stop = min(start + size - sum(map(len, pieces)), len(laid_out))
                pieces.append(laid_out.gather(_numbers(start, stop, laid_out)))
                start = stop
                if sum(map(len, pieces)) == size:
                    yield torch.cat(pieces)
                    pieces = []
        if pieces:
            yield torch.cat(pieces)


def between(shares: Float32[np.ndarray, "N C"], frames: int, hop: int) -> Float32[np.ndarray, "T C"]:
    """Return probabilities of all frames from those of every so many; after the last one they stay.

    >>> between(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), 4, hop=2)[:, 0].tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    if hop == 1:
        return shares
    every = np.arange(frames)
    columns = [np.interp(every, every[::hop], column) for column in shares.T]
    return np.stack(columns, axis=1).astype(np.float32)


@torch.inference_mode()
def predict(
    model: nn.Module, x: Float32[Tensor, "B W F"], question: Question, switches: Switches
) -> Float32[np.ndarray, "B C"]:
    """Return the class probabilities of windows; of classes that exclude each other they sum to one."""
    with float32(), steps.precision(x.device, switches):
        logits = model(x)
    return losses.probabilities(logits, exclusive=question.exclusive).cpu().numpy()


def predict_all(
    model: nn.Module, every: Windows, recipe: Recipe, question: Question, switches: Switches
) -> Float32[np.ndarray, "N C"]:
    """Return the class probabilities of all windows."""
    numbers = _numbers(0, len(every), every)
    batches = torch.split(numbers, at_once(every.rows.device, recipe))
    return np.concatenate([predict(model, every.gather(some), question, switches) for some in batches])


def features_of(
    recording: Recording, recipe: Recipe, skeleton: Skeleton, derived: Derive | None
) -> Float32[np.ndarray, "T F"]:
    """Return what a window holds of each frame of a recording; raise `DataError` where it has no poses."""
    parts = []
    if recipe.inputs != "features":
        keypoints, centred = keypoints_of(recording), recipe.scaling == "centred"
        parts.append(pose_features(keypoints, skeleton.image, recipe.missing, centred=centred))
    if recipe.inputs != "poses":
        if derived is None:
            raise TypeError("a recipe asks for features, and nothing makes them")
        parts.append(derived(recording))
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _numbers(start: int, stop: int, laid_out: Windows) -> Int64[Tensor, " _"]:
    return torch.arange(start, stop, device=laid_out.rows.device)
