"""The list of baselines: found by name, one module imported for each, and all of it known without torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from baselines.contract import Baseline
from baselines.models import MODELS, get_baseline, load
from bench.errors import UsageError

BLOCKED = "import sys; sys.modules['torch'] = None\n"


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'conv1d'"):
        get_baseline("conv1")


@pytest.mark.parametrize("name", MODELS)
def test_the_list_says_what_the_declaration_says(name: str) -> None:
    module, title, extra = MODELS[name]
    if name not in ("prior", "gbdt", "stacked"):
        pytest.importorskip("torch", reason="torch is in the extra `train`")
    baseline = get_baseline(name)
    assert isinstance(baseline, Baseline)
    assert (baseline.name, baseline.model) == (name, f"{module}:{name}")
    assert (baseline.title, baseline.extra) == (title, extra)
    assert load(baseline.model) is baseline
    hash(baseline.recipe)


def test_what_nobody_declares_is_not_found() -> None:
    with pytest.raises(LookupError):
        load("baselines.models.prior:posterior")


def test_the_official_recipe() -> None:
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    from baselines.recipes.windows import Recipe

    conv = get_baseline("conv1d")
    assert conv.recipe == Recipe(
        past=100, future=100, gap=2, epochs=15, batch=128, lr=1e-3, betas=(0.9, 0.999), eps=1e-7
    )
    assert conv.recipe.window == 201
    assert not conv.causal
    assert get_baseline("prior").causal


def test_one_model_imports_no_other() -> None:
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    code = (
        "import sys\nfrom baselines.models import get_baseline\nget_baseline('conv1d')\n"
        "print(*sorted(m for m in sys.modules if m.startswith('baselines.models.')))"
    )
    assert python(code).split() == ["baselines.models.conv1d"]


def test_the_prior_needs_no_torch_and_others_say_what_to_install() -> None:
    code = BLOCKED + (
        "import numpy as np\nfrom baselines.models import get_baseline\n"
        "from baselines.models.prior import frequencies\nfrom bench.errors import UsageError\n"
        "assert get_baseline('prior').name == 'prior' and get_baseline('gbdt').name == 'gbdt'\n"
        "try: get_baseline('conv1d')\n"
        "except UsageError as fault: print(fault.title, '|', fault.hint)\n"
        "print(frequencies(np.eye(2, dtype=bool)))"
    )
    needs, shares = python(code).splitlines()
    assert needs.startswith("baseline 'conv1d' needs torch | pip install")
    assert ".[train]" in needs
    assert shares == "[0.5 0.5]"


def test_without_torch_the_models_are_listed_with_what_installs_them() -> None:
    blocked = BLOCKED + (
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n"
        "from bench.cli import cli\n"
    )
    listed = json.loads(python(f"{blocked}cli(['models', '--json'])"))
    assert [(row["name"], row["title"], row["extra"]) for row in listed] == [
        (name, title, extra) for name, (_, title, extra) in MODELS.items()
    ]
    text = python(f"{blocked}cli(['models'])")
    assert all(name in text for name in MODELS)
    assert ".[train]" in text
