"""Tables: whole in a pipe, as wide as the terminal on one."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from bench.text import table

HEADERS = ["metric", "value", "95% interval", "attack", "investigation", "mount"]
ROWS = [
    ["F1 without the background", "0.532", "0.411 – 0.618", "0.250", "0.375", "0.500"],
    ["Bout F1", "0.125", "0.061 – 0.214", "–", "0.625", "0.750"],
]


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_pipe_gets_whole_lines_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    whole = table(HEADERS, ROWS)
    assert len(whole.splitlines()) == 4
    assert longest(whole) == 86
    assert whole == table(HEADERS, ROWS, width=86)


@pytest.mark.parametrize("columns", [40, 50, 60, 70, 85])
def test_a_terminal_gets_lines_that_fit_it(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", Terminal())
    fitted = table(HEADERS, ROWS)
    assert longest(fitted) <= columns
    words = {word for row in [HEADERS, *ROWS] for cell in row for word in cell.split()}
    assert words <= set(fitted.split())
    assert fitted == table(HEADERS, ROWS, width=columns)


def test_words_are_wrapped_before_columns_are_moved_below() -> None:
    wrapped = table(HEADERS, ROWS, width=75)
    assert wrapped.count("Bout F1") == 1
    below = table(HEADERS, ROWS, width=50)
    tables = below.split("\n\n")
    assert len(tables) == 2
    assert all("Bout F1" in each for each in tables)
    assert "0.750" in tables[1]
    assert "0.750" not in tables[0]


def test_no_word_is_broken_and_numbers_stay_in_one_line() -> None:
    narrow = table(HEADERS, ROWS, width=1)
    for cell in ("0.411 – 0.618", "investigation", "background"):
        assert cell in narrow


def test_titles_stand_above_their_rows_also_where_cells_are_wrapped() -> None:
    for width in (None, 50):
        lines = table(HEADERS, ROWS, titles={0: "frames", 1: "bouts"}, width=width).splitlines()
        first, second = lines.index("frames"), lines.index("bouts")
        assert lines[first + 1].startswith("  F1 without")
        assert lines[second + 1].startswith("  Bout F1")
        assert lines[second - 1] == ""


def test_limits_wrap_words_without_a_terminal() -> None:
    rows = [["one two three", "four five six"]]
    assert table(["a", "b"], rows, "ll", limits={1: 9}).splitlines()[2:] == [
        "one two three  four five",
        "               six",
    ]


def test_a_table_without_rows_is_its_headers() -> None:
    assert table(HEADERS, []).splitlines()[0].split()[0] == "metric"
    assert longest(table(HEADERS, [], width=40)) <= 40


@pytest.mark.parametrize("width", [None, 60, 40])
def test_an_empty_row_stays_where_cells_are_wrapped(width: int | None) -> None:
    lines = table(HEADERS, [ROWS[0], [""] * len(HEADERS), ROWS[1]], width=width).splitlines()
    last = next(k for k, line in enumerate(lines) if line.startswith("Bout F1"))
    assert not lines[last - 1].strip()
    assert lines[last - 2].strip()


def test_the_ends_of_an_axis_in_a_header_stay_apart() -> None:
    axis = "0" + " " * 18 + "1"
    assert axis in table(["name of a curve", axis, "value"], [["a", "#" * 20, "0.5"]], width=40)


def test_no_other_code_draws_tables() -> None:
    root = Path(__file__).parents[2]
    sources = [path for room in ("bench", "baselines") for path in (root / room).rglob("*.py")]
    drawing = {path.relative_to(root).as_posix() for path in sources if "import tabulate" in path.read_text()}
    files = {"bench/hub/card.py", "bench/pages/exports.py"}  # Markdown and LaTeX for others to read
    assert drawing == {"bench/text/tables.py", *files}
