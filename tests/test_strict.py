"""What strangers wrote: JSON by the letter, and lines of text."""

from __future__ import annotations

import pytest

from bench.strict import DIGITS, parse_json, text_fault


def test_json_is_read_and_its_mark_of_order_passed_over() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": NaN}', "NaN stands in it"),
        (b"[-Infinity]", "-Infinity stands in it"),
        (b'{"a": {"b\\u001b": 1, "b\\u001b": 2}}', r"stand twice in one object: 'b\\x1b'"),
        (b"1" * (DIGITS + 1), "4,301 digits"),
        (b"[" * 200_000, "nested far too deeply"),
        (b"\xff", "can't decode"),
    ],
)
def test_what_is_no_json_is_refused(text: bytes, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_json(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "a whole number, expected text"),
        (" ", "empty"),
        ("x" * 12, "12 characters, expected at most 11"),
        ("a\x1b", "U+001B, a control"),
        ("a\u202e", "U+202E, a format"),
        ("a\ud800", "U+D800, a surrogate"),
        ("a\u2028b", "U+2028, a line"),
    ],
)
def test_text_that_no_page_may_show_is_refused(value: object, expected: str) -> None:
    assert expected in (text_fault(value, 11) or "")


def test_a_line_of_text_is_shown() -> None:
    assert text_fault("ナキネズミ 7", 11) is None
