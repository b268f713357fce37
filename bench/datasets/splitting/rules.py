"""Split rules: how the files in `splits/` come from the recordings, so that anyone can make them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any

from bench.errors import DataError
from bench.recordings import Recording
from bench.splits import SUBSETS, Totals, add_up


@dataclass(frozen=True)
class Summary:
    """What a rule may know of a recording, and what the split file freezes of it."""

    id: str
    group: str
    frames: int
    counts: Mapping[str, int]
    """Class -> frames in which it holds."""
    truth: str
    segments: int | None
    """None where the annotators gave none."""

    @property
    def totals(self) -> Totals:
        """What it adds to the totals of its subset."""
        return Totals(1, self.frames, self.counts, self.segments)


@dataclass(frozen=True)
class SplitRule:
    """How one split file comes about."""

    name: str
    source: str
    words: str
    """The rule in words, as the file says it."""
    choose: Callable[[Sequence[Summary]], Mapping[str, Mapping[str, Sequence[str]]]]
    """Recordings, sorted by id -> part -> subset -> ids. It may name recordings that are not at hand."""
    published: Mapping[str, Mapping[str, Totals]] = field(default_factory=dict)
    """Part -> subset -> totals that the paper gives; those of a subset at hand must agree with them."""
    label_seeds: int = 0
    """How many orders of the train groups to freeze, for training on a fraction of the labels."""


def summarise(recording: Recording) -> Summary:
    """Reduce a recording to what a split file freezes."""
    counts = dict(zip(recording.classes, recording.labels.sum(axis=0).tolist(), strict=True))
    segments = None if recording.segments is None else len(recording.segments.labels)
    return Summary(
        recording.id, recording.group, recording.frames, counts, recording.truth_digest(), segments
    )


def frozen_text(rule: SplitRule, recordings: Iterable[Recording]) -> str:
    """Return the split file of a rule applied to recordings; the same recordings give the same bytes.

    Raises `DataError` where a subset is neither complete nor published, or differs from what is published.
    """
    at_hand = {s.id: s for s in sorted(map(summarise, recordings), key=lambda s: s.id)}
    choice = rule.choose(tuple(at_hand.values()))
    totals: dict[str, dict[str, Totals]] = {part: {} for part in choice}
    problems = []
    for part, subset in product(choice, SUBSETS):
        ids = choice[part].get(subset, ())
        published = rule.published.get(part, {}).get(subset)
        frozen, fault = _totals(ids, at_hand, published)
        if frozen is not None:
            totals[part][subset] = frozen
        if fault:
            problems.append(f"{subset}: {fault}" if len(choice) == 1 else f"{part}/{subset}: {fault}")
    if problems:
        raise DataError(f"split {rule.name!r} cannot be frozen", problems)
    parts = {
        part: {s: _by_group(subsets.get(s, ()), at_hand) for s in SUBSETS} for part, subsets in choice.items()
    }
    every = [id_ for subsets in choice.values() for ids in subsets.values() for id_ in sorted(ids)]
    content = {
        "name": rule.name,
        "source": rule.source,
        "rule": rule.words,
        "parts": parts,
        "totals": {part: {s: _plain(t) for s, t in subsets.items()} for part, subsets in totals.items()},
        "truth": {id_: at_hand[id_].truth for id_ in dict.fromkeys(every) if id_ in at_hand},
    }
    if rule.label_seeds:
        groups = list(dict.fromkeys(group for subsets in parts.values() for group in subsets["train"]))
        content["label_order"] = {str(seed): shuffled(groups, seed) for seed in range(rule.label_seeds)}
    return _readable(content)


def shuffled(names: Sequence[str], seed: int) -> list[str]:
    """Return names in the order of the SHA-256 of "seed:name": the same order on every machine."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())


def _totals(
    ids: Sequence[str], at_hand: Mapping[str, Summary], published: Totals | None
) -> tuple[Totals | None, str]:
    """Return the totals of one subset, counted or else as published, and the fault if both differ."""
    missing = [id_ for id_ in ids if id_ not in at_hand]
    if missing and published is None:
        return None, f"{len(missing)} of {len(ids)} recordings are not at hand: {missing[0]} …"
    if missing or not ids:
        return published, ""
    counted = add_up([at_hand[id_].totals for id_ in ids])
    if published is None:
        return counted, ""
    comparable = replace(counted, counts={name: counted.counts.get(name, 0) for name in published.counts})
    return counted, "" if comparable == published else f"{comparable}, published {published}"


def _plain(totals: Totals) -> dict[str, Any]:
    """Return totals as the split file holds them; a number of segments only where there is one."""
    return {name: value for name, value in asdict(totals).items() if value is not None}


def _by_group(ids: Sequence[str], at_hand: Mapping[str, Summary]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for id_ in ids:
        group = at_hand[id_].group if id_ in at_hand else id_.split("_", 1)[0]
        groups.setdefault(group, []).append(id_)
    return groups


def _readable(value: Any, depth: int = 0) -> str:
    """Write JSON with one group, one set of totals or one digest to a line."""
    if not isinstance(value, dict) or depth == 4 or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = (f"{' ' * (depth + 1)}{json.dumps(k)}: {_readable(v, depth + 1)}" for k, v in value.items())
    return "{\n" + ",\n".join(inner) + f"\n{' ' * depth}}}" + ("\n" if depth == 0 else "")
