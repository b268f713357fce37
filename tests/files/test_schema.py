"""A document against its schema: every fault, each with its place."""

from __future__ import annotations

import doctest
import math
import re
from typing import Any

import pytest

from bench.files import faults
from bench.files.schema import (
    ADDRESS,
    FLAG,
    Schema,
    choice,
    listed,
    mapping,
    matching,
    nullable,
    number,
    sound,
    table,
    text,
    text_fault,
    whole,
)

SCORE = table({"value": nullable(number(0, 1))}, {"runs": mapping(number(), text(8))})
DOCUMENT = table(
    {
        "name": text(11),
        "kind": choice("frames", "segments"),
        "size": listed(whole(1), 2, 2),
        "scores": mapping(SCORE, least=1),
    },
    {
        "code": ADDRESS,
        "causal": FLAG,
        "id": matching(re.compile("[a-z]+"), "lower-case letters"),
        "classes": listed(text(), distinct=True),
    },
)
GOOD: dict[str, Any] = {
    "name": "toy",
    "kind": "frames",
    "size": [3, 2],
    "scores": {"f1": {"value": None, "runs": {"seed0": 1}}},
    "code": "https://example.org/x?y=1",
    "causal": False,
    "id": "abc",
    "classes": ["a", "b"],
}


def test_a_good_document_has_no_fault() -> None:
    assert DOCUMENT.faults(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"name": 7}, ["name: 7, expected text"]),
        ({"kind": "frame"}, ["kind: 'frame', expected \"frames\" or \"segments\"; did you mean 'frames'?"]),
        ({"kind": ["frames"]}, ["kind: ['frames'], expected"]),
        ({"size": [3]}, ["size: [3], expected a list of 2, each a whole number from 1 to 2^63 - 1"]),
        ({"size": [3, 2.0]}, ["size[1]: 2.0, expected a whole number from 1"]),
        (
            {"size": [True, 2**70]},
            ["size[0]: true", "size[1]: a whole number of 71 bits, expected"],
        ),
        ({"scores": {}}, ["scores: {}, expected a table of 1 or more keys"]),
        ({"scores": {"f1": {}}}, ["scores.f1.value: missing, expected a number from 0 to 1 or null"]),
        ({"scores": {"rear up": {"value": 1.5}}}, ["scores['rear up'].value: 1.5, expected a number from 0"]),
        ({"scores": {"f1": {"value": math.nan}}}, ["scores.f1.value: nan, expected"]),
        ({"scores": {"f1": {"value": 1, "runs": {"": 1}}}}, ["scores.f1.runs['']: key empty, expected text"]),
        ({"scores": {"f1": {"value": 1, "runs": []}}}, ["scores.f1.runs: [], expected a table"]),
        ({"code": "http://a"}, ["code: 'http://a', expected an address"]),
        ({"causal": 0}, ["causal: 0, expected true or false"]),
        ({"id": "a1"}, ["id: 'a1', expected lower-case letters"]),
        ({"classes": ["b", "a", "b"]}, ["classes: 'b' stands there 2 times, expected once"]),
        ({"classes": [[]] * 7}, [f"classes[{i}]: [], expected text" for i in range(7)]),
        ({"size": [0] * 7}, ["size: a list of 7, expected"]),
        ({"clases": []}, ["clases: unknown key; did you mean 'classes'?"]),
        ({"x" * 10_000: 1}, ["unknown key"]),
        ({"name": "", "size": None}, ["name: empty, expected text", "size: null, expected"]),
    ],
)
def test_every_fault_has_its_place(changes: dict[str, Any], faults: list[str]) -> None:
    found = list(map(str, DOCUMENT.faults({**GOOD, **changes})))
    assert len(found) == len(faults)
    assert all(part in fault for part, fault in zip(faults, found, strict=True)), found
    assert set(sound({**GOOD, **changes}, DOCUMENT.faults({**GOOD, **changes}))) <= set(GOOD)


@pytest.mark.parametrize("schema", [DOCUMENT, SCORE, text(), number(), whole(), listed(FLAG), mapping(FLAG)])
@pytest.mark.parametrize("value", [None, "\ud800", {"": 2}, [[]], math.inf, 2**9999], ids=type)
def test_no_value_breaks_a_check(schema: Schema, value: Any) -> None:
    assert all(map(str, schema.faults(value)))


def test_what_is_missing_and_what_is_sound() -> None:
    lacking = {key: value for key, value in GOOD.items() if key != "name"} | {"size": 1}
    found = DOCUMENT.faults(lacking)
    assert [fault.place for fault in found] == [("size",), ("name",)]
    assert "name" not in sound(lacking, found)
    assert sound(lacking, found)["kind"] == "frames"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7, expected text"),
        (" ", "empty"),
        ("x" * 12, "12 characters, expected at most 11"),
        ("a\x1b", "U+001B, a control"),
        ("a\u202e", "U+202E, a format"),
        ("a\ud800", "U+D800, a surrogate"),
        ("a\u2028b", "U+2028, a line"),
        ("M\u043euse", "U+043E, a Cyrillic letter"),
        ("\u0391ttack", "U+0391, a Greek letter"),
    ],
)
def test_text_that_no_page_may_show_is_refused(value: object, expected: str) -> None:
    assert expected in str(text_fault(value, 11))


def test_a_line_of_text_is_shown() -> None:
    assert text_fault("ナキネズミ 7", 11) is None


@pytest.mark.parametrize("name", ["Крыса", "\u03bcNet", "3D-модель", "Мышь Net", "α-β-TCN"])
def test_words_of_other_alphabets_are_shown(name: str) -> None:
    assert text_fault(name, 30) is None


def test_the_example_of_a_place_is_true() -> None:
    assert doctest.testmod(faults).failed == 0
