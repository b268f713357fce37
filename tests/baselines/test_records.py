"""Records that a stranger put into the work folder of an entry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from baselines.runs import records
from bench.errors import MOST_PROBLEMS, BenchError, DataError


@pytest.mark.parametrize("strange", ["pipe", "link", "brackets", "sparse", "empty"])
def test_a_record_that_is_none_is_named_and_not_waited_for(strange: str, tmp_path: Path) -> None:
    record = tmp_path / "seed7.json"
    if strange == "pipe":
        os.mkfifo(record)
    elif strange == "link":
        record.symlink_to("/dev/zero")
    else:
        record.write_text("[" * 200_000 if strange == "brackets" else "")
        if strange == "sparse":
            os.truncate(record, 2**40)
    with pytest.raises(DataError, match="seed7"):
        records.read(record)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    records.write(tmp_path / "a.json", {"inputs": {"seed": 3, "rate": 0.1}})
    assert records.read(tmp_path / "a.json") == {"inputs": {"seed": 3, "rate": 0.1}}


def test_no_error_is_without_end() -> None:
    fault = BenchError("many", (f"{number}: {'x' * 100_000}" for number in range(3_000)))
    assert len(fault.problems) == MOST_PROBLEMS + 1
    assert fault.problems[-1] == f"and {3_000 - MOST_PROBLEMS:,} more"
    assert len(str(fault)) < 1_000_000
