"""What the form of predictions is: how those of one kind of task are declared, written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.kinds import Length
from bench.recordings import Recording
from bench.submissions.card import TaskCard
from bench.submissions.faults import Fault
from bench.submissions.predictions import Content, Key, Predictions
from bench.tasks import Task


@dataclass(frozen=True)
class Form:
    """The form of the predictions of one kind of task."""

    endings: tuple[str, ...]
    """Of the file of a run; the first is the one that is written here."""
    declare: Callable[[TaskCard], TaskCard]
    """A card -> the same with what a new card says of its predictions."""
    card_faults: Callable[[TaskCard, Task], Iterator[Fault]]
    """What a card lacks, or says that means nothing here."""
    class_order: str
    """What the order of the classes decides beside the card, in words; empty where nothing."""
    read: Callable[[Path, Mapping[Key, Length], Task, TaskCard | None, Mapping[str, str]], Content]
    """(file, length of each recording that it must answer, task, card, other names of recordings -> id) ->
    what the file holds, with all its faults."""
    convert: Callable[[Mapping[Key, Any], Mapping[Key, Length], Task], Content]
    """(what a user has of each recording, length of each recording that must be answered, task) -> the same
    in this form, with all faults."""
    page: Callable[[str, str, Task], str]
    """(entry, its folder as it is shown, task) -> the page that shows a newcomer how to write a run."""
    doubts: Callable[[Sequence[tuple[Recording, Any]]], Sequence[str]]
    """(recordings, each with its prediction) -> what can be scored and is probably not what was meant."""
    summary: Callable[[Predictions, TaskCard], str]
    """What `bench validate` says beside the number of recordings; empty where nothing."""
    write: Callable[[Path, Task, str, Mapping[str, Mapping[str, Any]]], Path]
    """(folder, task, run, part -> recording id -> prediction) -> the file, written in one step."""
