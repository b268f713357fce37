"""The shape of a file of evidence: its keys, and what each may hold."""

from __future__ import annotations

import re

from bench.evidence.bouts import LONGEST
from bench.evidence.curves import BINS, POINTS
from bench.evidence.localised import LENGTHS, MISTAKES, TIMES
from bench.files.schema import Schema, listed, mapping, matching, nullable, number, table, whole
from bench.kinds import kind_of
from bench.metrics.delay import REACH
from bench.recordings import RECORDING_ID
from bench.tasks import Task
from bench.verification.results.schema import COUNT, RUNS, SAFE

SECONDS = number(-1e12, 1e12)
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}/[a-z0-9][a-z0-9_-]{0,99}")
ID = matching(RECORDING_ID, "a recording's id")
ROW = table({"states": listed(whole(-1, 1_000), 1), "lengths": listed(whole(1, LONGEST), 1)})
SHARE = nullable(number(0, 1))
FRAMES = table(
    {
        "frames": whole(1, LONGEST),
        "fps": number(0),
        "counted": listed(whole(0, LONGEST), 2),
        "truth": listed(ROW, 1),
        "entry": listed(ROW, 1),
    }
)
COLUMNS = {"labels": listed(whole(0, 1_000)), "starts": listed(SECONDS), "stops": listed(SECONDS)}
SEGMENTS = table(
    {
        "frames": whole(1, LONGEST),
        "fps": number(0),
        "truth": table(COLUMNS),
        "entry": table({**COLUMNS, "scores": listed(number())}),
    }
)
CURVE = table({"precision": listed(SHARE, POINTS, POINTS), "recall": listed(SHARE, POINTS, POINTS)})
BIN = table(
    {
        "frames": listed(COUNT, BINS, BINS),
        "scores": listed(number(0), BINS, BINS),
        "true": listed(COUNT, BINS, BINS),
    }
)


def schema_of(task: Task) -> Schema:
    """Return the schema of the evidence of an entry on a task."""

    def by_class(schema: Schema) -> Schema:
        return table(dict.fromkeys(task.classes, schema))

    lags, sorts, bins = 2 * REACH + 1, len(MISTAKES), len(LENGTHS)
    if kind_of(task).labels_frames:
        part = table(
            {
                "recordings": mapping(FRAMES, ID),
                "agreement": listed(number(0, 1), lags, lags),
            },
            {"curves": by_class(CURVE), "calibration": by_class(BIN)},
        )
    else:
        counts = table({str(times): listed(COUNT, sorts, sorts) for times in TIMES})
        length = table({"segments": listed(COUNT, bins, bins), "hits": listed(COUNT, bins, bins)})
        part = table(
            {
                "recordings": mapping(SEGMENTS, ID),
                "mistakes": by_class(table({"segments": COUNT, "counts": counts})),
                "lengths": by_class(length),
            }
        )
    return table(
        {
            "format": whole(1, 1),
            "run": SAFE,
            "left_out": listed(matching(_PLACE, "<part>/<recording>"), most=100_000),
            "parts": mapping(part, SAFE, 1, RUNS),
        }
    )
