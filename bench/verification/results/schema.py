"""The shape of a result file: its keys, and what each may hold. What the numbers must be stands elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bench.files.faults import Fault
from bench.files.schema import (
    ADDRESS,
    FLAG,
    Schema,
    choice,
    is_number,
    leaf,
    listed,
    mapping,
    matching,
    nullable,
    number,
    table,
    text,
    whole,
)
from bench.metrics.boundary import REACH
from bench.metrics.onsets import TOLERANCE
from bench.recordings import RECORDING_ID
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE

MOST = 2**40
"""Frames, segments or recordings: more are no count, and their sums could overflow."""
COUNT = whole(0, MOST)
NAME = text(100)
RUNS = 100
"""The most that an entry may have."""
WORDS = leaf(
    "text of at most 4,000 characters that can be shown",
    lambda value: isinstance(value, str) and len(value) <= 4_000 and value.isprintable(),
)
SAFE = matching(SAFE_NAME, SAFE_NAME_RULE)
DIGEST = matching(re.compile("[0-9a-f]{64}"), "64 hexadecimal digits")
SPLIT_DIGEST = matching(re.compile("(?:[0-9a-f]{64})?"), "64 hexadecimal digits, or none")
VALUE = leaf(
    'a number, null, "inf" or "-inf"',
    lambda value: value is None or value in ("inf", "-inf") or is_number(value),
)
VALUES = mapping(VALUE)
ENDS = listed(VALUE, 2, 2)

ENTRY = table(
    {
        "id": SAFE,
        "name": NAME,
        "authors": listed(NAME, 1, 100),
        "licence": NAME,
        "code": nullable(ADDRESS),
        "paper": nullable(ADDRESS),
        "classes": listed(NAME, 1, 1_000, distinct=True),
        "output": nullable(choice("probabilities", "scores")),
        "description": text(1_000),
        "extra_data": text(500),
        "causal": FLAG,
        "parameters": nullable(whole(0)),
        "flops_per_frame": nullable(whole(0)),
        "frames_per_second": nullable(number(0)),
        "latency_ms": nullable(number(0)),
        "seconds_per_epoch": nullable(number(0)),
        "peak_memory_mib": nullable(number(0)),
        "hardware": nullable(text(200)),
    },
    {"detections": choice("raw", "final"), "remark": text(60)},
)
METRIC = table(
    {
        "name": SAFE,
        "title": NAME,
        "definition": WORDS,
        "reference": WORDS,
        "unit": WORDS,
        "mean": choice("foreground", "classes", "none"),
        "higher_is_better": FLAG,
    }
)
DATASET = table(
    {
        "name": SAFE,
        "title": WORDS,
        "url": WORDS,
        "licence": WORDS,
        "citation": WORDS,
        "simulated": FLAG,
        "fps": number(0),
        "notes": listed(WORDS),
    }
)
TASK = table(
    {
        "name": SAFE,
        "title": WORDS,
        "question": WORDS,
        "kind": choice("frames", "segments", "clusters"),
        "classes": listed(NAME, 1, 1_000, distinct=True),
        "background": nullable(NAME),
        "exclusive": FLAG,
        "reference": WORDS,
        "parts": listed(table({"name": SAFE, "title": WORDS}), 1),
        "protocol": table({"name": SAFE, "description": WORDS}),
        "metrics": listed(METRIC, 1),
        "dataset": DATASET,
    }
)
PART_SCORE = table({"value": VALUE, "low": VALUE, "high": VALUE, "per_class": VALUES})
SCORE_KEYS: Mapping[str, Schema] = {
    "value": VALUE,
    "low": VALUE,
    "high": VALUE,
    "std_runs": VALUE,
    "std_parts": VALUE,
    "per_class": VALUES,
    "per_class_interval": mapping(ENDS),
    "per_part": mapping(PART_SCORE, SAFE, 1),
    "per_run": mapping(VALUE, SAFE, 1, RUNS),
    "other_intervals": mapping(ENDS),
}
SCORES = mapping(table(SCORE_KEYS), SAFE, 1)
SCORES_LEFT_OUT = mapping(table({**SCORE_KEYS, "left_out": listed(VALUE)}), SAFE, 1)
INTERVAL = table(
    {
        "method": NAME,
        "level": number(0, 1),
        "resamples": COUNT,
        "seed": COUNT,
        "unit": NAME,
        "groups": COUNT,
        "reason": nullable(NAME),
    }
)
CURVE = table({"frames": listed(COUNT, REACH + 2, REACH + 2), "right": listed(COUNT, REACH + 2, REACH + 2)})
EDGES = mapping(
    table(
        {
            "f1": listed(nullable(number(0, 1)), TOLERANCE + 1, TOLERANCE + 1),
            "true": COUNT,
            "predicted": COUNT,
        }
    )
)
COLUMNS: Mapping[str, Schema] = {
    "id": listed(matching(RECORDING_ID, "a recording's id"), 1, distinct=True),
    "frames": listed(COUNT, 1),
    "values": mapping(listed(VALUE)),
    "per_class": mapping(listed(VALUE)),
}
COUNTED_COLUMNS: Mapping[str, Schema] = {
    **COLUMNS,
    "group": listed(COUNT, 1),
    "counts": listed(listed(COUNT), 1),
}
CATEGORIES: Mapping[str, Schema] = {"categories": listed(listed(COUNT))}


def _details(columns: Mapping[str, Schema], also: Mapping[str, Schema]) -> Schema:
    """Return the schema of details; empty ones are those of a task that asks for no frames."""
    part = table(
        {
            "boundary": table({"all": CURVE, "per_class": mapping(CURVE)}),
            "edges": table({"onset": EDGES, "offset": EDGES}),
            "recordings": table(columns),
            **also,
        },
        {"confusion": listed(listed(COUNT))},
    )
    filled = table({"runs": whole(1, RUNS), "parts": mapping(part, SAFE, 1)})

    def check(value: Any) -> Iterator[Fault]:
        if value != {}:
            yield from filled.check(value)

    return Schema("details, or an empty table", check)


_KEYS: dict[str, Schema] = {
    "entry": ENTRY,
    "task": TASK,
    "metrics_version": whole(1, 10_000),
    "split_digest": SPLIT_DIGEST,
    "truth_digest": DIGEST,
    "predictions_digest": DIGEST,
    "recordings": COUNT,
    "groups": COUNT,
    "frames": COUNT,
    "support": mapping(COUNT, NAME),
    "interval": INTERVAL,
    "changed": listed(table({"name": WORDS, "expected": WORDS, "found": WORDS}), most=10_000),
    "provenance": mapping(WORDS, NAME, most=100),
}
_ALSO: dict[str, Schema] = {"metrics_code": DIGEST, "evidence": DIGEST}
_COUNTED = _KEYS | {"digest": DIGEST, "details": _details(COUNTED_COLUMNS, CATEGORIES)}
RESULT: Mapping[int, Schema] = {
    1: table(_KEYS | {"format": whole(1, 1), "scores": SCORES, "details": _details(COLUMNS, {})}, _ALSO),
    2: table(_COUNTED | {"format": whole(2, 2), "scores": SCORES}, _ALSO),
    3: table(
        _COUNTED | {"format": whole(3, 3), "scores": SCORES_LEFT_OUT, "group_frames": listed(COUNT, 1)}, _ALSO
    ),
}
"""By format."""
