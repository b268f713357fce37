"""Split rules: how the files in `splits/` come from the recordings, so that anyone can make them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.errors import DataError
from bench.recordings import Recording
from bench.splits import SUBSETS, Totals


@dataclass(frozen=True)
class Summary:
    """What a rule may know of a recording, and what the split file freezes of it."""

    id: str
    group: str
    frames: int
    counts: Mapping[str, int]
    """Class -> frames in which it holds."""
    truth: str


@dataclass(frozen=True)
class SplitRule:
    """How one split file comes about."""

    name: str
    source: str
    words: str
    """The rule in words, as the file says it."""
    choose: Callable[[Sequence[Summary]], Mapping[str, Sequence[str]]]
    """Recordings, sorted by id -> subset -> ids. It may name recordings that are not at hand."""
    published: Mapping[str, Totals] = field(default_factory=dict)
    """Totals of subsets that the paper gives; those of a subset that is at hand must agree with them."""


def summarise(recording: Recording) -> Summary:
    """Reduce a recording to what a split file freezes."""
    counts = dict(zip(recording.classes, recording.labels.sum(axis=0).tolist(), strict=True))
    return Summary(recording.id, recording.group, recording.frames, counts, recording.truth_digest())


def frozen_text(rule: SplitRule, recordings: Iterable[Recording]) -> str:
    """Return the split file of a rule applied to recordings; the same recordings give the same bytes.

    Raises `DataError` where a subset is neither complete nor published, or differs from what is published.
    """
    at_hand = {s.id: s for s in sorted(map(summarise, recordings), key=lambda s: s.id)}
    chosen = rule.choose(tuple(at_hand.values()))
    totals: dict[str, Totals] = {}
    problems = []
    for subset in SUBSETS:
        ids = chosen.get(subset, ())
        lacking = [id_ for id_ in ids if id_ not in at_hand]
        published = rule.published.get(subset)
        if lacking and published is None:
            problems.append(
                f"{subset}: {len(lacking)} of {len(ids)} recordings are not at hand: {lacking[0]} …"
            )
        elif lacking and published is not None:
            totals[subset] = published
        elif ids:
            totals[subset] = _add_up([at_hand[id_] for id_ in ids])
            if published is not None and totals[subset] != published:
                problems.append(f"{subset}: {totals[subset]}, published {published}")
    if problems:
        raise DataError(f"split {rule.name!r} cannot be frozen", problems)
    content = {
        "name": rule.name,
        "source": rule.source,
        "rule": rule.words,
        "parts": {"all": {s: _by_group(chosen.get(s, ()), at_hand) for s in SUBSETS}},
        "totals": {"all": {subset: asdict(found) for subset, found in totals.items()}},
        "truth": {
            id_: at_hand[id_].truth for ids in chosen.values() for id_ in sorted(ids) if id_ in at_hand
        },
    }
    return _readable(content)


def _add_up(summaries: Sequence[Summary]) -> Totals:
    counts = {name: sum(s.counts[name] for s in summaries) for name in summaries[0].counts}
    return Totals(len(summaries), sum(s.frames for s in summaries), counts)


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
