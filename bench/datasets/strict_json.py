"""Small official files of JSON, read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.strict import parse_json


def read_json(path: Path, most: int) -> Any:
    """Return the content of a file of at most `most` bytes.

    Raises `DataError` saying what is wrong with the bytes, the text or the JSON, and where.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise ValueError(f"{size:,} bytes, expected {most:,} at most")
        return parse_json(path.read_bytes())
    except UnicodeDecodeError as error:
        fault = f"not UTF-8: byte {error.start:,} is {error.object[error.start]:#04x}"
    except json.JSONDecodeError as error:
        fault = f"not JSON, or cut short: {error}"
    except (OSError, ValueError) as error:
        fault = str(error)
    raise DataError(f"{path} cannot be read", [f"{path.name}: {fault}"])
