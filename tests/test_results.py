"""Result files that are none: every one is named, with what makes it anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up import result

from bench.errors import DataError
from bench.results import read, write


def test_a_file_of_an_earlier_version_is_said_to_be_one(tmp_path: Path) -> None:
    path = write(result("fresh", 0.5), tmp_path)
    held = json.loads(path.read_text())
    del held["scores"]["f1"]["other_intervals"]
    path.write_text(json.dumps(held))
    with pytest.raises(DataError, match="not a result file of this version") as caught:
        read(path)
    assert caught.value.problems == ("it has no 'other_intervals'",)
    task = path.stem.partition("--")[0]
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"bench evaluate submissions/fresh --task {task} ")


@pytest.mark.parametrize("text", ['{"format": ', "[]", '{"format": 99}', '{"format": 1, "format": 1}', ""])
def test_what_is_no_result_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "demo--cut.json"
    path.write_text(text)
    with pytest.raises(DataError, match="is not a result file") as caught:
        read(path)
    assert str(path) in caught.value.title
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("bench evaluate submissions/cut --task demo")
