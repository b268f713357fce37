"""Results by the names of task and entry: what is not there is told with what is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.verification.results import read_named


@pytest.mark.parametrize(
    ("task", "entry", "hint"),
    [
        (
            "demo",
            "mymodl",
            "bench explain demo mymodel; or first bench evaluate submissions/mymodl --task demo",
        ),
        ("mymodel", "demo", "bench explain demo mymodel"),
        ("rats", "qqq", "bench evaluate submissions/qqq --task rats"),
    ],
)
def test_a_result_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, task: str, entry: str, hint: str
) -> None:
    for name in ("demo--mymodel.json", "demo--prior.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError) as caught:
        read_named(tmp_path, task, entry)
    assert caught.value.hint == hint
