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
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.errors import SubmissionError, UsageError
from bench.strict import ADDRESS, text_fault, type_name
from bench.submissions.faults import Fault, meant, quoted
from bench.submissions.files import open_regular
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.tasks import Task

CARD = "submission.toml"
CARD_BYTES = 64 * 1024
DOTS = 200
"""In one line: time and memory that `tomllib` takes grow with the square of the parts of a key."""
Output = Literal["probabilities", "scores"]
DetectionForm = Literal["raw", "final"]
"""Raw detections go through the frozen Soft-NMS before they are scored; final ones are scored as they are."""
Check = Callable[[Any], str | None]
"""Says what is wrong with a value; None where nothing is."""


@dataclass(frozen=True)
class TaskCard:
    """What an entry declares for one task."""

    classes: tuple[str, ...]
    """The columns of its arrays, in order."""
    output: Output | None
    """Of a frame task; None where segments are asked for.

    "probabilities" are checked to be ones; "scores" are any real numbers, larger = more likely. Where classes
    may hold together only "probabilities" will do: each class is cut at 0.5.
    """
    description: str
    extra_data: str
    """Which data beside the training recordings it has seen; "none" where none."""
    causal: bool
    """Whether a frame's scores depend on no later frame."""
    parameters: int | None = None
    flops_per_frame: int | None = None
    frames_per_second: float | None = None
    latency_ms: float | None = None
    seconds_per_epoch: float | None = None
    peak_memory_mib: float | None = None
    hardware: str | None = None
    detections: DetectionForm | None = None
    """Where segments are asked for; None for a frame task."""


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
        "extra_data": task.extra_data,
        "causal": task.causal,
        **{key: getattr(task, key) for key in COSTS},
    }


def read_card(folder: Path) -> tuple[Entry, list[Fault]]:
    """Read `submission.toml`; what is at fault stands in the list and as an empty value in the entry.

    Raises `SubmissionError` where the file cannot be read at all.
    """
    with open_regular(folder / CARD, CARD_BYTES) as file:
        data = file.read(CARD_BYTES + 1)
    try:
        text = data.decode()
        if max(line.count(".") for line in text.split("\n")) > DOTS:
            raise SubmissionError(f"a line of more than {DOTS} dots: not read")
        content = tomllib.loads(text)
    except RecursionError as fault:
        raise SubmissionError("not a TOML file (nested too deep)") from fault
    except ValueError as fault:  # bad UTF-8, bad TOML or a number of ten thousand digits
        raise SubmissionError(f"not a TOML file ({fault})") from fault
    return parse(folder.name, content)


def parse(id_: str, content: Mapping[str, Any]) -> tuple[Entry, list[Fault]]:
    """Build the entry from the content of its card, with every fault of it."""
    faults = []
    if not SAFE_NAME.fullmatch(id_):
        faults.append(Fault("names", f"folder name {quoted(id_)}: expected {SAFE_NAME_RULE}"))
    top, wrong = _fields(content, _ENTRY_FIELDS, _ENTRY_OPTIONAL)
    faults += [fault.at(CARD) for fault in wrong]
    tasks = {}
    for name, table in (content["tasks"] if "tasks" in top else {}).items():
        if not isinstance(table, dict):
            faults.append(Fault("card", f"{CARD}: tasks: {quoted(name)} is no table; write [tasks.<name>]"))
            continue
        card, wrong = _fields(table, _TASK_FIELDS, _TASK_OPTIONAL)
        faults += [fault.at(f"{CARD}: tasks.{_shown(name)}") for fault in wrong]
        costs: dict[str, Any] = {
            key: _float(card[key]) if key in _AMOUNTS else card[key] for key in COSTS if key in card
        }
        tasks[name] = TaskCard(
            classes=tuple(card.get("classes", ())),
            output=card.get("output", "scores" if "output" in table else None),
            description=card.get("description", ""),
            extra_data=card.get("extra_data", ""),
            causal=card.get("causal", False),
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


def task_faults(entry: Entry, get_task: Callable[[str], Task]) -> Iterator[Fault]:
    """Say which tasks of the card nobody knows, and what its tables do not say as their tasks need it."""
    for name, card in entry.tasks.items():
        try:
            task = get_task(name)
        except UsageError as fault:
            yield Fault("card", f"{CARD}: tasks.{_shown(name)}: {fault.title}")
        else:
            yield from _class_faults(card, task)
            yield from (fault.at(f"{CARD}: tasks.{task.name}") for fault in _form_faults(card, task))


def _class_faults(card: TaskCard, task: Task) -> Iterator[Fault]:
    """Say how the declared classes differ from the task's: by name, or only by order."""
    found, place = list(card.classes), f"{CARD}: tasks.{task.name}: classes"
    if not found or found == list(task.classes):
        return  # an empty list was already named as missing or mistyped
    for name in dict.fromkeys(found):
        if name not in task.classes:
            yield Fault("classes", f"{place}: {quoted(name)} is not a class{meant(name, task.classes)}")
        if found.count(name) > 1:
            yield Fault("classes", f"{place}: {quoted(name)} stands there {found.count(name)} times")
    for name in task.classes:
        if name not in found:
            yield Fault("classes", f"{place}: {name!r} is missing")
    if sorted(found) == sorted(task.classes):
        yield Fault(
            "classes",
            f"{place}: in the order {', '.join(found)}; expected {', '.join(task.classes)}"
            + (", and the columns of every array in that order" if task.kind == "frames" else ""),
        )


def _form_faults(card: TaskCard, task: Task) -> Iterator[Fault]:
    """Say which form of predictions the card lacks, which it cannot have, and which says nothing.

    Scores are refused where classes may hold together: a cut at 0.5 would say nothing about them.
    """
    if task.kind == "segments":
        if card.detections is None:
            yield Fault("card", 'key \'detections\' is missing; expected "raw" or "final"')
        if card.output is not None:
            yield Fault("card", "key 'output' is for tasks that ask for frames; this one asks for segments")
        return
    if card.output is None:
        yield Fault("card", "key 'output' is missing")
    if card.detections is not None:
        yield Fault("card", "key 'detections' is for tasks that ask for segments; this one asks for frames")
    if card.output == "scores" and not task.exclusive:
        yield Fault(
            "outputs",
            'output: expected "probabilities", each in [0, 1] (rows need not sum to one), because classes of '
            "this task may hold together and each holds from 0.5 on: apply a sigmoid to every score",
        )


def to_toml(entry: Entry, comments: Mapping[str, str] | None = None) -> str:
    """Write the card as TOML; `comments` by key stand behind the values."""
    lines = _lines(entry, ("name", "authors", "licence", "code", "paper"), comments or {})
    keys = (
        "classes",
        "output",
        "detections",
        "description",
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


def _fields(
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


def _float(value: float | int | None) -> float | None:
    return None if value is None else float(value)  # TOML tells 2 from 2.0


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


def _shown(name: str) -> str:
    return name if SAFE_NAME.fullmatch(name) else quoted(name)


_AMOUNTS = ("frames_per_second", "latency_ms", "seconds_per_epoch", "peak_memory_mib")
COSTS = ("parameters", "flops_per_frame", *_AMOUNTS, "hardware")
"""What an entry may say of its cost, in the order in which a card says it."""
_ENTRY_FIELDS: Mapping[str, Check] = {
    "name": _text(100),
    "authors": _texts(100, most=100),
    "licence": _text(100),
    "tasks": _tables,
}
_ENTRY_OPTIONAL: Mapping[str, Check] = {"code": _url, "paper": _url}
_TASK_FIELDS: Mapping[str, Check] = {
    "classes": _texts(100, most=1000),
    "description": _text(1000),
    "extra_data": _text(500),
    "causal": _boolean,
}
_TASK_OPTIONAL: Mapping[str, Check] = {
    "output": _output,
    "detections": _form,
    "parameters": _count,
    "flops_per_frame": _count,
    **dict.fromkeys(_AMOUNTS, _amount),
    "hardware": _text(200),
}
"""Which of the first two a task needs hangs on its kind."""
