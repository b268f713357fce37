"""What is read of the output of two pytest commands."""

from __future__ import annotations

from suite_time import counts

OUTPUT = """
SKIPPED [3] tests/test_hub.py:12: no real recordings
212 passed, 3 skipped in 61.02s (0:01:01)
make[1]: something else in 7 s
================ 1 failed, 5 passed, 2 errors in 0.31s ================
"""


def test_counts_add_up_over_all_commands() -> None:
    assert counts(OUTPUT) == {"passed": 217, "skipped": 3, "failed": 1, "error": 2}


def test_without_a_summary_there_are_none() -> None:
    assert not any(counts("make: *** No rule to make target 'test'.").values())
