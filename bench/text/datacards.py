"""What `bench data` and `bench pull --list` print: the card of a data set, and where all data sets are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from bench.about import TITLE
from bench.datacard.plot import bar, doubling
from bench.datacard.survey import Survey, Tally
from bench.display import UNDEFINED
from bench.tasks import Dataset
from bench.text.tables import page_width, table


def sources_text(datasets: Sequence[Dataset]) -> str:
    """Return a table of data sets: official address, licence, whether it may be passed on, official files."""
    rows = [
        [
            dataset.name,
            dataset.url or "simulated here",
            dataset.licence,
            "allowed" if dataset.redistributable else "not allowed",
            dataset.published.repo if dataset.published else UNDEFINED,
            dataset.files,
        ]
        for dataset in datasets
    ]
    headers = ["data set", "officially at", "licence", "passing on", "copy on a hub", "official files"]
    return table(headers, rows, "l" * len(headers), limits={1: 34, 2: 24, 5: 44})


def sources_json(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    """Return the same as JSON values; `published` is the copy on a hub, or null."""
    return [
        {
            "name": dataset.name,
            "title": dataset.title,
            "url": dataset.url,
            "licence": dataset.licence,
            "citation": dataset.citation,
            "redistributable": dataset.redistributable,
            "simulated": dataset.simulated,
            "files": dataset.files,
            "published": dataset.published and asdict(dataset.published),
        }
        for dataset in datasets
    ]


def datacard_json(survey: Survey, changed: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the card counts, as JSON values: frames of classes by subset, missing keypoints, bouts."""
    missing = survey.missing()
    return {
        "title": survey.title,
        "dataset": sources_json([survey.dataset])[0],
        "fps": survey.dataset.fps,
        "animals": list(survey.dataset.animals),
        "keypoints": list(survey.dataset.keypoints),
        "classes": list(survey.classes),
        "changed": list(changed),
        "subsets": {
            name: {
                "recordings": len(ids),
                "at_hand": len(tallies := survey.at_hand(name)),
                "groups": len({tally.group for tally in tallies}),
                "frames": sum(tally.frames for tally in tallies),
                "annotated": sum(tally.annotated for tally in tallies),
                "counts": {
                    label: int(sum(tally.counts[i] for tally in tallies))
                    for i, label in enumerate(survey.classes)
                },
            }
            for name, ids in survey.subsets.items()
        },
        "missing": None if missing is None else missing.tolist(),
        "bouts": {name: frames.tolist() for name, frames in zip(survey.classes, survey.bouts(), strict=True)},
    }


def datacard_text(survey: Survey, changed: Sequence[str] = ()) -> str:
    """Return the card: source and licence, recordings and classes, missing keypoints, lengths of bouts.

    `changed` lists what differs from the declaration and was accepted when the data set was imported.
    """
    blocks = [_head(survey), _balance(survey), _missing(survey)]
    if changed:
        marks = "\n".join(f"- {change}" for change in changed)
        blocks.insert(1, f"CHANGED: not as declared or frozen; every result says so\n{marks}")
    blocks.append(_bouts(survey) if survey.classes else "No labels: poses alone")
    notes = [
        textwrap.fill(f"- {note}", page_width(), subsequent_indent="  ") for note in survey.dataset.notes
    ]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])])


def _head(survey: Survey) -> str:
    dataset, tallies = survey.dataset, list(survey.tallies.values())
    frames = sum(tally.frames for tally in tallies)
    posed = sum(tally.missing is not None for tally in tallies)
    passing_on = "may be passed on" if dataset.redistributable else "may not be passed on"
    animals = f"{len(dataset.animals)} animals ({', '.join(dataset.animals)})"
    keypoints = f"{len(dataset.keypoints)} keypoints ({', '.join(dataset.keypoints)})"
    facts = [
        ("official", dataset.url or (f"made by {TITLE}" if dataset.simulated else "not published")),
        ("licence", f"{dataset.licence}; {passing_on}"),
        ("citation", dataset.citation),
        (
            "recordings",
            f"{len(tallies)} of {len({tally.group for tally in tallies})} groups, {posed} with poses",
        ),
        ("frames", f"{frames:,} at {dataset.fps:g} per second: {frames / dataset.fps / 3600:.2f} h"),
        (
            "poses",
            f"{animals} x {keypoints}, in a video of {dataset.image[0]} x {dataset.image[1]} pixels"
            if dataset.keypoints
            else "none published",
        ),
    ]
    lines = [survey.title, "=" * len(survey.title)]
    if dataset.simulated:
        lines.append("SIMULATED: no animal was recorded and nobody annotated.")
    indent = " " * 12
    return "\n".join(
        [*lines, *(textwrap.fill(f"{k:<12}{v}", page_width(), subsequent_indent=indent) for k, v in facts)]
    )


def _balance(survey: Survey) -> str:
    rows = []
    for subset, ids in survey.subsets.items():
        tallies = survey.at_hand(subset)
        count = f"{len(tallies)}" if len(tallies) == len(ids) else f"{len(tallies)} of {len(ids)}"
        rows.append([subset, count, *_shares(tallies, len(survey.classes))])
    headers = ["subset", "recordings", "groups", "frames", "annotated", *survey.classes]
    title = "Share of the annotated frames in which a class holds" if survey.classes else "Recordings"
    return f"{title}\n{table(headers, rows)}"


def _shares(tallies: Sequence[Tally], classes: int) -> list[str]:
    frames, annotated = sum(t.frames for t in tallies), sum(t.annotated for t in tallies)
    groups = len({tally.group for tally in tallies})
    counts = np.sum([np.zeros(classes, dtype=np.int64), *(tally.counts for tally in tallies)], axis=0)
    shares = [_percent(annotated, frames), *(_percent(count, annotated) for count in counts.tolist())]
    return [str(groups), f"{frames:,}", *shares]


def _missing(survey: Survey) -> str:
    missing = survey.missing()
    if missing is None:
        return "Missing keypoints: no recording here has poses"
    dataset = survey.dataset
    rows = [
        [animal, *(f"{100 * share:.1f} %" for share in [shares.mean(), *shares])]
        for animal, shares in zip(dataset.animals, missing, strict=True)
    ]
    return "Frames without a keypoint\n" + table(["animal", "mean", *dataset.keypoints], rows)


def _bouts(survey: Survey) -> str:
    lengths, fps = survey.bouts(), survey.dataset.fps
    rows = []
    for name, frames, counts in zip(survey.classes, lengths, doubling(lengths), strict=True):
        low, middle, high = np.percentile(frames, [5, 50, 95]) if frames.size else (np.nan,) * 3
        quantiles = [f"{value:.0f}" if frames.size else UNDEFINED for value in (low, middle, high)]
        seconds = f"{middle / fps:.2f}" if frames.size else UNDEFINED
        rows.append([name, f"{len(frames):,}", *quantiles, seconds, bar(counts)])
    headers = ["class", "bouts", "5 %", "median", "95 %", "median, s", "1, 2, 4, 8, … frames"]
    return "Lengths of bouts, in frames\n" + table(headers, rows, "l" + "r" * (len(headers) - 2) + "l")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else UNDEFINED
