"""The CalMS21 single-frame network: what the pose of one frame tells without any time around it.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baselines; layers and sizes as in the official code.
It is the fully connected network, one block deeper and with less dropout.
"""

from __future__ import annotations

from baselines.engine import windows
from baselines.models.fc import FC
from baselines.recipes.windows import Recipe


class SingleFrame(FC):
    """Normalise each coordinate, four dense blocks, one linear layer.

    Raises `ValueError` where the window has more than one sample.
    """

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        channels: tuple[int, ...] = (512, 256, 128, 64),
        dropout: float = 0.2,
    ) -> None:
        if window != 1:
            raise ValueError(f"a window of {window} samples; a single frame is a window of 1")
        super().__init__(features, window, classes, channels, dropout)


SINGLE_FRAME = windows.baseline(
    module=__name__,
    name="single_frame",
    title="Single frame",
    description="four dense layers on the pose of one frame",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    recipe=Recipe(past=0, future=0, gap=1, epochs=15, lr=5e-3),
    network=windows.plain(SingleFrame),
    paper="https://arxiv.org/abs/2104.02710",
)
