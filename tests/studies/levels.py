"""How often do p and rank groups err? Simulated pairs and pages of equal entries, before and after.

    python tests/studies/levels.py --save levels               everything
    python tests/studies/levels.py MAP 40 even --save levels   one piece: a metric, "pages" or "shifts"
    python tests/studies/levels.py --show levels               the tables of a record, as README has them

The numbers of replicates stand below and were fixed before the first row of the record was computed.

Recordings     "skewed": a class in 30 % of the recordings, another in 60 %, lengths lognormal (sigma .8);
               "even": every class everywhere, equal lengths.
Entries        equal: how well one does on each class of each recording is drawn anew, from one distribution.
               Scores of the second are on another scale, 3 x + 1.5.
Before         the share of 1,000 resamples against the sign of the difference, as a p of t
After          what `bench compare` does now: the swap test; beside it the jackknife t
Pages          5 or 20 equal entries by F1: pages on which any two stand apart; also where all recordings are
               taken to be of one length, whatever their frames
A shift        F1 .03 apart, skills that correlate .8: how often p <= .05

Printed are percentages; a class that no recording shows is drawn again. `--share` multiplies the numbers of
replicates, `--save NAME` puts the rows into the record of that name in `tests/studies/records/`. Each row has
random numbers of its own, so that pieces give what the whole gives.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.metrics import Metric
from bench.metrics.bouts import BOUT_F1_50
from bench.metrics.frames import F1
from bench.metrics.localisation import METRICS as DETECTION_METRICS
from bench.metrics.ranking import MAP
from bench.metrics.sampling.intervals import MIN_DEFINED, NORMAL
from bench.metrics.sampling.paired import SWAPS, SWAPS_OF_SCORES, jackknife_test, swap_test
from bench.metrics.sampling.ranks import stand_apart
from bench.metrics.sampling.resampling import Value, bootstrap_weights, leave_one_out
from bench.metrics.sampling.student import t_central
from bench.recordings import Detections, Segments, one_hot

RECORDS = Path(__file__).parent / "records"
GROUPS = (6, 12, 19, 40)
FOREGROUND = np.array([False, True, True, True])
SHARES = np.array([0.6, 0.25, 0.1, 0.05])
CLASSES = len(SHARES)
REPLICATES = {"F1": 1_500, "bout F1": 1_000, "MAP": 500, "detection mAP": 500}
PAGES = {5: 1_000, 20: 500}
SHIFTS = 1_000
LEVEL = 0.05


def main() -> None:
    """Simulate, print, and keep the record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=[*REPLICATES, "pages", "shifts"])
    parser.add_argument("groups", nargs="?", type=int, choices=GROUPS)
    parser.add_argument("data", nargs="?", choices=("skewed", "even"))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--save")
    parser.add_argument("--show")
    options = parser.parse_args()
    if options.show:
        print(tables(json.loads((RECORDS / f"{options.show}.json").read_text())))
        return
    wanted = (options.what, options.groups, options.data)
    for table, place, make in plan(options.share):
        if all(one in (None, other) for one, other in zip(wanted, place, strict=True)):
            row = make()
            print(row, flush=True)
            if options.save:
                keep(RECORDS / f"{options.save}.json", table, row)


def plan(share: float) -> Iterator[tuple[str, tuple[str, int, str], Callable[[], dict[str, Any]]]]:
    """Yield of every row its table, what it is of (metric, groups, data), and the function that makes it."""
    for groups in GROUPS:
        for skewed in (True, False):
            data = _words(skewed)
            for name, replicates in REPLICATES.items():
                make = partial(levels, name, groups, math.ceil(share * replicates), skewed=skewed)
                yield "levels", (name, groups, data), make
            for entries, replicates in PAGES.items():
                make = partial(pages, entries, groups, math.ceil(share * replicates), skewed=skewed)
                yield "pages", ("pages", groups, data), make
        yield "shifts", ("shifts", groups, "skewed"), partial(shifts, groups, math.ceil(share * SHIFTS))


def keep(path: Path, table: str, row: dict[str, Any]) -> None:
    """Put a row into a record, in place of the one of the same metric or entries, data and groups."""
    record = json.loads(path.read_text()) if path.exists() else {"levels": [], "pages": [], "shifts": []}
    keys = ("metric", "entries", "data", "groups")
    others = [other for other in record[table] if any(other.get(key) != row.get(key) for key in keys)]
    record[table] = sorted([*others, row], key=_place)
    path.write_text(json.dumps(record, indent=1) + "\n")


def _place(row: dict[str, Any]) -> tuple[int, int, bool, int]:
    """Return where a row stands in its table."""
    metric = [*REPLICATES].index(row["metric"]) if "metric" in row else 0
    return metric, row.get("entries", 0), row.get("data") == "even", row["groups"]


def tables(record: dict[str, Any]) -> str:
    """Return the tables of a record in Markdown."""
    groups = ", ".join(map(str, GROUPS))
    lines = [
        f"| metric, recordings ({groups}) | before | without a p | swap | jackknife t | standard error |",
        "|---|---|---|---|---|---|",
    ]
    columns = ("before", "before_without_p", "swap", "jackknife_t")
    for name in REPLICATES:
        for data in ("skewed", "even"):
            rows = [row for row in record["levels"] if (row["metric"], row["data"]) == (name, data)]
            cells = [", ".join(f"{row[column]:g}" for row in rows) for column in columns]
            errors = ", ".join(f"{math.sqrt(475 / row['replicates']):.1f}" for row in rows)
            lines.append(f"| {name}, {data} | {' | '.join(cells)} | {errors} |")
    lines += ["", f"| equal entries on a page ({groups}) | any two stand apart | no test |", "|---|---|---|"]
    for entries in PAGES:
        for data in ("skewed", "even"):
            rows = [row for row in record["pages"] if (row["entries"], row["data"]) == (entries, data)]
            cells = [", ".join(f"{row[column]:g}" for row in rows) for column in ("apart", "without_test")]
            lines.append(f"| {entries}, {data} | {' | '.join(cells)} |")
    return "\n".join(lines)


# --- Tests -------------------------------------------------------------------------------------------------


def value_of(metric: Metric, measures: Sequence[Any], foreground: np.ndarray) -> Value:
    """Return the function from rows of weights of spans to the mean over classes."""
    shared = metric.shared
    if shared is None:
        reduce: Callable[[np.ndarray], np.ndarray] = partial(metric.reduce, measures)
    else:
        prepared = shared.prepare(measures)

        def reduce(weights: np.ndarray) -> np.ndarray:
            return np.asarray(shared.reduce(prepared, weights)[metric.name])

    averaged = metric.averaged(reduce(np.ones((1, len(measures))))[0], foreground)
    return lambda weights: metric.average(reduce(weights), averaged)[:, None]


def sign_p(first: Value, second: Value, groups: int) -> float:
    """Return the p of before: NaN where under 80 % of 1,000 resamples define the difference."""
    weights = bootstrap_weights(groups, 1_000, 0).astype(float)
    moved = (first(weights) - second(weights))[:, 0]
    defined = int(np.count_nonzero(~np.isnan(moved)))
    if defined < MIN_DEFINED * len(moved):
        return math.nan
    against = defined - max((moved > 0).sum(), (moved < 0).sum())
    z = -NORMAL.inv_cdf(min(0.5, max(float(against), 0.5) / defined))
    return 1 - t_central(z * math.sqrt((groups - 1) / groups), groups - 1)


def three_p(metric: Metric, measures: Sequence[Sequence[Any]], foreground: np.ndarray) -> list[float]:
    """Return the p of before, of the swap test and of the jackknife, for two measured entries."""
    first, second = (value_of(metric, of, foreground) for of in measures)
    groups = len(measures[0])
    assert metric.exchange is not None
    joined = value_of(metric, [span for of in measures for span in metric.exchange(of)], foreground)
    most = SWAPS if metric.reads == "labels" else SWAPS_OF_SCORES
    whole = np.ones((1, groups))
    left_out = leave_one_out(first, groups) - leave_one_out(second, groups)
    by_jackknife = jackknife_test((first(whole) - second(whole))[0], left_out)
    return [
        sign_p(first, second, groups),
        float(swap_test(joined, groups, most=most).p_value[0]),
        float(by_jackknife.p_value[0]),
    ]


def levels(name: str, groups: int, replicates: int, *, skewed: bool) -> dict[str, Any]:
    """Return how often two equal entries differ at .05, in percent of the tests that have a p."""
    rng = np.random.default_rng([groups, skewed, sorted(REPLICATES).index(name)])
    metric, draw, foreground = KINDS[name]
    values = np.array(
        [three_p(metric, draw(rng, groups, skewed), foreground) for _ in range(replicates)]
    )  # (n, 3)
    row: dict[str, Any] = {"metric": name, "data": _words(skewed), "groups": groups, "replicates": replicates}
    for k, test in enumerate(("before", "swap", "jackknife_t")):
        given = ~np.isnan(values[:, k])
        row[test] = _percent((values[given, k] <= LEVEL).sum(), given.sum())
        row[f"{test}_without_p"] = _percent((~given).sum(), replicates)
    return row


def pages(entries: int, groups: int, replicates: int, *, skewed: bool) -> dict[str, Any]:
    """Return on how many pages of equal entries any two stand apart, in percent of the pages with a test."""
    rng = np.random.default_rng([entries, groups, skewed])
    apart, given = np.zeros(2, dtype=int), 0
    for _ in range(replicates):
        counts = draw_counts(rng, groups, entries, skewed=skewed)
        frames = counts[0][:, 0].sum(axis=1)
        values = [value_of(F1, list(of), FOREGROUND) for of in counts]
        left_out = np.stack([leave_one_out(value, groups)[:, 0] for value in values])
        if np.isnan(left_out).any():
            continue
        given += 1
        whole = np.array([value(np.ones((1, groups)))[0, 0] for value in values])
        for k, of in enumerate((frames, np.ones(groups))):
            apart[k] += stand_apart(whole, left_out, of).above.any()
    row = {"entries": entries, "data": _words(skewed), "groups": groups, "replicates": replicates}
    return row | {
        "apart": _percent(apart[0], given),
        "apart_of_one_length": _percent(apart[1], given),
        "without_test": _percent(replicates - given, replicates),
    }


def shifts(groups: int, replicates: int) -> dict[str, Any]:
    """Return how often entries whose F1 differs by .03 have p <= .05, on skewed recordings."""
    rng = np.random.default_rng([groups, 3])
    gain = shift_of(0.03)
    small = 0
    for _ in range(replicates):
        counts = draw_counts(rng, groups, 2, skewed=True, alike=0.8, gain=gain)
        joined = value_of(F1, [span for of in counts for span in of], FOREGROUND)
        small += swap_test(joined, groups).p_value[0] <= LEVEL
    return {"shift": 0.03, "groups": groups, "replicates": replicates, "swap": _percent(small, replicates)}


def shift_of(difference: float) -> float:
    """Return by how much skills must be raised so that F1 of a large population rises by so much."""
    low, high = 0.0, 1.0
    for _ in range(12):
        gain = (low + high) / 2
        counts = draw_counts(np.random.default_rng(9), 3_000, 2, skewed=True, alike=0.8, gain=gain)
        one, other = (value_of(F1, list(of), FOREGROUND)(np.ones((1, 3_000)))[0, 0] for of in counts)
        low, high = (gain, high) if one - other < difference else (low, gain)
    return gain


def _percent(part: int, whole: int) -> float:
    return round(100 * int(part) / max(int(whole), 1), 1)


def _words(skewed: bool) -> str:
    return "skewed" if skewed else "even"


# --- Recordings and entries --------------------------------------------------------------------------------


def draw_shares(rng: np.random.Generator, groups: int, skewed: bool) -> np.ndarray:
    """Return the share of each class in each recording, every class in one at least: (G, C)."""
    while True:
        shares = SHARES * rng.lognormal(0, 0.6 if skewed else 0.3, (groups, CLASSES))
        if skewed:
            shares[:, 2] *= rng.random(groups) < 0.6
            shares[:, 3] *= rng.random(groups) < 0.3
        if (shares > 0).any(axis=0).all():
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def draw_lengths(rng: np.random.Generator, groups: int, typical: int, least: int, skewed: bool) -> np.ndarray:
    """Return the frames of each recording."""
    spread = 0.8 if skewed else 0.0
    return np.maximum(rng.lognormal(np.log(typical), spread, groups).astype(int), least)


def draw_counts(
    rng: np.random.Generator,
    groups: int,
    entries: int,
    *,
    skewed: bool,
    alike: float = 0.0,
    gain: float = 0.0,
) -> np.ndarray:
    """Draw what `count_frames` counts of each entry and recording: (K, G, C, 4).

    Skills of entries correlate by `alike`; those of the first are higher by `gain`.
    """
    while True:
        lengths = draw_lengths(rng, groups, 2_000, 100, skewed)
        truth = rng.multinomial(lengths, draw_shares(rng, groups, skewed))  # (G, C)
        if truth.any(axis=0).all():
            break
    common = rng.normal(0, 0.7, (1, groups, CLASSES))
    own = rng.normal(0, 0.7, (entries, groups, CLASSES))
    skill = 1.3 + math.sqrt(alike) * common + math.sqrt(1 - alike) * own
    skill[0] += gain
    right = 1 / (1 + np.exp(-skill))  # (K, G, C)
    lean = rng.dirichlet([6, 3, 2, 1], (entries, groups))[:, :, None, :] * (1 - np.eye(CLASSES))
    named = (1 - right)[..., None] * lean / lean.sum(axis=-1, keepdims=True) + right[..., None] * np.eye(
        CLASSES
    )
    confusion = rng.multinomial(np.broadcast_to(truth, (entries, groups, CLASSES)), named)  # (K, G, C, C)
    hits = np.diagonal(confusion, axis1=2, axis2=3)
    false, missed = confusion.sum(axis=2) - hits, confusion.sum(axis=3) - hits
    return np.stack([hits, false, missed, lengths[:, None] - hits - false - missed], axis=-1)


def draw_two_counts(rng: np.random.Generator, groups: int, skewed: bool) -> list[list[Any]]:
    """Draw two equal entries for F1."""
    return [list(of) for of in draw_counts(rng, groups, 2, skewed=skewed)]


def draw_truth(rng: np.random.Generator, groups: int, skewed: bool) -> list[np.ndarray]:
    """Draw the labels of each recording as bouts of ten frames on average: Bool (T, C)."""
    while True:
        lengths, shares = draw_lengths(rng, groups, 200, 40, skewed), draw_shares(rng, groups, skewed)
        spans = []
        for frames, share in zip(lengths, shares, strict=True):
            drawn = np.repeat(rng.choice(CLASSES, size=frames, p=share), rng.geometric(0.1, size=frames))
            spans.append(one_hot(drawn[:frames], CLASSES))
        if np.any([span.any(axis=0) for span in spans], axis=0).all():
            return spans


def draw_scores(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Draw the scores of one recording: a skill of each class, a leaning, and noise of five frames."""
    skill = rng.normal(1.5, 0.7, CLASSES)
    leaning = np.log(SHARES) / 3 + rng.normal(0, 0.4, CLASSES)
    noise = np.repeat(rng.normal(size=(len(truth) // 5 + 1, CLASSES)), 5, axis=0)[: len(truth)]
    return np.asarray(skill * truth + leaning + noise + rng.normal(0, 0.3, truth.shape))


def draw_two_labellings(rng: np.random.Generator, groups: int, skewed: bool) -> list[list[Any]]:
    """Draw two equal entries for bout F1."""
    truth = draw_truth(rng, groups, skewed)
    labels = [[one_hot(draw_scores(rng, t).argmax(axis=1), CLASSES) for t in truth] for _ in range(2)]
    return [[BOUT_F1_50.measure(t, x) for t, x in zip(truth, of, strict=True)] for of in labels]


def draw_two_scorings(rng: np.random.Generator, groups: int, skewed: bool) -> list[list[Any]]:
    """Draw two equal entries for MAP; the scores of the second are on another scale.

    The background is not ranked: it is in no mean, and its frames stay as negatives of the other classes.
    """
    truth = draw_truth(rng, groups, skewed)
    one, other = ([draw_scores(rng, t)[:, FOREGROUND] for t in truth] for _ in range(2))
    moved = [3 * scores + 1.5 for scores in other]
    return [[MAP.measure(t[:, FOREGROUND], x) for t, x in zip(truth, of, strict=True)] for of in (one, moved)]


def draw_two_detectors(rng: np.random.Generator, groups: int, skewed: bool) -> list[list[Any]]:
    """Draw two equal entries for detection mAP: segments found, moved a little, and false ones."""
    truth = [true_segments(span) for span in draw_truth(rng, groups, skewed)]
    while not np.bincount(np.concatenate([t.labels for t in truth]), minlength=CLASSES - 1).all():
        truth = [true_segments(span) for span in draw_truth(rng, groups, skewed)]
    return [[DETECTION_METRICS[0].measure(t, draw_detections(rng, t)) for t in truth] for _ in range(2)]


def true_segments(span: np.ndarray) -> Segments:
    """Return the bouts of the classes but the first, ten frames a second."""
    edges = np.diff(np.pad(span[:, 1:].astype(int), ((1, 1), (0, 0))), axis=0)
    starts, stops = (np.argwhere(sign == edges.T) for sign in (1, -1))
    bounds = np.stack([starts[:, 1], stops[:, 1]], axis=1) / 10.0
    return Segments(bounds, starts[:, 0], CLASSES - 1)


def draw_detections(rng: np.random.Generator, truth: Segments) -> Detections:
    """Draw the detections of one entry in one recording."""
    skill = rng.normal(1.0, 0.5, truth.classes)
    hits = np.flatnonzero(rng.random(len(truth.labels)) < 1 / (1 + np.exp(-skill[truth.labels])))
    bounds = truth.bounds[hits] + rng.normal(0, 0.15, (len(hits), 2))
    false = rng.poisson(2 + len(truth.labels) / 3)
    starts = rng.uniform(0, 15, false)
    wrong = np.stack([starts, starts + rng.exponential(1.0, false) + 0.2], axis=1)
    labels = np.concatenate([truth.labels[hits], rng.integers(0, truth.classes, false)])
    scores = np.concatenate(
        [skill[truth.labels[hits]] / 2 + rng.normal(0, 0.7, len(hits)), rng.normal(0, 0.7, false)]
    )
    every = np.sort(np.concatenate([bounds, wrong]), axis=1) + np.array([0.0, 0.01])
    return Detections(every, labels, scores)


KINDS: dict[str, tuple[Metric, Callable[[np.random.Generator, int, bool], list[list[Any]]], np.ndarray]] = {
    "F1": (F1, draw_two_counts, FOREGROUND),
    "bout F1": (BOUT_F1_50, draw_two_labellings, FOREGROUND),
    "MAP": (MAP, draw_two_scorings, FOREGROUND[1:]),
    "detection mAP": (DETECTION_METRICS[0], draw_two_detectors, FOREGROUND[1:]),
}

if __name__ == "__main__":
    main()
