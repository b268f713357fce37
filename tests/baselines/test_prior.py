"""The class prior: frequencies of the frames that train, the same for every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy import CLASSES, DATASET, FRAMES, recording, task

from baselines.models import get_baseline
from baselines.models.prior import frequencies
from baselines.runs.train import train
from bench.recordings import one_hot
from bench.store import pull


def test_frequencies() -> None:
    truth = one_hot(np.array([2, 0, 2, 2, 0, 3, 2, 2]), 5)
    np.testing.assert_array_equal(frequencies(truth), np.float32([0.25, 0, 0.625, 0.125, 0]))


def test_every_test_frame_gets_the_training_frequencies_of_its_part(
    bench_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(DATASET, Path())
    asked = task(first="ab", second="c")
    path = train(get_baseline("prior"), asked, seed=4, device="cpu", out=tmp_path / "prior")
    assert path == tmp_path / "prior" / "toy" / "seed4.npz"
    with np.load(path) as scores:
        assert sorted(scores) == ["first/d", "first/e", "second/d", "second/e"]
        for part, train_ids in (("first", "ab"), ("second", "c")):
            seen = [recording(id_) for id_ in train_ids]
            counts = sum(r.labels.sum(axis=0) for r in seen)
            expected = (counts / sum(r.annotated.sum() for r in seen)).astype(np.float32)
            for id_ in "de":
                assert scores[f"{part}/{id_}"].shape == (FRAMES[id_], len(CLASSES))
                assert scores[f"{part}/{id_}"].dtype == np.float32
                assert (scores[f"{part}/{id_}"] == expected).all()
            assert expected.sum() == pytest.approx(1, abs=1e-6)


def test_labels_without_poses_are_enough(bench_home: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    blind = [replace(recording(id_), keypoints=None) for id_ in FRAMES]
    pull(replace(DATASET, read=lambda _: iter(blind)), Path())
    assert train(get_baseline("prior"), task(), seed=0, device="cpu", out=tmp_path / "prior").is_file()
