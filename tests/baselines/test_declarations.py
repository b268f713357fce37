"""The list of baselines: found by name, importable, and free of torch until one is trained."""

from __future__ import annotations

import subprocess
import sys

import pytest

from baselines import BASELINES, Recipe, get_baseline
from bench.errors import UsageError


def test_names_are_unique_and_found() -> None:
    names = [baseline.name for baseline in BASELINES]
    assert len(set(names)) == len(names)
    assert [get_baseline(name) for name in names] == list(BASELINES)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'conv1d'"):
        get_baseline("conv1")


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_every_model_can_be_imported(baseline) -> None:
    if baseline.recipe is not None:
        pytest.importorskip("torch", reason="torch is in the extra `train`")
    assert callable(baseline.load())


def test_the_official_recipe() -> None:
    conv = get_baseline("conv1d")
    assert conv.recipe == Recipe(
        past=100, future=100, gap=2, epochs=15, batch=128, lr=1e-3, betas=(0.9, 0.999), eps=1e-7
    )
    assert conv.recipe.window == 201
    assert not conv.causal
    assert get_baseline("prior").causal


def test_the_list_and_the_prior_need_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import baselines, numpy as np\n"
        "from baselines.models.prior import frequencies\n"
        "assert baselines.get_baseline('prior').load().__name__ == 'scores'\n"
        "print(frequencies(np.eye(2, dtype=bool)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[0.5 0.5]", done.stderr
