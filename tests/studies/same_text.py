"""Whether two checkouts print the same to a pipe, byte for byte, for every command that prints tables.

    python tests/studies/same_text.py OLD NEW [WORD ...]

Each checkout first runs its own `bench demo`, then the commands of `commands`, or those of them that contain
every WORD. Names of its own folders are left out of the comparison. Ends with 1 where an exit code or an
output differs. Commands that measure time, train more than the demo, or need a network are not among them.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from checkouts import bench

LAB = """[dataset]
name = "mylab"
fps = 25
image = [640, 480]
poses = { format = "none" }
labels = { format = "frames", files = "*.csv" }
classes = ["attack", "mount", "other"]
background = "other"
test = ["m3"]
"""


def main(old: Path, new: Path, words: list[str]) -> int:
    """Run every command in both checkouts; print what differs."""
    different = total = 0
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        inputs(scratch)
        for command in commands(new, scratch):
            if words and not {*words} <= {*command} and command[0] != "demo":
                continue
            outputs = [
                said(checkout, side, command, scratch) for checkout, side in ((old, "old"), (new, "new"))
            ]
            total += 1
            if outputs[0] != outputs[1]:
                different += 1
                print(f"DIFFERENT: bench {' '.join(command)}")
                changes = unified_diff(
                    *(text.splitlines() for text in outputs), "old", "new", lineterm="", n=0
                )
                print("\n".join(f"    {line}" for line in islice(changes, 40)))
    print(f"{total} commands, {different} different")
    return min(different, 1)


def said(checkout: Path, side: str, command: list[str], scratch: Path) -> str:
    """Return exit code, output and messages of one command, without the names of this side's folders."""
    home = scratch / side
    done = bench(checkout, [word.format(home=home) for word in command], {"BENCH_HOME": str(home / "store")})
    text = f"exit code {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    text = re.sub('"scored": "[^"]*"', "", text)  # when: the only clock in a result
    return text.replace(str(home), "HOME").replace(str(checkout), "CHECKOUT")


def commands(checkout: Path, scratch: Path) -> Iterator[list[str]]:
    """Yield the commands, the demo first."""
    yield ["demo", "--out", "{home}/demo"]
    yield from (
        ["tasks"],
        ["models"],
        ["models", "--task", "rat-dyads"],
        ["metrics"],
        ["metrics", "--all"],
        ["pull", "--list"],
    )
    yield from (
        ["audit"],
        ["audit", "--all"],
        ["audit", "--json"],
        ["verify"],
        ["verify", "--all"],
        ["verify", "demo"],
    )
    yield from (["reproduce", "--list"], ["reproduce", "--dry-run"], ["data", "demo"], ["data", "rat-dyads"])
    for result in sorted((checkout / "leaderboard" / "results").glob("*.json")):
        task, _, entry = result.stem.partition("--")
        if entry in ("gbdt", "prior", "msgl", "conv1d"):
            yield ["explain", task, entry]
            yield ["explain", task, entry, "--json"]
    entries = [f"{{home}}/demo/submissions/{name}" for name in ("conv1d", "prior")]
    results = ["--results", "{home}/demo/leaderboard/results"]
    yield ["validate", entries[0]]
    for options in ([], ["--all"], ["--json"]):
        yield ["evaluate", entries[0], *results, *options]
        yield ["compare", *entries, "--task", "demo", *options]
    yield ["explain", "demo", "conv1d", *results]
    frames = [str(scratch / name) for name in ("truth.npz", "scores.npz")]
    classes = ["--classes", "attack,mount,other", "--background", "other"]
    for options in ([], ["--fps", "30"], ["--json"]):
        yield ["score", "frames", *frames, *classes, *options]
    yield ["score", "clusters", str(scratch / "truth.npz"), str(scratch / "clusters.npz")]
    yield ["score", "segments", str(scratch / "truth.json"), str(scratch / "detections.json")]
    yield ["add", str(scratch / "lab" / "mylab.toml")]
    yield ["data", "mylab"]


def inputs(folder: Path) -> None:
    """Write small files for `bench score` and `bench add`: six recordings, no two of the same length."""
    random = np.random.default_rng(0)
    frames = {f"m{k}": 61 + 17 * k for k in range(6)}
    truth = {id_: np.repeat(random.integers(0, 3, n // 7 + 1), 7)[:n] for id_, n in frames.items()}
    scores = {id_: np.eye(3)[of] + random.normal(0, 0.6, (len(of), 3)) for id_, of in truth.items()}
    np.savez(folder / "truth.npz", **truth)  # type: ignore[arg-type]
    np.savez(folder / "scores.npz", **scores)  # type: ignore[arg-type]
    np.savez(folder / "clusters.npz", **{id_: of.argmax(axis=1) for id_, of in scores.items()})  # type: ignore[arg-type]
    database, results = {}, {}
    for id_, of in truth.items():
        edges = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(of)]
        bouts = [(a / 30, b / 30, int(of[a])) for a, b in pairwise(edges) if of[a] < 2]
        database[id_] = {
            "subset": "testing",
            "duration": len(of) / 30,
            "annotations": [{"segment": [a, b], "label": f"class{c}"} for a, b, c in bouts],
        }
        results[id_] = [
            {"segment": [a, 0.75 * b + 0.25 * a], "label": f"class{c}", "score": float(random.random())}
            for a, b, c in bouts
        ]
    (folder / "truth.json").write_text(json.dumps({"database": database}))
    (folder / "detections.json").write_text(json.dumps({"results": results}))
    lab = folder / "lab"
    lab.mkdir()
    (lab / "mylab.toml").write_text(LAB)
    for id_, n in (("m1", 7), ("m2", 9), ("m3", 11)):
        rows = (f"{t},{['attack', 'other', 'mount', 'other'][t % 4]}" for t in range(n))
        (lab / f"{id_}.csv").write_text("\n".join(["frame,label", *rows, ""]))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]))
