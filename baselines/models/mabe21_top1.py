"""The winner of MABe 2021, Tasks 1 and 2: an embedder, a causal contexter, heads for all questions at once.

The context of a frame should predict the embeddings of frames to come, better than those of other recordings;
from the same context heads label the frame. Annotators of one question share a head that knows whose labels
are wanted; a question with other classes has a head of its own.

Reference: the challenge entry of Benjamin Wild (nebw/mabe, commit 2f8d4c4, MIT), described in Sun et al.
2021, CalMS21, arXiv:2104.02710. Ours: no recordings are held out, so the last epoch counts, and one network
answers, where the entry is the mean of 32; the head reads time and place as they are, where the code rounds
them to 0; the recordings without labels are the test recordings.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import joint
from baselines.inputs.dyads import EXTRA, width
from baselines.recipes.joint import Joint

HEAT = 0.07
"""Of the contrastive loss."""
CONTEXT_BLOCKS = 8


class Block(nn.Module):
    """Normalise, rectify and convolve, twice; add the input. Without padding: the ends are cut off."""

    def __init__(self, width: int, kernel: int, *, causal: bool = False) -> None:
        super().__init__()
        cut = 2 * (kernel - 1)
        self.before, self.after = (cut, 0) if causal else (cut // 2, cut // 2)
        self.first, self.second = nn.Conv1d(width, width, kernel), nn.Conv1d(width, width, kernel)
        self.norm_first, self.norm_second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B H T"]) -> Float[Tensor, "B H T2"]:
        """Return the frames whose neighbours are all there; a causal block drops the first ones alone."""
        y = self.first(nn.functional.leaky_relu(self.norm_first(x.transpose(1, 2)).transpose(1, 2)))
        y = self.second(nn.functional.leaky_relu(self.norm_second(y.transpose(1, 2)).transpose(1, 2)))
        return x[:, :, self.before : x.shape[2] - self.after] + y


class Head(nn.Module):
    """Context, time and place, and the annotator, mixed; then a linear layer for each group of questions."""

    def __init__(self, context: int, annotators: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.annotator = nn.Parameter(torch.eye(annotators))
        self.norm = nn.LayerNorm(context)
        inner = context + EXTRA
        self.mix = nn.Sequential(
            *(nn.Linear(inner + annotators, inner), nn.LeakyReLU(), nn.Linear(inner, inner), nn.LeakyReLU())
        )
        self.last = nn.ModuleList(nn.Linear(inner, count) for count in classes)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0, 0.01)
                nn.init.zeros_(layer.bias)

    def forward(
        self, context: Float[Tensor, "B T H"], extra: Float[Tensor, "B T 4"], annotator: Int64[Tensor, "B T"]
    ) -> tuple[Tensor, ...]:
        """Return the logits (B, T, C) of each group."""
        known = torch.cat([self.norm(context), extra], dim=2)
        y = known + self.mix(torch.cat([known, self.annotator[annotator]], dim=2))
        return tuple(last(y) for last in self.last)


class Top1(nn.Module):
    """Embed every frame from those around it, put the embeddings in context, predict and label from there."""

    def __init__(
        self,
        features: int,
        annotators: int,
        classes: tuple[int, ...],
        *,
        blocks: int = 8,
        embedding: int = 128,
        context: int = 512,
        horizons: int = 8,
    ) -> None:
        super().__init__()
        self.embedder = nn.Sequential(
            nn.Conv1d(features, embedding, 1),
            *(Block(embedding, kernel) for kernel in (1, 1, *(3 for _ in range(blocks)))),
        )
        self.contexter = nn.Sequential(
            nn.Conv1d(embedding, context, 3),
            *(Block(context, 3, causal=True) for _ in range(CONTEXT_BLOCKS)),
        )
        self.projections = nn.ModuleList(nn.Linear(context, embedding, bias=False) for _ in range(horizons))
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        self.after = 2 * blocks
        self.before = 2 * blocks + 2 + 4 * CONTEXT_BLOCKS
        self.head = Head(context, annotators, classes)

    def forward(
        self,
        x: Float[Tensor, "B W F"],
        extra: Float[Tensor, "B T 4"],
        annotator: Int64[Tensor, "B T"],
        ahead: tuple[Tensor, Tensor, int] | None = None,
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor | None]:
        """Return embeddings (B, E, D), contexts (B, T, H) and the logits (B, T, C) of each group.

        `x` begins `before` frames before the T frames and ends `after` frames after them. With `ahead`, where
        predictions start, the lengths of the crops and the step, the contrastive loss is the fourth.
        """
        embedded = self.embedder(x.transpose(1, 2)).transpose(1, 2)
        context = self.contexter(embedded.transpose(1, 2)).transpose(1, 2)
        contrast = None if ahead is None else self.contrast(embedded, context, *ahead)
        return embedded, context, self.head(context, extra, annotator), contrast

    def contrast(
        self,
        embedded: Float[Tensor, "B E D"],
        context: Float[Tensor, "B T H"],
        start: Int64[Tensor, " B"],
        lengths: Int64[Tensor, " B"],
        step: int,
    ) -> Float[Tensor, ""]:
        """Return the loss of predicting embeddings from the context at `start`, `step` rows ahead and more.

        The context of a row has read the embeddings of the 34 rows after it, so the first horizon of 32 has
        been seen, as in the entry. A prediction beyond `lengths` does not count; 0 where none counts.
        """
        rows = torch.arange(len(start), device=start.device)
        here = context[rows, start]
        losses = []
        for number, project in enumerate(self.projections):
            target = start + number * step
            counts = target < lengths
            if number and bool(counts.any()):
                wanted = nn.functional.normalize(
                    embedded[rows, target.clamp(max=embedded.shape[1] - 1)], dim=1
                )
                made = nn.functional.normalize(project(here), dim=1)
                losses.append(told_apart(made @ wanted.T, counts))
        return torch.stack(losses).mean() if losses else embedded.sum() * 0


def told_apart(alike: Float[Tensor, "B B"], counts: Bool[Tensor, " B"]) -> Float[Tensor, ""]:
    """Return the normalised, temperature-scaled cross-entropy of each row's own column."""
    scaled = alike / HEAT
    return (scaled.logsumexp(dim=1) - scaled.diagonal())[counts].mean()


def build(recipe: Joint, sizes: Sizes) -> Top1:
    """Return the network for the questions of a training."""
    points = len(sizes.skeleton.keypoints)
    features = width(points) + joint.components(recipe, sizes.skeleton)
    annotators, classes = joint.groups(sizes.classes)
    return Top1(
        features,
        annotators,
        classes,
        blocks=recipe.blocks,
        embedding=recipe.embedding,
        context=recipe.context,
        horizons=recipe.ahead // recipe.step,
    )


TASKS = ("calms21-task1", "calms21-task2", "calms21-task3")
TOP1 = joint.baseline(
    module=__name__,
    name="mabe21_top1",
    title="MABe 2021 Top-1",
    description="one network for Tasks 1, 2 and 3, which predicts its own embeddings of frames to come",
    reference="Wild 2021, nebw/mabe; Sun et al. 2021, CalMS21, arXiv:2104.02710",
    paper="https://arxiv.org/abs/2104.02710",
    recipe=Joint(),
    network=build,
    serves=TASKS,
    unlabelled=["test"],
)
ALONE = joint.baseline(
    module=__name__,
    name="mabe21_top1_alone",
    title="MABe 2021 Top-1, on one task",
    description="the network of MABe 2021's winner, trained on one task by itself",
    reference="Wild 2021, nebw/mabe; Sun et al. 2021, CalMS21, arXiv:2104.02710",
    paper="https://arxiv.org/abs/2104.02710",
    recipe=Joint(),
    network=build,
)
