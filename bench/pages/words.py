"""Text and numbers as pages show them: bounded, printable, and links only where they are safe."""

from __future__ import annotations

import math
import re
from urllib.parse import urlsplit

from bench.text import number as plain_number

MINUS = "\N{MINUS SIGN}"
UNITS = ("", " k", " M", " G", " T", " P")

# Control characters and lone surrogates have no place in a page, and the bidirectional overrides
# would let a name rearrange its neighbours.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_HTTPS = re.compile(r"https://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,500}")  # the characters of RFC 3986


def clean(text: str, limit: int = 2000) -> str:
    """Return text fit for a page: one line, no control characters, at most `limit` characters."""
    line = _UNPRINTABLE.sub("\ufffd", " ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def link(url: str | None) -> str | None:
    """Return the address if a page may link to it: https, a host, no user name, 500 characters at most."""
    if url is None or not _HTTPS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.hostname and "@" not in parts.netloc else None


def number(value: float, unit: str = "") -> str:
    """Return the digits that people read, with a true minus sign; a value that rounds to zero has none."""
    text = plain_number(value, unit)
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", MINUS)


def amount(cost: int) -> str:
    """Return two digits of a count with its unit: "3.8 M"; beyond all units, a power of ten."""
    if cost == 0:
        return "0"
    rounded = float(f"{cost:.1e}")
    power = int(math.log10(rounded)) // 3
    if power >= len(UNITS):
        return f"{cost:.0e}".replace("e+", "e")
    short = rounded / 1000**power
    return f"{short:.1f}".removesuffix(".0") + UNITS[power] if short < 10 else f"{short:.0f}{UNITS[power]}"
