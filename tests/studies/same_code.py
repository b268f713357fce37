"""Which results were made by metric code that is today's but for its words? The history says it.

    python tests/studies/same_code.py              say it of each result of other code
    python tests/studies/same_code.py --write      and write today's digest into those of the same code

Until results of 2026-11-30 the digest was of whole files, docstrings and comments too. A commit whose files
have the digest that a result names holds the code that made it. Where that code without words is today's
(`bench.closure.without_words`), the numbers would be the same today: they stay, and the digest is written
anew. Any other result keeps its digest and its mark, until it is scored again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.closure import METRIC_CODE, metric_code, metric_code_of
from bench.results import canonical, digest_of

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "leaderboard" / "results"


def main() -> None:
    """Compare, print, and write where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    contents = {path: json.loads(path.read_bytes()) for path in sorted(RESULTS.glob("*.json"))}
    wanted = {
        c["metrics_code"] for c in contents.values() if c.get("metrics_code", metric_code()) != metric_code()
    }
    known = {whole: (commit, code) for commit, whole, code in history() if whole in wanted}
    for path, content in contents.items():
        if (named := content.get("metrics_code")) not in wanted:
            continue
        commit, code = known.get(named, ("no commit", ""))
        same = code == metric_code()
        print(f"{path.name}: made by {commit}, {'the code of today' if same else 'other code'}")
        if write and same:
            content["metrics_code"] = code
            path.write_bytes(canonical(content | {"digest": digest_of(content)}))


def history() -> Iterator[tuple[str, str, str]]:
    """Yield each commit that changed what measures: its name, the digest of whole files, that of the code."""
    places = [f"bench/{name}" for name in METRIC_CODE]
    commits = git("log", "--format=%h", "--since=2026-11-30", "--", *places).decode().split()
    for commit in commits:
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "bench"))) as archive:
                archive.extractall(folder, filter="data")
            package = Path(folder) / "bench"
            yield commit, whole_files(package), metric_code_of(package)


def whole_files(package: Path) -> str:
    """Return the digest as it was: over the bytes of the files."""
    digest = hashlib.sha256()
    paths = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] in METRIC_CODE]
    for path in sorted(paths):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def git(*arguments: str) -> bytes:
    """Return what git prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
