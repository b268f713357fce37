"""The count of what existed: lines of code, and files that carry on what was there."""

from __future__ import annotations

from existing import code_lines, figures

SOURCE = '''"""A module
of two lines."""

X = 1  # a comment
"""What X is."""
# alone
def area(a,
         b):
    """Return it."""
    text = """one

    two"""

    return a * b
'''


def test_comments_docstrings_and_blank_lines_are_no_code() -> None:
    lines = ["X = 1  # a comment", "def area(a,", "b):", 'text = """one', 'two"""', "return a * b"]
    assert code_lines(SOURCE) == lines
    assert code_lines("") == []


def test_a_third_of_the_lines_carries_a_file_on_and_each_line_counts_once() -> None:
    then = {"bench/a.py": ["a", "b", "c", "d"], "bench/gone.py": ["e", "f", "g"]}
    now = {
        "bench/a.py": ["x", "y"],
        "bench/part.py": ["e", "f", "n", "n", "n", "n"],
        "bench/new.py": ["g", "g", "g", "m"],
    }
    counts = figures(then, now, {"bench/a.py"})
    assert counts["behind"]["what existed"] == {"bench/a.py": 2, "bench/part.py": 6}
    assert counts["behind"]["new"] == {"bench/new.py": 4}
    assert (counts["lines then"], counts["lines today of what existed"], counts["difference"]) == (7, 8, 1)
    assert counts["survived"] == 3
