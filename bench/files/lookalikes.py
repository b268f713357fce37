"""Letters of other alphabets that look like Latin ones: a Cyrillic "а" in a name makes it another name.

The pairs are after Unicode's security mechanisms (UTS 39, confusables), those that common fonts draw alike:
Cyrillic, Greek, Armenian and Cherokee letters, and a few Latin ones. Greek letters that a reader tells apart,
such as α and μ, are not among them.
"""

from __future__ import annotations

import re
import unicodedata

_PAIRS = (
    ("АВЕЅІЈКМНОРСТУХԚԜаеѕіјорсухԛԝһԁӏ", "ABESIJKMHOPCTYXQWaesijopcyxqwhdl"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιρυκ", "ABEZHIKMNOPTYXovipuk"),
    ("օսոհ", "ounh"),
    ("ᎠᎡᎢᎪᎫᎬᎳᎷᎻᏀᏃᏚᏙᏞᏟᏢᏦᏴ", "DRTAJEWMHGZSVLCPKB"),
    ("ıɑɡ", "iag"),
)
"""Letters, and the Latin ones that they look like."""
_LATIN = {
    ord(letter): latin for letters, latins in _PAIRS for letter, latin in zip(letters, latins, strict=True)
}
_STROKES = {ord(sign): "l" for sign in "1|I"} | {ord("0"): "o"}
"""Digits and signs that look like letters."""
_WORD = re.compile(r"[^\W\d_]+")


def skeleton(name: str) -> str:
    """Return what a reader sees of a name: names that look alike have one skeleton.

    Case, spaces, the way that Unicode writes a letter, and letters and signs that look alike do not count.

    >>> skeleton("MОUSЕ  Nеt"), skeleton("Mouse net") == skeleton("MОUSЕ  Nеt")
    ('rnouse net', True)
    """
    plain = unicodedata.normalize("NFKC", name).translate(_LATIN).translate(_STROKES)
    return " ".join(plain.casefold().replace("m", "rn").replace("vv", "w").split())


def lookalike(text: str) -> str | None:
    """Return the first letter that looks like a Latin one in a word with Latin letters; None without one."""
    for word in _WORD.findall(unicodedata.normalize("NFKC", text)):
        other = next((letter for letter in word if ord(letter) in _LATIN and not _is_latin(letter)), None)
        if other is not None and any(map(_is_latin, word)):
            return str(other)
    return None


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")
