"""Build a release from two clones of the last commit and compare the bytes.

    python tests/studies/release.py --out dist

The commit's own time is the time of every file, so the same commit gives the same wheel and the same sdist.
Needs the extra `release`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> dict[str, str]:
    """Build wheel and sdist of a fresh clone into `folder/dist`; return file -> SHA-256."""
    clone, out = folder / "clone", folder / "dist"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    time = subprocess.run(
        ["git", "-C", clone, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, clone],
        env=os.environ | {"SOURCE_DATE_EPOCH": time},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


def main() -> None:
    """Compare two builds, check the metadata, and print the digests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="Where the built files stay.")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        first, second = (build(Path(name) / part) for part in ("first", "second"))
        if first != second:
            sys.exit(f"two builds of one commit differ: {first} and {second}")
        files = sorted((Path(name) / "first" / "dist").iterdir())
        subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            for path in files:
                shutil.copy(path, out)
    for file, digest in first.items():
        print(f"{digest}  {file}")


if __name__ == "__main__":
    main()
