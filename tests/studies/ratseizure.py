"""The whole official layout of RatSeizure, from its file to a page: pull, train, evaluate, explain, publish.

    python tests/studies/ratseizure.py                  in a folder that is taken away
    python tests/studies/ratseizure.py --out FOLDER     in one that stays

The file is a made one of 513 and 281 clips, with overlaps, duplicates and clips that are not fully covered;
the features are 72 x 1,024 random numbers, a file for each clip. RaSeformer has 16 channels in place of 512,
and trains two epochs: what it scores means nothing. Takes about 20 seconds of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from baselines.models import get_baseline
from baselines.recipes.localisation import Recipe
from baselines.runs.train import train
from bench.cli import cli
from bench.datasets import get_task
from bench.datasets.ratseizure import FILE
from tests.datasets.ratseizure_file import database


def run(*arguments: str) -> None:
    """Run a command and print what it prints; stop where it fails."""
    print("$ bench", *arguments)
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    print(done.output)
    assert done.exit_code == 0, done.exit_code


def go(folder: Path) -> None:
    """Take the clips from their file to a page, in a folder."""
    os.environ["BENCH_HOME"] = str(folder / "home")
    source, features = folder / "official", folder / "home" / "features"
    source.mkdir()
    features.mkdir(parents=True)
    clips = database()
    (source / FILE).write_text(json.dumps({"database": clips}))
    rng = np.random.default_rng(0)
    for clip in clips:
        np.save(features / f"{clip}.npy", rng.normal(size=(72, 1024)).astype(np.float32))
    run("pull", "ratseizure", "--from", str(source), "--accept-changed")
    declared = get_baseline("raseformer")
    assert isinstance(declared.recipe, Recipe)
    small = replace(declared, recipe=replace(declared.recipe, width=16, batch=27, lr=1e-3))
    train(small, get_task("ratseizure"), seed=0, device="cpu", out=folder / "raseformer", epochs=2)
    results = str(folder / "results")
    run("evaluate", str(folder / "raseformer"), "--results", results)
    run("explain", "ratseizure", "raseformer", "--results", results)
    run("publish", "--results", results, "--out", str(folder / "site"))
    assert "RaSeformer" in (folder / "site" / "ratseizure.html").read_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.out:
        asked.out.mkdir(parents=True)
        go(asked.out.absolute())
        return
    with tempfile.TemporaryDirectory() as folder:
        go(Path(folder))


if __name__ == "__main__":
    main()
