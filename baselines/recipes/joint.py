"""The recipe of one network that learns many questions at once, and from crops without labels beside them."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.epochs import Epochs


@dataclass(frozen=True)
class Joint(Epochs):
    """All that can be told of such a network. Frames of the video are the unit of time.

    MADGRAD trains it; its rate falls as a cosine to nothing at the last step. An epoch has as many steps as
    would show every frame once.
    """

    epochs: int = 40
    batch: int = 32
    """Crops, half of them with labels where there are recordings without; of each question at least one."""
    size: int = 256
    """Frames of a crop in which a prediction may begin."""
    ahead: int = 256
    """Frames of a crop beyond those."""
    step: int = 32
    """Embeddings are predicted this many frames ahead, twice as many, and so on."""
    lr: float = 1e-3
    decay: float = 1e-5
    """Of the weights."""
    components: int = 15
    """Of the distances of all points, at most."""
    blocks: int = 8
    """Of the embedder that see time."""
    embedding: int = 128
    context: int = 512
    smoothing: float = 0.2
    """The share of each label that is spread over all classes as they are distributed."""
    others: float = 0.1
    """Weight of the questions that have a head of their own."""

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say what is learned beside the labels."""
        return ("learns to predict what it will see, from crops with and without labels",)
