"""The CalMS21 1-D convolution on poses and 32 features of task programming.

Reference: Sun et al. 2021, CalMS21, arXiv:2104.02710, with features in its tables. The published numbers are
of features that CalMS21 ships. Where they are not at hand, the same network reads features that are learned
here: from the training recordings without their labels, and for Task 1 from the unlabelled set too. Tasks 2
and 3 read the features of Task 1, as a network that goes on from Task 1 has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from baselines.contract import Baseline, Need
from baselines.engine import windows
from baselines.models.conv1d import AS_RUN, PAPER, RECIPE, REFERENCE, Conv1D
from baselines.recipes.windows import Phase, Recipe, Tuning

TREBA = "baselines.extractors.treba:treba"
SHIPPED = "baselines.extractors.shipped:treba_shipped"
TASK1 = "calms21-task1"
PLAIN = Recipe(past=100, future=100, gap=2, epochs=15)
TUNINGS = (("calms21-task2", Tuning((Phase(3, 1e-3), Phase(6, 1e-3)))), AS_RUN[1])
"""On Task 2 fewer epochs than without the features; on Task 3 as many."""


def conv(
    name: str, title: str, words: str, recipe: Recipe, needs: Sequence[Need], tasks: Sequence[str] = ()
) -> Baseline:
    """Declare the convolution on poses and features."""
    return windows.baseline(
        module=__name__,
        name=name,
        title=title,
        description=f"the 1-D convolution on poses and {words}",
        reference=REFERENCE,
        paper=PAPER,
        recipe=replace(recipe, inputs="both"),
        network=windows.plain(Conv1D),
        needs=needs,
        tasks=tasks,
    )


LEARNED = conv(
    "conv1d_treba",
    "1-D convolution with TREBA",
    "32 features that task programming learns from the training recordings, without their labels",
    PLAIN,
    [Need(TREBA, "features")],
)
UNLABELLED = conv(
    "conv1d_treba_unlabelled",
    "1-D convolution with TREBA, unlabelled set",
    "32 features that task programming learns from CalMS21's unlabelled set too",
    PLAIN,
    [Need(f"{TREBA}_unlabelled", "features")],
    [TASK1],
)
OFFICIAL = conv(
    "conv1d_treba_shipped",
    "1-D convolution with TREBA, as shipped",
    "the 32 features of task programming that CalMS21 ships",
    PLAIN,
    [Need(SHIPPED, "features")],
)
AUGMENTED = conv(
    "conv1d_treba_augmented",
    "1-D convolution with TREBA, augmented",
    "32 features that task programming learns, poses turned and shifted at random in training",
    RECIPE,
    [Need(TREBA, "features", TASK1)],
)
AUGMENTED_OFFICIAL = conv(
    "conv1d_treba_shipped_augmented",
    "1-D convolution with TREBA, as shipped, augmented",
    "the 32 features that CalMS21 ships, poses turned and shifted at random in training",
    RECIPE,
    [Need(SHIPPED, "features", TASK1)],
)
"""What the fine-tuned ones begin with; no baselines of the list."""
FINETUNED = conv(
    "conv1d_treba_finetuned",
    "1-D convolution with TREBA, fine-tuned",
    "32 features that task programming learns from Task 1, trained on from Task 1",
    replace(RECIPE, tunings=TUNINGS),
    [Need(AUGMENTED.model, "start", TASK1), Need(TREBA, "features", TASK1)],
    [task for task, _ in TUNINGS],
)
FINETUNED_OFFICIAL = conv(
    "conv1d_treba_shipped_finetuned",
    "1-D convolution with shipped TREBA, fine-tuned",
    "the 32 features that CalMS21 ships, trained on from Task 1",
    replace(RECIPE, tunings=TUNINGS),
    [Need(AUGMENTED_OFFICIAL.model, "start", TASK1), Need(SHIPPED, "features", TASK1)],
    [task for task, _ in TUNINGS],
)
