"""Units in which people read numbers: rates per minute, and frames also as milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.display import number
from bench.results import Result, scaled


def unit_to_read(unit: str, fps: float) -> tuple[str, float]:
    """Return the unit in which people read a number, and the factor to it: rates are per minute.

    >>> unit_to_read("per frame", 30.0), unit_to_read("frames", 30.0)
    (('per minute', 1800.0), ('frames', 1.0))
    """
    return ("per minute", fps * 60) if unit == "per frame" else (unit, 1.0)


def with_unit(title: str, unit: str) -> str:
    """Return the title of a metric, followed by its unit where it has one."""
    return f"{title}, {unit}" if unit else title


def with_milliseconds(value: float, unit: str, fps: float | None) -> str:
    """Write a value, and in milliseconds where it is a number of frames and their rate is known.

    >>> with_milliseconds(3.0, "frames", 30.0), with_milliseconds(3.0, "frames", None)
    ('3.0 = 100 ms', '3.0')
    >>> with_milliseconds(0.5, "", 30.0)
    '0.500'
    """
    in_time = f" = {value / fps * 1000:.0f} ms" if unit == "frames" and fps and math.isfinite(value) else ""
    return number(value, unit) + in_time


def per_minute(result: Result) -> Result:
    """Return the result as pages show it: rates per minute instead of per frame."""
    scores, fps = dict(result.scores), result.task["dataset"]["fps"]
    for card in result.task["metrics"]:
        _, factor = unit_to_read(card["unit"], fps)
        if factor != 1 and card["name"] in scores:
            scores[card["name"]] = scaled(scores[card["name"]], factor)
    return replace(result, task=card_per_minute(result.task), scores=scores)


def card_per_minute(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card of a task with the units of its metrics as pages show them."""
    fps = task["dataset"]["fps"]
    cards = [{**card, "unit": unit_to_read(card["unit"], fps)[0]} for card in task["metrics"]]
    return {**task, "metrics": cards}
