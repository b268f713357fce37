"""Three raters of real open-field videos: the published agreement, and the frozen metrics on it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from bench.datasets.oft_labels import FILE, read_labels

SCRIPT = Path(__file__).parents[1] / "perf" / "ceiling.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ceiling", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ceiling"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


ceiling = load_script()


@pytest.fixture(scope="module")
def videos(real_data: Path) -> dict[str, Any]:
    path = real_data / "oft" / FILE
    if not path.is_file():
        pytest.skip(f"no open-field labels: {path} does not exist")
    return read_labels(path)


@pytest.fixture(scope="module")
def facts(real_data: Path) -> dict[str, Any]:
    path = real_data / "oft" / "reference_facts.json"
    if not path.is_file():
        pytest.skip(f"{path} does not exist")
    return json.loads(path.read_text())


def test_fleiss_kappa_is_the_published_one(videos: dict[str, Any], facts: dict[str, Any]) -> None:
    kappa, frames = ceiling.fleiss_kappa(videos)
    assert kappa == pytest.approx(facts["fleiss_kappa"], abs=1e-12)
    assert f"{kappa:.2f}" == "0.80"
    assert frames == 294_265


@pytest.mark.slow
def test_the_table_of_pairs_equals_scikit_learn(videos: dict[str, Any]) -> None:
    found = ceiling.agreement(videos)
    assert len(found) == 6
    for (a, b), values in found.items():
        truth, other = (
            np.concatenate([v.labels[rater][v.counted] for v in videos.values()]) for rater in (a, b)
        )
        np.testing.assert_allclose(values["f1"][1:], f1_score(truth, other, average=None), rtol=0, atol=1e-12)
        sets = [side @ np.array([1, 2, 4]) for side in (truth, other)]
        assert values["cohen_kappa"][0] == pytest.approx(cohen_kappa_score(*sets), abs=1e-12)


@pytest.mark.slow
def test_roles_of_two_raters_are_symmetric_where_the_definition_is(videos: dict[str, Any]) -> None:
    found = ceiling.agreement(videos)
    for a, b in found:
        one, other = found[a, b], found[b, a]
        for name in ("f1", "accuracy", "cohen_kappa", "bout_f1_50"):
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-12)
        for edge in ("onset", "offset"):
            assert abs(one[f"{edge}_bias"][0] + other[f"{edge}_bias"][0]) <= 1.0
        assert 0.6 < one["f1"][0] < 0.95
        assert 0.4 < one["detection_map"][0] < one["bout_f1_50"][0]
