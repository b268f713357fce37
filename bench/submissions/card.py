"""The card of an entry, `submission.toml`: who made it, how, and what its columns mean.

name = "My model"
authors = ["A. Mouse"]
licence = "MIT"                       # of the code
code = "https://..."                  # optional
paper = "https://..."                 # optional

[tasks.demo]
classes = ["attack", "investigation", "mount", "other"]
output = "probabilities"              # or, where no two classes hold together, "scores": any real numbers
description = "..."
remark = "1 of 50 epochs"             # optional: what nobody may overlook; stands beside the name everywhere
extra_data = "none"
causal = false
parameters = 72540                    # optional
flops_per_frame = 15646976            # optional, a multiply-add counts as 2
frames_per_second = 2015.5            # optional, of whole recordings
latency_ms = 0.6                      # optional, of frames that come one at a time
seconds_per_epoch = 164.0             # optional, of training
peak_memory_mib = 781.5               # optional, of training
hardware = "2 CPU cores"              # optional, where these were measured

Where a task asks for segments its table says `detections` and no `output`: "raw", to be put through the
frozen Soft-NMS before they are scored, or "final", to be scored as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.files.faults import quoted
from bench.files.schema import sound
from bench.files.strict_toml import read_toml
from bench.kinds import DetectionForm
from bench.submissions.faults import Fault
from bench.submissions.fields import AMOUNTS, COSTS, FIELDS
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE

CARD = "submission.toml"
CARD_BYTES = 64 * 1024
Output = Literal["probabilities", "scores"]


@dataclass(frozen=True)
class TaskCard:
    """What an entry declares for one task."""

    classes: tuple[str, ...]
    """The columns of its arrays, in order."""
    output: Output | None
    """Where frames are asked for, else None.

    "probabilities" are checked to be ones; "scores" are any real numbers, larger = more likely. Where classes
    may hold together only "probabilities" will do: each class is cut at 0.5.
    """
    description: str
    extra_data: str
    """Which data beside the training recordings it has seen; "none" where none."""
    causal: bool
    """Whether a frame's scores depend on no later frame."""
    remark: str | None = None
    """What stands beside the name wherever its numbers stand: what nobody may overlook."""
    parameters: int | None = None
    flops_per_frame: int | None = None
    frames_per_second: float | None = None
    latency_ms: float | None = None
    seconds_per_epoch: float | None = None
    peak_memory_mib: float | None = None
    hardware: str | None = None
    detections: DetectionForm | None = None
    """Where segments are asked for, else None."""


@dataclass(frozen=True)
class Entry:
    """One line of a leaderboard: the card of a submission."""

    id: str
    """The name of its folder."""
    name: str
    authors: tuple[str, ...]
    licence: str
    """Of the code."""
    tasks: Mapping[str, TaskCard]
    code: str | None = None
    paper: str | None = None


def entry_card(entry: Entry, task_name: str) -> dict[str, Any]:
    """Return the card of one task as plain values, for results and pages."""
    task = entry.tasks[task_name]
    return {
        "id": entry.id,
        "name": entry.name,
        "authors": list(entry.authors),
        "licence": entry.licence,
        "code": entry.code,
        "paper": entry.paper,
        "classes": list(task.classes),
        "output": task.output,
        **({"detections": task.detections} if task.detections else {}),
        "description": task.description,
        **({"remark": task.remark} if task.remark else {}),
        "extra_data": task.extra_data,
        "causal": task.causal,
        **{key: getattr(task, key) for key in COSTS},
    }


def read_card(folder: Path) -> tuple[Entry, list[Fault]]:
    """Read `submission.toml`; what is at fault stands in the list and as an empty value in the entry.

    Raises `FileError` where the file cannot be read at all.
    """
    content, _ = read_toml(folder / CARD, CARD_BYTES)
    return parse(folder.name, content)


def parse(id_: str, content: Mapping[str, Any]) -> tuple[Entry, list[Fault]]:
    """Build the entry from the content of its card, with every fault of it."""
    faults = []
    if not SAFE_NAME.fullmatch(id_):
        faults.append(Fault("names", f"folder name {quoted(id_)}: expected {SAFE_NAME_RULE}"))
    wrong = FIELDS.faults(content)
    faults += [Fault("card" if one.expected else "unknown keys", f"{CARD}: {one}") for one in wrong]
    top, tasks = sound(content, wrong), {}
    tables = content.get("tasks")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if not isinstance(table, dict):
            continue
        card = sound(table, wrong, ("tasks", name))
        costs: dict[str, Any] = {
            key: _float(card[key]) if key in AMOUNTS else card[key] for key in COSTS if key in card
        }
        tasks[name] = TaskCard(
            classes=tuple(card.get("classes", ())),
            output=card.get("output", "scores" if "output" in table else None),
            description=card.get("description", ""),
            extra_data=card.get("extra_data", ""),
            causal=card.get("causal", False),
            remark=card.get("remark"),
            **costs,
            detections=card.get("detections", "final" if "detections" in table else None),
        )
    entry = Entry(
        id=id_,
        name=top.get("name", ""),
        authors=tuple(top.get("authors", ())),
        licence=top.get("licence", ""),
        tasks=tasks,
        code=top.get("code"),
        paper=top.get("paper"),
    )
    return entry, faults


def to_toml(entry: Entry, comments: Mapping[str, str] | None = None) -> str:
    """Write the card as TOML; `comments` by key stand behind the values."""
    lines = _lines(entry, ("name", "authors", "licence", "code", "paper"), comments or {})
    keys = (
        "classes",
        "output",
        "detections",
        "description",
        "remark",
        "extra_data",
        "causal",
        *COSTS,
    )
    for name, task in entry.tasks.items():
        lines += ["", f"[tasks.{name}]", *_lines(task, keys, comments or {})]
    return "\n".join(lines) + "\n"


def _lines(holder: Entry | TaskCard, keys: tuple[str, ...], comments: Mapping[str, str]) -> list[str]:
    values = {key: getattr(holder, key) for key in keys}
    return [
        # JSON writes strings, lists, booleans and numbers exactly as TOML reads them
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        + (f"  # {comments[key]}" if key in comments else "")
        for key, value in values.items()
        if value is not None
    ]


def _float(value: float | int | None) -> float | None:
    return None if value is None else float(value)  # TOML tells 2 from 2.0


def shown_name(name: str) -> str:
    """Show the name of a task as a card has it; an odd one is quoted."""
    return name if SAFE_NAME.fullmatch(name) else quoted(name)
