"""Large encoders that others trained: random ones say so; weights that cannot be had have one message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("av", reason="av is in the extra `video`")
pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from test_images import RECORDINGS, film  # noqa: E402

from baselines.contract import Data, PictureExtractor  # noqa: E402
from baselines.extractors.towers import BEIT, BEIT_RANDOM, tower  # noqa: E402
from baselines.models import get_baseline  # noqa: E402
from baselines.recipes.images import Tower  # noqa: E402
from baselines.runs.check import check  # noqa: E402
from bench.datasets import get_task  # noqa: E402
from bench.errors import DataError, UsageError  # noqa: E402

TINY = Tower("none/none", width=12, layers=2, heads=3, size=32, weights="random", together=5)
ASKED = places.question("features")


def test_random_weights_are_said_wherever_the_model_is_named() -> None:
    for one in (BEIT_RANDOM, get_baseline("lookagain_beit_random")):
        assert "random" in one.name
        assert "random" in one.title
        assert "trained on nothing" in one.description
    assert "trained on nothing" in BEIT_RANDOM.extra_data
    assert "random" not in BEIT.title


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "baselines.runs.check.find_spec", lambda name: None if name == "transformers" else name
    )
    with pytest.raises(UsageError) as caught:
        check(get_baseline("lookagain_beit"), get_task("demo-feeder-4x40"), "cpu")
    assert "transformers" in caught.value.title
    assert "towers" in str(caught.value.hint)


def test_a_random_tower_is_that_of_its_seed_and_encodes_what_is_chosen(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is in the extra `towers`")
    film(tmp_path / "b.mp4", 31)
    one, again, other = (tower(TINY, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    run = places.run(BEIT_RANDOM, ASKED, recipe=TINY)
    place = places.Place(tmp_path / "none.pt")
    state = BEIT_RANDOM.learn(run, Data({"toy/all": RECORDINGS}, {}), place)
    assert "trained on nothing" in state.facts["weights"]
    extractor = BEIT_RANDOM.restore(run, state, place)
    assert isinstance(extractor, PictureExtractor)
    chosen = np.zeros((31, 2), dtype=bool)
    chosen[4:11, 0] = True
    rows = extractor.some(RECORDINGS[1], chosen)
    assert rows.shape == (31, 2, 12)
    assert (np.abs(rows).sum(axis=2) > 0).tolist() == chosen.tolist()


def test_weights_that_cannot_be_had_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is in the extra `towers`")

    def offline(*_: object, **__: object) -> None:
        raise OSError("no connection\nmore")

    monkeypatch.setattr(transformers.BeitModel, "from_pretrained", offline)
    with pytest.raises(DataError) as caught:
        tower(replace(TINY, weights="hub"), 0)
    assert "none/none" in caught.value.title
    assert "_random" in str(caught.value.hint)
