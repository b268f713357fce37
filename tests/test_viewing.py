"""`bench view`: bouts of truth and entries in one page, which shows them and no more."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pages.test_browser import CHROMIUM, opened

from bench import load_task, write_run
from bench.cli import cli
from bench.datasets import get_task
from bench.errors import UsageError
from bench.pages import view_page
from bench.store import pull_simulated
from bench.submissions import Entry, TaskCard, write_card
from bench.viewing import MISSING, View, as_plain, view

TASK = "demo-4x90"


@pytest.fixture
def entry(bench_home: Path, tmp_path: Path) -> Path:
    """Write an entry that is right but for the first ten frames of every recording, called first class."""
    task = get_task(TASK)
    pull_simulated(task.dataset)
    folder = tmp_path / "entry"
    card = TaskCard(
        classes=task.classes, output="scores", description="made up", extra_data="none", causal=False
    )
    name = "</script><script>alert(1)</script>"
    write_card(folder, Entry("entry", name, ("nobody",), "CC0", {TASK: card}))
    scores = {}
    for recording in load_task(TASK).recordings("test"):
        truth = recording.labels.astype(np.float32)
        truth[:10] = np.eye(len(task.classes), dtype=np.float32)[0]
        scores[recording.id] = truth
    write_run(folder, TASK, 0, scores)
    return folder


def states(bouts: dict) -> list[int]:
    return np.repeat(bouts["states"], bouts["lengths"]).tolist()


def test_bouts_are_the_labels_of_truth_and_entry(entry: Path) -> None:
    seen = view(get_task(TASK), None, [entry])
    told = json.loads(json.dumps(as_plain(seen)))
    (recording,) = (r for r in load_task(TASK).recordings("test") if r.id == seen.recording.id)
    human, other = told["rows"]
    assert states(human) == recording.labels.argmax(axis=1).tolist()
    assert states(other)[:10] == [0] * 10
    assert states(other)[10:] == states(human)[10:]
    assert told["frames"] == 90
    assert told["classes"][told["background"]] == "other"


def test_poses_are_whole_pixels_with_gaps(entry: Path) -> None:
    seen = view(get_task(TASK), None, [entry])
    poses = as_plain(seen)["poses"]
    steps = np.frombuffer(zlib.decompress(base64.b64decode(poses["data"])), "<i2")
    keypoints = seen.recording.keypoints[:: poses["every"]]
    values = np.cumsum(steps.reshape(-1, poses["moments"]), axis=1, dtype="<i2").T.reshape(keypoints.shape)
    missing = np.isnan(keypoints)
    assert (values[missing] == MISSING).all()
    assert np.abs(values[~missing] - keypoints[~missing]).max() <= 0.5
    assert poses["edges"]


def test_overlapping_classes_have_a_line_each(entry: Path) -> None:
    task = get_task(TASK)
    seen = view(task, None)
    apart = replace(task, exclusive=False)
    rows = View(apart, seen.recording, ("simulated",), ("",), ()), view(apart, None)
    assert [row.title for row in rows[1].rows] == [f"simulated: {name}" for name in task.classes]
    for k, row in enumerate(rows[1].rows):
        assert ((row.states == k) == seen.recording.labels_of(task.classes)[:, k]).all()


def test_what_cannot_be_shown_is_named(entry: Path) -> None:
    with pytest.raises(UsageError, match="asks for segments"):
        view(get_task("rat-dyads-bouts"), None)
    with pytest.raises(UsageError, match="no test recording 'mouse99'"):
        view(get_task(TASK), "mouse99")
    with pytest.raises(UsageError) as caught:
        view(get_task(TASK), None, [view(get_task(TASK), None).recording.id])
    assert "--recording" in caught.value.hint
    with pytest.raises(UsageError, match="4 entries, expected at most 3"):
        view(get_task(TASK), None, [entry] * 4)


def test_the_page_is_one_file_and_text_stays_text(entry: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    made = CliRunner().invoke(cli, ["view", TASK, str(entry), "--out", str(out)], catch_exceptions=False)
    assert made.exit_code == 0
    text = out.read_text(encoding="utf-8")
    assert text == view_page(view(get_task(TASK), None, [entry]))
    assert "<script>alert" not in text
    assert 'class="badge"' in text, "its recordings are simulated"
    assert text.count("<script") == 2
    assert not re.search(r"https?:|url\(|@import", text.replace('href="https://', ""))
    script = text.rpartition("<script>")[2]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", script)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the PATH")
def test_the_address_leads_to_the_moment_in_a_browser(entry: Path, tmp_path: Path) -> None:
    task = get_task(TASK)
    page = tmp_path / "page.html"
    seen = view(task, None, [entry])
    page.write_text(view_page(seen), encoding="utf-8")
    human, other = (row.states for row in seen.rows)
    for frame in (0, 45):
        shown = opened(page, f"#f={frame}&z=0-60")
        moment = shown.partition('role="status">')[2].partition("<")[0]
        assert moment.startswith(f"frame {frame}, ")
        assert f"simulated: {task.classes[human[frame]]}; " in moment
        assert moment.endswith(f": {task.classes[other[frame]]}")
    rows = shown.partition('id="longest">')[2].partition("</tbody>")[0].count("<tr>")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], human != other, [0]]).astype(int)) == 1)
    assert rows == min(8, len(edges))
