"""The baselines: models that the benchmark trains itself, so that rivals meet under the same rule.

A new model is one file with its `nn.Module`, and one declaration in `BASELINES` below.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi

from baselines.contract import (
    Augmentation,
    Baseline,
    Boosting,
    Phase,
    Plateau,
    Pretraining,
    Recipe,
    Tuning,
)
from baselines.runs.train import train
from bench.errors import UsageError, nearest

__all__ = ["BASELINES", "Baseline", "Boosting", "Recipe", "get_baseline", "train"]

CALMS21 = "Sun et al. 2021, CalMS21, arXiv:2104.02710"
CALMS21_URL = "https://arxiv.org/abs/2104.02710"
AUGMENTED_RECIPE = Recipe(
    past=50, future=50, gap=1, epochs=50, augmentation=Augmentation(rotation=pi, shift=0.25)
)
AS_RUN = {
    "calms21-task2": Tuning((Phase(5, 1e-3), Phase(10, 1e-3))),
    "calms21-task3": Tuning((Phase(30, 1e-3, adam="new"), Phase(20, 5e-5)), head="new"),
}
"""The published code freezes layers after it has compiled the network, which Keras does not heed: all weights
learn in both phases. On Task 2 it goes on with the optimiser of Task 1, its learning rate included."""
AS_DESCRIBED = {
    "calms21-task2": Tuning((Phase(5, 1e-4, "head", "new"), Phase(10, 1e-4, "all", "new"))),
    "calms21-task3": Tuning((Phase(30, 1e-3, "head", "new"), Phase(20, 5e-5, "all", "new")), head="new"),
}
"""First the last layer alone, then all; at the learning rates that the code declares. The code means to leave
batch normalisations free in the first phase, and so they are; the paper does not speak of them."""
MSGL = "Sharif and Caragea 2026, MSGL-Transformer, Scientific Reports"
MSGL_RECIPE = Recipe(
    past=34,
    future=0,
    gap=1,
    epochs=50,
    batch=32,
    eps=1e-8,
    ends="whole",
    scaling="standard",
    missing="mean",
    class_weights="balanced",
    smoothing=0.1,
    validation="windows",
    plateau=Plateau(),
    patience=25,
)
"""As the published code was run, less a slip that loses the last window of every recording. Random windows
validate where no recordings do, as on CalMS21; each fold of RatSI has a video for it, as the paper says. From
the paper too: keypoints that are missing, of which CalMS21 has none, get the mean of the training set."""

BASELINES: tuple[Baseline, ...] = (
    Baseline(
        name="prior",
        title="Class prior",
        description="how often each class holds in the training frames, said of every frame",
        reference="no model: the score that any model must beat",
        model="baselines.models.prior:scores",
    ),
    Baseline(
        name="gbdt",
        title="Boosted trees on geometry",
        description="egocentric geometry and its statistics over windows of up to 12 s, boosted trees",
        reference="Ke et al. 2017, LightGBM; scikit-learn's HistGradientBoostingClassifier",
        model="baselines.models.gbdt:scores",
        recipe=Boosting(),
        paper="https://scikit-learn.org/stable/modules/ensemble.html",
    ),
    Baseline(
        name="single_frame",
        title="Single frame",
        description="four dense layers on the pose of one frame",
        reference=CALMS21,
        model="baselines.models.single_frame:SingleFrame",
        recipe=Recipe(past=0, future=0, gap=1, epochs=15, lr=5e-3),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="fc",
        title="Fully connected",
        description="three dense layers on a window of 201 poses, every second frame",
        reference=CALMS21,
        model="baselines.models.fc:FC",
        recipe=Recipe(past=100, future=100, gap=2, epochs=15, lr=3e-4),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="lstm",
        title="LSTM",
        description="an LSTM over a window of 101 poses, two dense layers on its last state",
        reference=CALMS21,
        model="baselines.models.lstm:LSTM",
        recipe=Recipe(past=50, future=50, gap=1, epochs=20),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="self_attention",
        title="Self-attention",
        description="three attentions over a window of 101 poses",
        reference=CALMS21,
        model="baselines.models.self_attention:SelfAttention",
        recipe=Recipe(past=50, future=50, gap=1, epochs=20),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="conv1d",
        title="1-D convolution",
        description="three convolutions over a window of 201 poses, every second frame",
        reference=CALMS21,
        model="baselines.models.conv1d:Conv1D",
        recipe=Recipe(past=100, future=100, gap=2, epochs=15),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="conv1d_causal",
        title="1-D convolution, causal",
        description="three convolutions over the 101 poses up to the frame, every second frame",
        reference=CALMS21,
        model="baselines.models.conv1d:Conv1D",
        recipe=Recipe(past=100, future=0, gap=2, epochs=15),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="conv1d_augmented",
        title="1-D convolution, augmented",
        description="three convolutions over a window of 101 poses, turned and shifted at random in training",
        reference=CALMS21,
        model="baselines.models.conv1d:Conv1D",
        recipe=AUGMENTED_RECIPE,
        paper=CALMS21_URL,
    ),
    Baseline(
        name="conv1d_finetuned",
        title="1-D convolution, fine-tuned",
        description="the augmented 1-D convolution of CalMS21 Task 1, trained on, as the code was run",
        reference=CALMS21,
        model="baselines.models.conv1d:Conv1D",
        recipe=replace(AUGMENTED_RECIPE, pretraining=Pretraining("calms21-task1", AS_RUN)),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="conv1d_finetuned_as_described",
        title="1-D convolution, fine-tuned as described",
        description="the augmented 1-D convolution of CalMS21 Task 1, its last layer trained on, then all",
        reference=CALMS21,
        model="baselines.models.conv1d:Conv1D",
        recipe=replace(
            AUGMENTED_RECIPE,
            augmentation=Augmentation(rotation=pi, shift=0.25, reflect=True),  # the code does not reflect
            pretraining=Pretraining("calms21-task1", AS_DESCRIBED),
        ),
        paper=CALMS21_URL,
    ),
    Baseline(
        name="msgl",
        title="MSGL-Transformer",
        description="attention at three ranges over the 35 poses up to the frame, gated by all of them",
        reference=MSGL,
        model="baselines.models.msgl:MSGL",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_as_described",
        title="MSGL-Transformer, as described",
        description="the MSGL-Transformer of the paper's text: one layer less, classes not weighted",
        reference=MSGL,
        model="baselines.models.msgl:as_described",
        recipe=replace(MSGL_RECIPE, class_weights="task", validation="recordings"),
    ),
    Baseline(
        name="msgl_without_bam",
        title="MSGL-Transformer without modulation",
        description="the MSGL-Transformer without behaviour-aware modulation",
        reference=f"{MSGL}, Table 14",
        model="baselines.models.msgl:without_modulation",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_without_msa",
        title="MSGL-Transformer without multi-scale attention",
        description="the MSGL-Transformer without its attention at three ranges",
        reference=f"{MSGL}, Table 14",
        model="baselines.models.msgl:without_multi_scale",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_without_both",
        title="MSGL-Transformer without either",
        description="the MSGL-Transformer without modulation and without attention at three ranges",
        reference=f"{MSGL}, Table 14",
        model="baselines.models.msgl:without_both",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_lstm",
        title="LSTM of the MSGL paper",
        description="two layers of LSTM over the 35 poses up to the frame",
        reference=f"{MSGL}, Table 13",
        model="baselines.models.msgl_lstm:LSTM",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_bilstm",
        title="Bi-LSTM of the MSGL paper",
        description="two layers of LSTM in both directions over the 35 poses up to the frame",
        reference=f"{MSGL}, Table 13",
        model="baselines.models.msgl_lstm:BiLSTM",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_tcn",
        title="TCN of the MSGL paper",
        description="two residual blocks of causal convolutions, which see 7 poses",
        reference=f"{MSGL}, Table 13; Bai et al. 2018, arXiv:1803.01271",
        model="baselines.models.msgl_tcn:TCN",
        recipe=MSGL_RECIPE,
    ),
    Baseline(
        name="msgl_tcn_plain",
        title="TCN of the MSGL paper, plain",
        description="three causal convolutions, which see 15 poses: the other network of the published size",
        reference=f"{MSGL}, Table 13",
        model="baselines.models.msgl_tcn:PlainTCN",
        recipe=MSGL_RECIPE,
    ),
)


def get_baseline(name: str) -> Baseline:
    """Return a baseline by name; raise `UsageError` with the nearest name where there is none."""
    for baseline in BASELINES:
        if baseline.name == name:
            return baseline
    known = [baseline.name for baseline in BASELINES]
    raise UsageError(f"no baseline {name!r}{nearest(name, known)}", hint=f"choose one of {', '.join(known)}")
