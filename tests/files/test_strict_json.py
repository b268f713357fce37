"""JSON by the letter: what is no JSON is refused, with its place where it has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.errors import FileError
from bench.files.strict_json import DIGITS, parse_json, read_json


def test_json_is_read_and_its_mark_of_order_passed_over() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert parse_json(rb'["\ud83d\ude00", "\u00e9"]') == ["\U0001f600", "é"], "two halves are one character"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b'{"a": [1, {"b": NaN}]}', ["a[1].b: nan, expected a finite number"]),
        (b"[-Infinity, 1e999]", ["[0]: -inf", "[1]: inf"]),
        (rb'{"a": {"rear up": "x\ud800"}}', ["a['rear up']: 'x\\ud800', expected whole characters"]),
        (rb'{"a": {"\udfff": 1}}', ["a: key '\\udfff', expected whole characters"]),
        (b'{"a": {"b\\u001b": 1, "b\\u001b": 2}}', [r"stand twice in one object: 'b\x1b'"]),
        (b"1" * (DIGITS + 1), ["4,301 digits"]),
        (b"[" * 200_000, ["nested far too deeply"]),
        (b'{"a":' * 50_000, ["nested far too deeply"]),
        (b"[1, 2\xff]", ["not UTF-8: byte 5 is 0xff"]),
        (b'{"a": 1', ["not JSON, or cut short", "line 1 column 8"]),
        (b"[" + b"NaN, " * 50 + b"1]", ["[9]: nan", "and more"]),
    ],
)
def test_what_is_no_json_is_refused(text: bytes, parts: list[str]) -> None:
    with pytest.raises(FileError) as caught:
        parse_json(text)
    assert all(part in caught.value.title for part in parts), caught.value.title
    assert len(caught.value.title) < 500


def test_a_file_is_opened_only_where_it_is_one(tmp_path: Path) -> None:
    path, link, pipe = tmp_path / "a.json", tmp_path / "link.json", tmp_path / "pipe.json"
    path.write_text("[1]")
    link.symlink_to(path)
    os.mkfifo(pipe)
    assert read_json(path, 3) == [1]
    assert read_json(link, 3, follow=True) == [1]
    for wrong, limit, why in (
        (path, 2, "3 bytes, expected at most 2"),
        (link, 3, "a link, expected a file"),
        (pipe, 3, "a pipe"),
        (tmp_path, 3, "a folder"),
        (tmp_path / "absent", 3, "cannot be opened"),
    ):
        with pytest.raises(FileError, match=why):
            read_json(wrong, limit)
