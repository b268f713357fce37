"""The recipe that the MSGL paper trains all its networks by."""

from __future__ import annotations

from baselines.recipes.windows import Plateau, Recipe

REFERENCE = "Sharif and Caragea 2026, MSGL-Transformer, Scientific Reports"
RECIPE = Recipe(
    past=34,
    future=0,
    gap=1,
    epochs=50,
    batch=32,
    eps=1e-8,
    adam="torch",
    ends="whole",
    scaling="standard",
    missing="mean",
    class_weights="balanced",
    smoothing=0.1,
    validation="windows",
    plateau=Plateau(),
    patience=25,
)
"""As the published code was run, but for three things.

1. The code loses the last window of every recording; here it trains.
2. The code weighs classes by all windows, those that validate among them; here by those that train.
3. Its validation loss is the mean over batches of means that are weighted within each batch; here it is one
   weighted mean over all windows, which the size of a batch does not change.

The second and the third can choose another epoch. Random windows validate where no recordings do, as on
CalMS21; each fold of RatSI has a video for it, as the paper says. From the paper too: keypoints that are
missing, of which CalMS21 has none, get the mean of the training set."""
