"""Ethograms on the site: from stored bouts, without a store, and the moves of the script in a browser."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages.test_browser import CHROMIUM, opened
from test_evidence import TASK, scored

from bench import load_task
from bench.evidence import labels_of_rows
from bench.pages import publish_results, render
from bench.pages.publishing import poses_at_hand
from bench.results import Result
from bench.verification.results import read_results

__all__ = ["scored"]


def data_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_a_page_holds_the_bouts_of_every_entry(scored: tuple[Result, Path]) -> None:
    (result,) = read_results(scored[1].parent)
    other = replace(result, entry={**result.entry, "id": "other", "name": "</script><b>"})
    strange = replace(other, entry={**other.entry, "id": "strange"}, truth_digest="0" * 64)
    pages = render([result, other, strange])
    recordings = {one.id: one for one in load_task(TASK).recordings("test")}
    assert {name for name in pages if "ethogram" in name} == {
        f"{TASK}--{id_}.ethogram.html" for id_ in recordings
    }
    for id_, recording in recordings.items():
        page = pages[f"{TASK}--{id_}.ethogram.html"]
        data = data_of(page)
        assert data["ids"] == ["", "entry", "other"], "another truth is not drawn beside this one"
        assert data["poses"] is None
        assert "<b>" not in page
        truth = [
            {key: row[key] for key in ("states", "lengths")} for row in data["rows"] if row["source"] == 0
        ]
        assert (labels_of_rows(truth, len(data["classes"])) == recording.labels).all()
        link = f'href="{TASK}--{id_}.ethogram.html#who=entry"'
        assert link in pages[f"{TASK}--entry.html"]


def test_no_bouts_no_page(scored: tuple[Result, Path]) -> None:
    (result,) = read_results(scored[1].parent)
    pages = render([replace(result, beside=None)])
    assert not [name for name in pages if "ethogram" in name]
    assert "ethogram.html" not in pages[f"{TASK}--entry.html"]


def test_poses_are_shown_where_they_are_at_hand_and_may_be(
    scored: tuple[Result, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recording = next(iter(load_task(TASK).recordings("test")))
    poses = poses_at_hand(TASK, recording.id)
    assert poses is not None
    steps = np.frombuffer(zlib.decompress(b64decode(poses["data"])), "<i2")
    assert steps.size == recording.keypoints[:: poses["every"]].size
    assert poses_at_hand("rat-dyads", "rat_25") is None, "its licence lets nobody pass it on"
    assert poses_at_hand(TASK, "mouse999") is None
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "empty"))
    assert poses_at_hand(TASK, recording.id) is None


def test_the_same_results_give_the_same_site(scored: tuple[Result, Path], tmp_path: Path) -> None:
    one, other = (publish_results(scored[1].parent, tmp_path / name).parent for name in ("one", "other"))
    names = sorted(path.name for path in one.iterdir())
    assert any("ethogram" in name for name in names)
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes()


def moved(page: Path, keys: list[str], address: str = "") -> tuple[str, str]:
    """Press keys on the ethogram; return the words of the moment and the address after it."""
    script = (
        "window.onerror = (words) => { document.title = `error: ${words}`; };"
        "setTimeout(() => { const to = document.getElementById('ethogram'); to.focus();"
        + "".join(
            f"to.dispatchEvent(new KeyboardEvent('keydown', {{key: {json.dumps(key)}, cancelable: true}}));"
            for key in keys
        )
        + "document.body.dataset.address = location.hash; }, 300);"
    )
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)
    assert policy
    changed = page.with_name("moved.html")
    probe = text.replace(policy[0], "").replace("</body>", f"<script>{script}</script></body>")
    changed.write_text(probe, encoding="utf-8")
    shown = opened(changed, address)
    assert "<title>error" not in shown
    moment = shown.partition('role="status">')[2].partition("<")[0]
    found = re.search(r'data-address="([^"]*)"', shown)
    assert found
    return moment, found[1].replace("&amp;", "&")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the PATH")
def test_keys_move_zoom_and_jump_in_a_browser(scored: tuple[Result, Path], tmp_path: Path) -> None:
    site = publish_results(scored[1].parent, tmp_path / "site").parent
    recording = next(iter(load_task(TASK).recordings("test")))
    page = site / f"{TASK}--{recording.id}.ethogram.html"
    data = data_of(page.read_text(encoding="utf-8"))
    truth, entry = (np.repeat(row["states"], row["lengths"]) for row in data["rows"])
    apart = np.flatnonzero(np.diff(np.concatenate([[0], truth != entry]).astype(int)) == 1)
    moment, address = moved(page, ["n"])
    first = apart[apart > 0][0]
    assert moment.startswith(f"frame {first}, ")
    assert f"f={first}" in address
    moment, address = moved(page, ["n", "p", "d"], f"#f={apart[1]}")
    assert moment.startswith(f"frame {apart[1]}, ")
    assert "d=1" in address
    _, address = moved(page, ["+", "+"], "#f=45")
    low, high = map(int, re.findall(r"z=(\d+)-(\d+)", address)[0])
    assert low <= 45 < high
    assert high - low < len(truth) / 3
    assert "z=" not in moved(page, ["+", "0"])[1]
    moment, _ = moved(page, ["End", "ArrowLeft"])
    assert moment.startswith(f"frame {len(truth) - 2}, ")
