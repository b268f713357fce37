"""What a training depends on, as JSON values: their digest, and where those of two trainings differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Inputs = Mapping[str, Any]
"""All that a result depends on, as JSON values by name."""


def digest(inputs: Inputs) -> str:
    """Return the SHA-256 of inputs, whatever their order."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def differences(there: Inputs, now: Inputs) -> list[str]:
    """Say which inputs of an earlier training are not those of this one, each by its own name."""
    before, after = _leaves(there), _leaves(now)
    return [
        f"{name}: {before.get(name, 'nothing')} there, {after.get(name, 'nothing')} now"
        for name in sorted({*before, *after})
        if (name in before, before.get(name)) != (name in after, after.get(name))
    ]


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Name every value of nested JSON objects: "recipe epochs", not the whole recipe."""
    if not (isinstance(value, Mapping) and value):
        return {name: value}
    return {
        leaf: inner
        for key, below in value.items()
        for leaf, inner in _leaves(below, f"{name} {key}".strip()).items()
    }
