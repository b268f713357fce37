"""Result files that are none: every one is named, with what makes it anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pages import result

from bench.errors import DataError
from bench.results import read, read_all, write


def test_a_file_of_an_earlier_version_is_said_to_be_one(tmp_path: Path) -> None:
    path = write(result("fresh", 0.5), tmp_path)
    held = json.loads(path.read_text())
    del held["scores"]["f1"]["other_intervals"]
    path.write_text(json.dumps(held))
    with pytest.raises(DataError, match="not a result file of this version") as caught:
        read(path)
    assert caught.value.problems == ("it has no 'other_intervals'",)
    task = path.stem.partition("--")[0]
    assert caught.value.hint == f"bench evaluate submissions/fresh --task {task}, or take {path} away"


def test_all_that_cannot_be_read_is_named_at_once(tmp_path: Path) -> None:
    write(result("good", 0.5), tmp_path)
    (tmp_path / "demo--cut.json").write_text('{"format": ')
    (tmp_path / "demo--list.json").write_text("[]")
    (tmp_path / "notes.json").write_text('{"format": 99}')
    with pytest.raises(DataError, match="results that cannot be read: 3") as caught:
        read_all(tmp_path)
    named = [problem.split(":")[0].split(" ")[0] for problem in caught.value.problems]
    assert named == [str(tmp_path / name) for name in ("demo--cut.json", "demo--list.json", "notes.json")]
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("bench evaluate submissions/cut --task demo")
