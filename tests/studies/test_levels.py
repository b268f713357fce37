"""The tables that README prints are those of the record."""

from __future__ import annotations

import json
from pathlib import Path

from levels import RECORDS, pages, tables

README = Path(__file__).parents[2] / "README.md"


def test_readme_has_the_tables_of_the_record() -> None:
    printed = tables(json.loads((RECORDS / "levels.json").read_text()))
    readme = README.read_text().splitlines()
    assert [line for line in printed.splitlines() if line and line not in readme] == []


def test_the_same_pages_come_twice() -> None:
    one, other = (pages(5, 12, 6, skewed=True) for _ in range(2))
    assert one == other
    assert one["replicates"] == 6
