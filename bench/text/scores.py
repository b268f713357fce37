"""What `bench evaluate` prints: the numbers of one result, by class and by part, and what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.display import between, number
from bench.kinds import kind_named
from bench.metrics import softnms
from bench.metrics.sampling.intervals import MIN_GROUPS
from bench.prior import Prior, below
from bench.results import Result, Score
from bench.text.specification import by_family
from bench.text.tables import fold, table
from bench.text.units import per_minute, with_milliseconds, with_unit

DETECTION_FORMS = {
    "raw": (
        f"raw, so put through Soft-NMS first (sigma {softnms.SIGMA}, at most {softnms.MOST} of a recording, "
        f"scores from {softnms.MIN_SCORE} on)"
    ),
    "final": "final, scored as they are",
}
"""What the card's word about detections says."""
WIDE = 8
"""Classes that have columns of their own beside something else; more stand below each other."""
MAIN = 4
"""How many metrics of a task are printed unless all are asked for."""


def below_prior_text(result: Result, prior: Prior) -> str:
    """Say by which metrics an entry scores below the class prior, and what to check; empty where by none."""
    cards = {card["name"]: card for card in result.task["metrics"]}
    worse = [
        f"{cards[name]['title']} {number(result.scores[name].value, cards[name]['unit'])}, "
        f"the prior {number(prior.values[name], cards[name]['unit'])}"
        for name in below(result, prior)
    ]
    if not worse:
        return ""
    return (
        f"BELOW THE PRIOR, which knows class shares alone ({prior.source}): {'; '.join(worse)}\n"
        f"are the columns in the order of the task's classes? {', '.join(result.task['classes'])}"
    )


def heading(result: Result) -> str:
    """Say whose numbers follow, with the remark of its card, and on what."""
    remark = f" ({result.entry['remark']})" if result.entry.get("remark") else ""
    return f"{result.entry['name']}{remark} on {result.task['name']}: {result.task['title']}"


def result_text(result: Result, *, every: bool = False) -> str:
    """Return what `bench evaluate` prints: the main metrics or every one, every part, what was counted."""
    result = per_minute(result)
    task = result.task
    cards = task["metrics"] if every else task["metrics"][:MAIN]
    runs = list(next(iter(result.scores.values())).per_run)
    blocks = [
        heading(result),
        f"{result.recordings} test recordings, {amount_tested(result)} ({task['protocol']['name']})",
        f"{len(runs)} run{'s' * (len(runs) != 1)}: {', '.join(runs)}",
        *([f"detections: {DETECTION_FORMS[form]}"] if (form := result.entry.get("detections")) else []),
        *_changes(result.changed),
        "",
        _numbers(result, cards, headings=every),
    ]
    if len(task["metrics"]) > len(cards):
        blocks.append(f"{len(task['metrics']) - len(cards)} more numbers: --all, --json, or the result file")
    if len(task["parts"]) > 1:
        blocks += ["", _every_part(result) if every else by_part(result)]
    blocks += ["", _footnote(result)]
    return "\n".join(blocks)


def by_part(result: Result, name: str | None = None) -> str:
    """Return one metric of every part, with its classes; the one that ranks unless it is named."""
    task = (result := per_minute(result)).task
    card = next(card for card in task["metrics"] if name in (None, card["name"]))
    unit = card["unit"]
    scores = [result.scores[card["name"]].per_part[part["name"]] for part in task["parts"]]
    classes = task["classes"] if any(score.per_class for score in scores) else []
    rows = [
        [
            part["title"],
            number(score.value, unit),
            between(score.low, score.high, unit),
            *(number(score.per_class[class_name], unit) for class_name in classes),
        ]
        for part, score in zip(task["parts"], scores, strict=True)
    ]
    title = f"{with_unit(card['title'], card['unit'])} by part"
    if len(classes) <= WIDE:
        return table([title, "value", _level(result), *map(fold, classes)], rows)
    parts, *columns = zip(*rows, strict=True)
    turned = zip(["value", _level(result), *classes], columns, strict=True)
    return table([title, *map(fold, parts)], [[row_name, *cells] for row_name, cells in turned])


def amount_tested(result: Result) -> str:
    """Say how much was tested: frames, or true segments."""
    words = kind_named(result.task["kind"]).words
    return f"{words.count(result.frames, result.support):,} {words.total}"


def interval_statement(how: Mapping[str, Any]) -> str:
    """Say in one line how the intervals were made, or why there are none."""
    if how["reason"]:
        return f"No interval: {how['reason'].rstrip('.')}"
    resamples = f"{how['resamples']:,} resamples, seed {how['seed']}"
    return (
        f"{100 * how['level']:g} % intervals by the {how['method']} bootstrap over {how['groups']:,} "
        f"groups of recordings ({resamples}); a class or a part that fewer than {MIN_GROUPS} groups show "
        "has no interval"
    )


def _changes(changed: Sequence[Mapping[str, str]]) -> list[str]:
    """Say what is not as declared, the first few in full."""
    lines = [f"  {item['name']}: {item['found']}, expected {item['expected']}" for item in changed[:MAIN]]
    if len(changed) > MAIN:
        lines.append(f"  and {len(changed) - MAIN} more: --json, or the result file")
    return ["CHANGED DATA: not as declared or frozen", *lines] if lines else []


def _row(card: Mapping[str, Any], score: Score, task: Mapping[str, Any]) -> list[str]:
    unit = card["unit"]
    return [
        with_unit(card["title"], card["unit"]),
        with_milliseconds(score.value, unit, task["dataset"]["fps"]),
        between(score.low, score.high, unit),
        number(score.std_runs, unit),
        *(number(score.per_class[name], unit) if score.per_class else "" for name in task["classes"]),
    ]


def _numbers(result: Result, cards: Sequence[Mapping[str, Any]], *, headings: bool) -> str:
    """Return the metrics as one table; with headings, family by family."""
    task = result.task
    headers = ["metric", "value", _level(result), "± runs", *map(fold, task["classes"])]
    families = by_family(cards) if headings else {"": cards}
    rows: list[list[str]] = []
    titles = {}
    for family, members in families.items():
        titles[len(rows)] = family
        rows += [_row(card, result.scores[card["name"]], task) for card in members]
    return table(headers, rows, titles=titles if headings else None)


def _every_part(result: Result) -> str:
    """Return every metric of every part, without intervals."""
    task, rows = result.task, []
    for card in (card for members in by_family(task["metrics"]).values() for card in members):
        per_part = result.scores[card["name"]].per_part
        values = [number(per_part[part["name"]].value, card["unit"]) for part in task["parts"]]
        rows.append([with_unit(card["title"], card["unit"]), *values])
    return table(["by part", *(fold(part["title"]) for part in task["parts"])], rows)


def _level(result: Result) -> str:
    return f"{result.interval['level']:.0%} interval"


def _footnote(result: Result) -> str:
    support = ", ".join(f"{name} {count:,}" for name, count in result.support.items())
    lines = [f"{kind_named(result.task['kind']).words.unit} per class: {support}"]
    if background := result.task["background"]:
        lines.append(f"frames of {background!r} count; its own value is in no mean without background")
    return "\n".join([*lines, interval_statement(result.interval)])
