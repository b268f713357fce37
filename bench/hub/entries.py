"""Entries on a hub: the card, the predictions and `entry.json`, which lists their SHA-256.

Large predictions stay out of a pull request. A result names them by their digest, and a commit of a data set
on a hub holds them. Of such a commit `entry.json` is read first: which files there are, how large, with which
digests. Only these are fetched, into a folder of their own.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.about import NAME, TITLE
from bench.errors import DataError, FileError, first
from bench.files.schema import mapping, matching, table, whole
from bench.files.strict_json import read_json
from bench.hub.contents import Listed
from bench.hub.faults import explained
from bench.hub.fetching import fetch
from bench.store import file_digest

ENTRY = "entry.json"
FORMAT = 1
CARD = "submission.toml"
MOST_FILES = 2_000
LARGEST_LIST = 2**20
"""Bytes of `entry.json`."""
LARGEST_CARD = 64 * 2**10
LARGEST_RUN, LARGEST_ENTRY = 4 * 2**30, 32 * 2**30
"""Bytes of one file of predictions, and of all files."""
_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_RUN = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}/[a-z0-9][a-z0-9_-]{0,99}\.(?:npz|parquet|csv|json)")
_DIGEST = matching(re.compile(r"[0-9a-f]{64}"), "a SHA-256 of 64 hex digits")
_NAME = matching(_SAFE, "lower-case letters, digits, '_' and '-', 100 at most")
_SCHEMA = table(
    {
        "format": whole(FORMAT, FORMAT),
        "entry": _NAME,
        "files": mapping(table({"bytes": whole(0), "sha256": _DIGEST})),
        "predictions": mapping(_DIGEST, _NAME, 1),
    }
)


@dataclass(frozen=True)
class SentEntry:
    """What `entry.json` says."""

    entry: str
    """The name of its folder."""
    files: Mapping[str, Listed]
    predictions: Mapping[str, str]
    """Task -> the digest of its predictions, as a result holds it."""

    def text(self) -> str:
        """Return the file; the same entry gives the same bytes."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True) + "\n"


def send(
    folder: Path, names: Sequence[str], predictions: Mapping[str, str], repo: str, *, private: bool = False
) -> str:
    """Upload these files of an entry, and the list of them; return the commit.

    Raises `DataError` where a file is too large or the hub says no.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    files = {name: Listed((folder / name).stat().st_size, file_digest(folder / name)) for name in names}
    sent = SentEntry(folder.name, files, dict(predictions))
    if faults := size_faults(files):
        raise DataError(f"{folder} is too large for a hub", first(faults), hint="fewer runs, or float32 npz")
    parts = {ENTRY: sent.text().encode(), "README.md": _readme(sent, repo).encode()}
    operations = [CommitOperationAdd(name, str(folder / name)) for name in names]
    operations += [CommitOperationAdd(name, content) for name, content in parts.items()]
    hub = HfApi()
    with explained(repo, "main", f"bench push-entry {folder} --repo {repo}"):
        hub.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        done = hub.create_commit(
            repo, operations, repo_type="dataset", commit_message=f"{NAME}: entry {folder.name}"
        )
    return done.oid


def take(repo: str, commit: str, into: Path, again: str) -> SentEntry:
    """Fetch an entry into `into/<its name>`, every file compared with the list; return the list.

    Raises `DataError` where the list is none, names what no entry has, or a file is not as it says; then
    nothing is left in `into`.
    """
    place = f"{repo} at {commit}"
    snapshot = fetch(repo, commit, {ENTRY: LARGEST_LIST}, again)
    sent = read_list(snapshot / ENTRY, place)
    fetch(repo, commit, {name: listed.bytes for name, listed in sent.files.items()}, again)
    folder = into / sent.entry
    wrong = []
    for name, listed in sent.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(snapshot / name, target)  # the cache holds links, which no entry may
        if (digest := file_digest(target)) != listed.sha256:
            wrong.append(f"{name}: sha256 {digest}, expected {listed.sha256}")
            (snapshot / name).resolve().unlink(missing_ok=True)  # so that asking again helps
    if wrong:
        shutil.rmtree(folder)
        raise DataError(f"{place} is not what its {ENTRY} says", first(wrong), hint=again)
    return sent


def read_list(path: Path, place: str) -> SentEntry:
    """Read `entry.json`; raise `DataError` listing what is wrong with it."""
    try:
        data = read_json(path, LARGEST_LIST, follow=True)
    except FileError as fault:
        raise DataError(f"{place} is no entry", [f"{ENTRY}: {fault.title}"]) from fault
    faults = list(map(str, _SCHEMA.faults(data)))
    files = {} if faults else {name: Listed(**listed) for name, listed in data["files"].items()}
    if not faults:
        faults += [f"files: {name!r} is no file of an entry" for name in files if not _is_of_an_entry(name)]
        faults += [f"files: no {CARD}"] if CARD not in files else []
        faults += size_faults(files)
    if faults:
        raise DataError(f"{place} is no entry", first([f"{ENTRY}: {fault}" for fault in faults]))
    return SentEntry(data["entry"], files, data["predictions"])


def size_faults(files: Mapping[str, Listed]) -> list[str]:
    """Return which files are larger than those of an entry may be."""
    most = {name: LARGEST_CARD if name == CARD else LARGEST_RUN for name in files}
    faults = [
        f"{name}: {listed.bytes:,} bytes, expected at most {most[name]:,}"
        for name, listed in files.items()
        if listed.bytes > most[name]
    ]
    if len(files) > MOST_FILES:
        faults.append(f"{len(files):,} files, expected at most {MOST_FILES:,}")
    if (total := sum(listed.bytes for listed in files.values())) > LARGEST_ENTRY:
        faults.append(f"{total:,} bytes in all, expected at most {LARGEST_ENTRY:,}")
    return faults


def _is_of_an_entry(name: str) -> bool:
    return name == CARD or _RUN.fullmatch(name) is not None


def _readme(sent: SentEntry, repo: str) -> str:
    tasks = "\n".join(
        f"- `{task}`, predictions {digest}" for task, digest in sorted(sent.predictions.items())
    )
    return (
        f"---\ntags: [behaviour recognition, rodents]\n---\n\n# {sent.entry}\n\n"
        f"An entry for {TITLE}: a card and predictions. `{ENTRY}` lists the SHA-256 of every file.\n\n"
        f"{tasks}\n\n```\nbench evaluate --from-hub {repo}@COMMIT\n```\n"
    )
