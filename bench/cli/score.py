"""The commands `bench score ...`: the frozen metrics on anyone's files, no task needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.evaluation.anyone import Scores

Command = Callable[..., None]
file = click.Path(path_type=Path)


@click.group()
def score() -> None:
    """Score anyone's predictions against anyone's labels, with no task and no submission.

    \b
    bench score frames truth.npz scores.npz --classes attack,mount,other --background other --fps 30
    bench score segments truth.json detections.json --subset testing
    bench score clusters truth.npz clusters.npz
    """  # noqa: D301  (click reads the backspace as "do not rewrap")


def _shared(command: Command) -> Command:
    """Add the options that all three have."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")(command)
    command = click.option(
        "--resamples",
        default=1_000,
        show_default=True,
        type=click.IntRange(0, 100_000),
        help="Of the groups, for the intervals; 0 gives none.",
    )(command)
    return click.option(
        "--groups", type=file, help="CSV of recording,group: animals or cages, the unit of intervals."
    )(command)


@score.command()
@click.argument("truth", type=file)
@click.argument("pred", type=file)
@click.option("--classes", required=True, help="Names of the columns, in order: attack,mount,other.")
@click.option("--background", help="The class that is in no mean without background.")
@click.option("--fps", type=float, help="Frames per second, to give milliseconds and rates per minute.")
@_shared
def frames(
    truth: Path,
    pred: Path,
    classes: str,
    background: str | None,
    fps: float | None,
    groups: Path | None,
    resamples: int,
    as_json: bool,
) -> None:
    """Score PRED, a score per frame and class, against the labels in TRUTH.

    TRUTH: .npz, recording -> class index of every frame, -1 where not annotated. PRED: .npz, recording ->
    (frames, classes); or .parquet or .csv with columns recording, frame and one per class.
    """
    from bench.scoring import score_frames

    scores = score_frames(
        truth,
        pred,
        _names(classes),
        background=background,
        fps=fps,
        groups=groups,
        resamples=resamples,
    )
    _print(scores, as_json)


@score.command()
@click.argument("truth", type=file)
@click.argument("detections", type=file)
@click.option("--tiou", default="0.3,0.4,0.5,0.6,0.7", show_default=True, help="Thresholds of overlap.")
@click.option("--subset", help="Only the recordings of this subset of TRUTH.")
@click.option("--soft-nms", is_flag=True, help="First apply the frozen Soft-NMS to each recording.")
@click.option("--score-voting", is_flag=True, help="After Soft-NMS, move bounds by the frozen voting.")
@_shared
def segments(
    truth: Path,
    detections: Path,
    tiou: str,
    subset: str | None,
    soft_nms: bool,
    score_voting: bool,
    groups: Path | None,
    resamples: int,
    as_json: bool,
) -> None:
    """Score DETECTIONS against the segments in TRUTH, both JSON in ActivityNet's layout.

    Other thresholds than the frozen ones give metrics with other names.
    """
    from bench.scoring import score_segments

    scores = score_segments(
        truth,
        detections,
        tiou=_thresholds(tiou),
        subset=subset,
        soft_nms=soft_nms,
        score_voting=score_voting,
        groups=groups,
        resamples=resamples,
    )
    _print(scores, as_json)


@score.command()
@click.argument("truth", type=file)
@click.argument("pred", type=file)
@click.option("--classes", help="Names of the labels, in order.  [default: 0, 1, ...]")
@click.option("--background", help="The class whose F1 is not in the mean.")
@_shared
def clusters(
    truth: Path,
    pred: Path,
    classes: str | None,
    background: str | None,
    groups: Path | None,
    resamples: int,
    as_json: bool,
) -> None:
    """Score PRED, a cluster id per frame found without labels, against the labels in TRUTH.

    Both .npz, recording -> one whole number per frame; -1 in TRUTH where not annotated.
    """
    from bench.scoring import score_clusters

    names = None if classes is None else _names(classes)
    scores = score_clusters(truth, pred, names, background=background, groups=groups, resamples=resamples)
    _print(scores, as_json)


def _print(scores: Scores, as_json: bool) -> None:
    from bench.evaluation.anyone import to_json
    from bench.results import canonical
    from bench.text import scores_text

    for warning in scores.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(canonical(to_json(scores)).decode() if as_json else scores_text(scores) + "\n", nl=False)


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",")]


def _thresholds(listed: str) -> list[float]:
    try:
        return [float(value) for value in listed.split(",")]
    except ValueError as fault:
        raise UsageError(f"--tiou {listed}: expected numbers such as 0.5,0.75") from fault
