"""The figures of the LookAgain paper: which models they compare, and what is written and drawn of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("av", reason="av is in the extra `video`")

from baselines.experiments import lookagain
from baselines.experiments.drawing import draw_lines
from baselines.models import get_baseline
from bench.errors import UsageError
from bench.text import figure_text

MAIN = get_baseline("lookagain_small")


def test_the_models_of_all_figures_differ_by_name_and_recipe() -> None:
    made = {}
    for figure in lookagain.FIGURES:
        for line in figure.lines:
            baseline = lookagain.model_of(line, MAIN)
            assert made.setdefault(baseline.name, baseline.recipe) == baseline.recipe
    shares, rivals, alone, terms, rules, clusters, their_rivals = 5, 4, 1, 3, 4, 5, 2
    assert len(made) == shares + rivals + alone + terms + rules + clusters + their_rivals
    recipes = [repr(recipe) for name, recipe in made.items() if name.startswith("lookagain")]
    assert len(set(recipes)) == len(recipes)
    assert made["lookagain_small_0_5_saliency"].without == "saliency"
    assert made["lookagain_small_0_25_uniform"].gate == "uniform"
    assert made["lookagain_small_alone_0_5"].start == ""


def test_a_figure_that_is_not_there_and_a_model_without_gate_are_refused() -> None:
    with pytest.raises(UsageError):
        lookagain.figure_named("lookagain-1")
    with pytest.raises(UsageError):
        lookagain.model_of(lookagain.FIGURES[0].lines[0], get_baseline("conv1d"))


@pytest.mark.parametrize("fractions", [(1.0,), (0.1, 1.0)])
def test_a_figure_is_drawn_and_printed_beside_the_claim(tmp_path: Path, fractions: tuple[float, ...]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plots`")
    score = {
        "value": 0.512,
        "low": 0.4,
        "high": 0.6,
        "std_runs": 0.02,
        "per_run": {"seed0": 0.5, "seed1": 0.53},
    }
    empty = {"value": None, "low": None, "high": None, "std_runs": None, "per_run": {"seed0": None}}
    lines = [
        {"title": title, "points": [{"fraction": fraction, "scores": {"f1": one}} for fraction in fractions]}
        for title, one in (("keypoints alone", score), ("25% of the pictures", empty))
    ]
    content = {
        "title": "More pictures",
        "claim": "pictures help",
        "task": {"name": "demo-feeder-4x40", "simulated": True},
        "metrics": [{"name": "f1", "title": "F1", "unit": ""}],
        "lines": lines,
    }
    text = figure_text(content)
    for word in ("keypoints alone", "0.512", "pictures help", "simulated"):
        assert word in text
    drawings = [draw_lines(content, tmp_path / name) for name in ("one.svg", "other.svg")]
    assert drawings[0].read_bytes() == drawings[1].read_bytes()
    assert "keypoints alone" in drawings[0].read_text()
