"""The keys of a card and what each may hold: plain checks of single values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.strict import ADDRESS, text_fault, type_name
from bench.submissions.faults import Fault, meant, quoted

Check = Callable[[Any], str | None]
"""Says what is wrong with a value; None where nothing is."""


def fields(
    table: Mapping[str, Any], required: Mapping[str, Check], optional: Mapping[str, Check]
) -> tuple[dict[str, Any], list[Fault]]:
    """Return the values that are right, and a fault for every key that is not."""
    known = {**required, **optional}
    right, faults = {}, []
    for key, value in table.items():
        if key not in known:
            faults.append(Fault("unknown keys", f"unknown key {quoted(key)}{meant(key, known)}"))
        elif wrong := known[key](value):
            faults.append(Fault("card", f"{key}: {wrong}"))
        else:
            right[key] = value
    faults += [Fault("card", f"key {key!r} is missing") for key in required if key not in table]
    return right, faults


def _text(limit: int) -> Check:
    return lambda value: text_fault(value, limit)


def _texts(limit: int, most: int) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"{type_name(value)}, expected a list of texts"
        if not 1 <= len(value) <= most:
            return f"{len(value):,} texts, expected 1 to {most}"
        wrong = ((i, _text(limit)(item)) for i, item in enumerate(value))
        return next((f"number {i + 1}: {fault}" for i, fault in wrong if fault), None)

    return check


def _url(value: Any) -> str | None:
    if fault := text_fault(value, 300):
        return fault
    return (
        None
        if ADDRESS.fullmatch(value)
        else f"{quoted(value)}, expected an address that starts with https://"
    )


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"{type_name(value)}, expected true or false"


def _count(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{type_name(value)}, expected a whole number"
    return None if 0 <= value < 2**63 else "expected a whole number from 0 to 2^63 - 1"


def _amount(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{type_name(value)}, expected a number"
    return None if 0 <= value < 2**63 else "expected a number from 0 to 2^63"


def _output(value: Any) -> str | None:
    if value in ("probabilities", "scores"):
        return None
    return f'{quoted(str(value))}, expected "probabilities" or "scores"'


def _form(value: Any) -> str | None:
    return None if value in ("raw", "final") else f'{quoted(str(value))}, expected "raw" or "final"'


def _tables(value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"{type_name(value)}, expected tables: write [tasks.<name>]"
    return None if value else "no task: write [tasks.<name>]"


AMOUNTS = ("frames_per_second", "latency_ms", "seconds_per_epoch", "peak_memory_mib")
COSTS = ("parameters", "flops_per_frame", *AMOUNTS, "hardware")
"""What an entry may say of its cost, in the order in which a card says it."""
ENTRY: Mapping[str, Check] = {
    "name": _text(100),
    "authors": _texts(100, most=100),
    "licence": _text(100),
    "tasks": _tables,
}
ENTRY_OPTIONAL: Mapping[str, Check] = {"code": _url, "paper": _url}
TASK: Mapping[str, Check] = {
    "classes": _texts(100, most=1000),
    "description": _text(1000),
    "extra_data": _text(500),
    "causal": _boolean,
}
TASK_OPTIONAL: Mapping[str, Check] = {
    "output": _output,
    "detections": _form,
    "remark": _text(60),
    "parameters": _count,
    "flops_per_frame": _count,
    **dict.fromkeys(AMOUNTS, _amount),
    "hardware": _text(200),
}
"""Which of the first two a task needs hangs on its kind."""
