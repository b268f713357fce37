"""Whether two checkouts build the same pages, byte for byte, from the same results.

    python tests/studies/same_site.py OLD NEW [--demo FOLDER]

Both publish three folders of results: those that NEW commits, those of `bench demo` in OLD, and made-up ones
that show what the others lack: undefined values, rankings apart, parts, overlapping classes, segments,
changed data, results without details, hostile names. Ends with 1 where a page differs or is missing.
`--demo` takes the results of a demo that was run before.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from checkouts import bench, ended_well, python

BUILD = """
import sys
from pathlib import Path
try:
    from bench.results import read
except ImportError:
    import json
    from bench.results import parse
    read = lambda path: parse(json.loads(path.read_bytes()))
try:
    from bench.pages import publish, render
except ImportError:  # what the room was called before
    from bench.leaderboard import publish, render
results = [read(path) for path in sorted(Path(sys.argv[1]).glob("*.json"))]
publish(render(results), Path(sys.argv[2]))
"""
"""Builds the pages of a folder of results, also of made-up ones that `bench publish` refuses."""


def main() -> int:
    """Publish every folder with both checkouts and compare the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--demo", type=Path, help="results of a demo, instead of running it")
    options = parser.parse_args()
    old, new = options.old.resolve(), options.new.resolve()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folders = {
            "committed": new / "leaderboard" / "results",
            "demo": options.demo.resolve() if options.demo else demo(old, scratch),
            "made up": write_made_up(new, scratch / "made-up"),
        }
        different = 0
        for title, results in folders.items():
            sites = [
                publish(checkout, results, scratch / side / title)
                for side, checkout in (("old", old), ("new", new))
            ]
            different += compared(title, *sites)
    return min(different, 1)


def publish(checkout: Path, results: Path, site: Path) -> dict[str, bytes]:
    """Return the pages that a checkout builds of these results, unchecked: file name -> bytes."""
    ended_well(python(checkout, ["-c", BUILD, str(results), str(site)], {}))
    return {path.name: path.read_bytes() for path in sorted(site.iterdir())}


def compared(title: str, old: dict[str, bytes], new: dict[str, bytes]) -> int:
    """Print how many pages are the same and what differs; return how many do."""
    different = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    size = sum(map(len, new.values()))
    print(f"{title}: {len(new)} pages, {size:,} bytes, {len(different)} different")
    for name in different:
        print(f"  {name}: {first_difference(old.get(name), new.get(name))}")
    return len(different)


def first_difference(old: bytes | None, new: bytes | None) -> str:
    """Return the first lines that differ."""
    if old is None or new is None:
        return "only in the new site" if old is None else "only in the old site"
    for number, lines in enumerate(zip(old.splitlines(), new.splitlines(), strict=False), 1):
        if lines[0] != lines[1]:
            return f"line {number}\n    old {lines[0].decode()[:300]}\n    new {lines[1].decode()[:300]}"
    return f"{len(old.splitlines())} lines, now {len(new.splitlines())}"


def demo(checkout: Path, scratch: Path) -> Path:
    """Run the demo of a checkout and return the folder of its results."""
    out = scratch / "demo"
    ended_well(bench(checkout, ["demo", "--out", str(out)], {"BENCH_HOME": str(scratch / "home")}))
    return next(out.rglob("results"))


def write_made_up(checkout: Path, folder: Path) -> Path:
    """Write results that show every branch of the templates; return their folder."""
    sys.path[:0] = [str(checkout), str(checkout / "tests")]
    from made_up import NAN, RESULTS, details, entry, metric, result, score, task

    from bench.results import PartScore, write

    costs = {"flops_per_frame": 15_646_976, "frames_per_second": 2015.5, "latency_ms": 0.60512}
    costs |= {"seconds_per_epoch": 164.25, "peak_memory_mib": 1781.5}
    cards = [
        entry("f", remark="1 of 50 epochs", **costs),
        entry("g", flops_per_frame=365_056, licence="<b>" * 40),
    ]
    plain = [*RESULTS, *(replace(result(card["id"], 0.3), entry=card) for card in cards)]
    plain.append(result("w", 0.1, changed=[{"name": "files", "found": "one", "expected": "other"}]))
    plain.append(result("h", 0.9, metrics_version=0))
    plain.append(
        result(
            "s",
            0.2,
            interval={"reason": "3 groups are too few."},
            scores={"f1": score(0.2, low=NAN, high=NAN)},
        )
    )
    parts = [{"name": "one", "title": "annotator 1"}, {"name": "two", "title": "annotator 2"}]
    per_part = {"one": PartScore(0.25, 0.125, 0.375, {}), "two": PartScore(0.75, 0.5, 0.875, {})}
    parted = task(name="parted", parts=parts, dataset={"simulated": True, "url": None, "notes": []})
    own = score(0.5, per_part=per_part, std_parts=0.25)
    why = details(parts=("one", "two"))
    few = [result(id_, 0.5, task=parted, scores={"f1": own}, details=why) for id_ in ("a", "b")]
    many = [f"class {k}" for k in range(9)]
    wide = task(name="wide", classes=many, background=None, exclusive=False)
    broad = score(0.25, per_class=dict.fromkeys(many, 0.125), per_class_interval={})
    few.append(result("a", 0.25, task=wide, scores={"f1": broad}, support={}, details=details(many)))
    segments = task(name="segments", kind="segments", metrics=[metric("map", "mAP", unit="per frame")])
    found = {"map": score(0.125)}
    few += [
        result(form, 0.125, task=segments, scores=found, details={}, entry=entry(form, detections=form))
        for form in ("raw", "final")
    ]
    few += [result(f"m{k}", k / 60, task=task(name="crowd"), details={}) for k in range(60)]
    for one in [*plain, *few]:
        write(replace(one, format=1), folder)  # any checkout reads it
    return folder


if __name__ == "__main__":
    sys.exit(main())
