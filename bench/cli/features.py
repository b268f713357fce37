"""The command that turns videos into features for localisers."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.entries import folder
from bench.errors import UsageError


@click.command()
@click.argument("videos", nargs=-1, required=True, type=folder)
@click.option("--out", required=True, type=folder, help="Where the .npy files go.")
@click.option(
    "--weights", type=folder, help="Weights of I3D, e.g. rgb_imagenet.pt; without them, random ones."
)
@click.option("--mask", type=folder, help="A picture whose white part is not looked at, such as a mirror.")
@click.option("--whole", is_flag=True, help="Look at the whole picture, and search for no animal.")
@click.option("--clips", is_flag=True, help="Cut each video into overlapping clips, a file for each.")
@click.option("--seconds", default=10.0, show_default=True, help="Of a clip.")
@click.option("--every", default=5.0, show_default=True, help="Seconds from one clip to the next.")
@click.option(
    "--margin", default=50.0, show_default=True, help="Pixels that the animal's box is enlarged by."
)
@click.option("--size", default=224, show_default=True, help="Pixels that the box is cut out with.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
def features(
    videos: tuple[Path, ...],
    out: Path,
    weights: Path | None,
    mask: Path | None,
    whole: bool,
    clips: bool,
    seconds: float,
    every: float,
    margin: float,
    size: int,
    device: str,
) -> None:
    """Turn VIDEOS into rows of features: an .npy for each, and a .json that says when the rows are.

    The animal is found by what differs from the background and cut out, 224 pixels wide; 16 frames at a time
    go through I3D, every 4 frames. A killed run goes on where it stopped. With --clips each clip has an .npy
    of its own: VIDEO-000.npy is the first. What the mask hides is black.
    """
    from bench.about import install_hint
    from bench.datasets.clips import Cut

    try:
        from baselines.extractors.clip_videos import extract_clips
        from baselines.extractors.videos import Settings, extract
    except ModuleNotFoundError as fault:
        extra = "video" if fault.name in ("av", "cv2") else "train"
        raise UsageError(f"bench features needs {fault.name}", hint=install_hint(extra)) from fault
    twice = {path.stem for path in videos if [one.stem for one in videos].count(path.stem) > 1}
    if twice:
        raise UsageError(f"several videos would be written as {', '.join(sorted(twice))}.npy")
    if weights is None:
        click.echo(
            "note: no --weights: the network is random, and its features are trained on nothing", err=True
        )
    for path in videos:
        settings = Settings(whole=whole, margin=margin, size=size)
        if clips:
            cut = Cut(seconds, every)
            made = extract_clips(path, out, settings, cut, weights=weights, mask=mask, device=device)
        else:
            made = [extract(path, out, settings, weights=weights, mask=mask, device=device)]
        for file in made:
            click.echo(str(file))
