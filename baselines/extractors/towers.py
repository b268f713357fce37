"""Large encoders of pictures that somebody else trained, and which do not learn here: BEiT.

The weights come from the hub, on a machine that is connected; the state says of which commit they were, and
predicting takes those. Weights of a seed need no hub, and what they say of pictures is chance: titles and
cards of models that read them say so.

Reference: Bao et al. 2022, BEiT: BERT Pre-Training of Image Transformers, arXiv:2106.08254, as the library
transformers has it; its large tower on pictures of 512 pixels is the one of MABe 2022's team IRLAB.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from baselines.contract import Baseline, Data, Predictor, Run, Sizes, State, Workspace
from baselines.extractors.images import Pictures, scaled
from baselines.recipes.images import Tower
from bench.errors import DataError

RANDOM = "random weights: it was trained on nothing"


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Fetch the weights, so that they are there; raise `DataError` where they cannot be had."""
    recipe: Tower = run.recipe
    model = tower(recipe, run.seed)
    commit = getattr(model.config, "_commit_hash", None) if recipe.weights == "hub" else None
    where = "hub" if recipe.weights == "hub" else f"seed {run.seed}, {RANDOM}"
    return State({}, {"tower": recipe.name, "weights": where, "commit": commit})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what encodes pictures by the tower."""
    recipe: Tower = run.recipe
    model = tower(recipe, run.seed, state.facts["commit"]).to(run.device)

    def encode(batch: UInt8[Tensor, "B S S 3"]) -> Float32[Tensor, "B D"]:
        rows: Tensor = model(scaled(batch.to(run.device))).pooler_output  # the mean over the patches
        return rows

    image = run.sizes.skeleton.image
    return Pictures(encode, workspace, image, recipe.size, recipe.span, recipe.width, recipe.together)


def tower(recipe: Tower, seed: int, commit: str | None = None) -> Any:
    """Return a tower in evaluation mode, of a commit of the hub where one is named.

    Raises `DataError` where the weights cannot be had, or its features are not as many as declared.
    """
    from transformers import BeitConfig, BeitModel  # here: the list of models needs none

    if recipe.weights == "random":
        config = BeitConfig(
            hidden_size=recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=4 * recipe.width,
            image_size=recipe.size,
            patch_size=recipe.patch,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return BeitModel(config).eval()
    try:
        model = BeitModel.from_pretrained(recipe.name, revision=commit or "main")
    except OSError as fault:
        raise DataError(
            f"the weights of {recipe.name} cannot be had",
            [f"{type(fault).__name__}: {str(fault).splitlines()[0]}"[:300]],
            hint="connect this machine to the hub, or train the model whose name ends with _random",
        ) from fault
    if model.config.hidden_size != recipe.width:
        problem = f"{model.config.hidden_size} features, expected {recipe.width}"
        raise DataError(f"{recipe.name} is another tower than declared", [problem])
    return model.eval()


def width(recipe: Tower, sizes: Sizes) -> int:
    """Return the number of features of a frame."""
    return recipe.width * len(sizes.skeleton.animals)


def declare(name: str, title: str, recipe: Tower) -> Baseline:
    """Return an extractor of this file."""
    random = recipe.weights == "random"
    return Baseline(
        model=f"{__name__}:{name}",
        name=name,
        title=f"{title}, random" if random else title,
        description=f"{recipe.name}, {RANDOM}" if random else f"{recipe.name}, as its authors trained it",
        reference="Bao et al. 2022, BEiT, arXiv:2106.08254",
        paper="https://arxiv.org/abs/2106.08254",
        recipe=recipe,
        reads=frozenset({"poses", "video"}),
        answers=frozenset({"features"}),
        learn=learn,
        restore=restore,
        width=width,
        extra_data=f"none by {recipe.name}, of {RANDOM}" if random else f"what {recipe.name} learned from",
        extra="train,video,towers",
        libraries=("av", "numpy", "opencv-python-headless", "torch", "transformers"),
        devices=frozenset({"cpu", "cuda"}),
    )


LARGE = Tower("microsoft/beit-large-patch16-512", width=1024, layers=24, heads=16, size=512)
BEIT = declare("beit_images", "BEiT", LARGE)
BEIT_RANDOM = declare("beit_images_random", "BEiT", replace(LARGE, weights="random"))
