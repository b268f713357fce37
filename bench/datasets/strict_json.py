"""JSON as it is defined: no NaN, no Infinity, and no key twice in one object.

Of two entries under one key a lenient reader loses one without a word.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from bench.errors import DataError


def read_json(path: Path, most: int) -> Any:
    """Return the content of a file of at most `most` bytes.

    Raises `DataError` saying what is wrong with the bytes, the text or the JSON, and where.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise ValueError(f"{size:,} bytes, expected {most:,} at most")
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=once)
    except UnicodeDecodeError as error:
        fault = f"not UTF-8: byte {error.start:,} is {error.object[error.start]:#04x}"
    except json.JSONDecodeError as error:
        fault = f"not JSON, or cut short: {error}"
    except RecursionError:
        fault = "nested too deeply"
    except (OSError, ValueError) as error:
        fault = str(error)
    raise DataError(f"{path} cannot be read", [f"{path.name}: {fault}"])


def _refuse(name: str) -> None:
    raise ValueError(f"{name} stands in it, which is no JSON number")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs, as `json` asks for; raise `ValueError` where a key stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = [repr(key[:80]) for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        more = f" and {len(twice) - 5} more" if len(twice) > 5 else ""
        raise ValueError(f"keys that stand twice in one object: {', '.join(twice[:5])}{more}")
    return made
