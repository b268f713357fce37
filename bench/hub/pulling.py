"""Take a copy from a hub: by commit, by digest, in one swap; what is here already costs no request."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import store
from bench.errors import DataError, UsageError
from bench.hub import contents as manifests
from bench.hub.contents import LARGEST, MANIFEST, SHARDS, Contents
from bench.hub.fetching import commit_of, fetch
from bench.hub.shards import read_shards
from bench.store import Manifest
from bench.tasks import Dataset, Task

COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
DEFAULT = "main"


def pull(
    dataset: Dataset,
    repo: str,
    revision: str | None = None,
    tasks: Sequence[Task] = (),
    *,
    digest: str | None = None,
    replace: bool = False,
) -> tuple[Manifest, bool]:
    """Take the copy of `dataset` in `repo` into the store; return its manifest and whether it was written.

    `revision` is a commit of 40 hex digits, or a branch or tag, which is asked for its commit once. Without
    one, the commit that the store holds of this repository stays, wherever the branch has moved since; where
    it holds none, it is the head of `main`. `digest` is the SHA-256 that the copy's manifest must have. What
    is here already costs no request. Of a commit that the store holds, the manifest stays the same, `replace`
    or not. Raises `DataError` where the copy cannot be had, or is not what its manifest or the frozen splits
    of `tasks` say, and `UsageError` for a revision that cannot be one.
    """
    held = _held(dataset)
    origin = dict(held.origin) if held and held.origin.get("repo") == repo else {}
    wanted = origin and revision in (None, origin["revision"]) and digest in (None, origin["manifest"])
    if held and wanted and not replace and not store.damage(dataset, held, held.shards):
        return held, False
    again = _command(dataset, repo, revision)
    pinned = DEFAULT if replace else origin.get("revision", DEFAULT)
    commit = resolve(repo, revision or pinned, again)
    if origin.get("revision") == commit:
        digest = digest or origin["manifest"]
    snapshot, listed = _fetched(dataset, repo, commit, digest, again)
    pin = {"repo": repo, "revision": commit, "manifest": store.file_digest(snapshot / MANIFEST)}
    read = partial(read_shards, listed.shards)
    reader = dataclasses.replace(dataset, read=read, resume=None, official=(MANIFEST, SHARDS), digests={})
    try:
        return store.pull(reader, snapshot, tasks, replace=replace, origin=pin)
    except DataError as fault:
        other = f"name another copy or another commit: {_command(dataset, repo, 'COMMIT')}"
        hint = f"{again} --replace" if "--replace" in (fault.hint or "") else other
        raise type(fault)(fault.title, fault.problems, hint) from fault


def resolve(repo: str, revision: str, again: str) -> str:
    """Return the commit of a branch or tag; a commit stands for itself and asks nobody."""
    if COMMIT.fullmatch(revision):
        return revision
    if not _REVISION.fullmatch(revision):
        raise UsageError(
            f"{revision!r} names no branch, tag or commit",
            ["expected letters, digits and . _ - /, without two dots in a row"],
            hint=f"{again.split(' --revision')[0]} --revision main",
        )
    commit = commit_of(repo, revision, again)
    if commit is None or not COMMIT.fullmatch(commit):
        found = commit and commit[:200]
        raise DataError(f"{repo}: the hub names no commit for {revision!r}", [f"found {found!r}"], hint=again)
    return commit


def _held(dataset: Dataset) -> Manifest | None:
    try:
        return store.manifest(dataset)
    except DataError:
        return None


def _fetched(
    dataset: Dataset, repo: str, commit: str, digest: str | None, again: str
) -> tuple[Path, Contents]:
    """Fetch the manifest, then the shards that it lists and nothing else; return their folder and it."""
    place = f"{repo} at {commit}"
    snapshot = fetch(repo, commit, {MANIFEST: LARGEST}, again)
    listed = _listed(dataset, snapshot / MANIFEST, digest, place, again)
    fetch(repo, commit, {name: listed.files[name].bytes for name in listed.shards}, again)
    _refuse_damaged(listed, snapshot, place, again)
    return snapshot, listed


def _listed(dataset: Dataset, path: Path, digest: str | None, place: str, again: str) -> Contents:
    """Read the manifest of a copy; one that is not as it should be leaves the cache."""
    if not path.is_file():
        raise DataError(
            f"{place} is no copy of a store", [f"{MANIFEST} is missing"], hint="bench pull --list"
        )
    found = store.file_digest(path)
    if digest is not None and found != digest:
        _forget(path)
        raise DataError(
            f"{place} is not the copy that was declared",
            [f"{MANIFEST}: sha256 {found}, expected {digest}"],
            hint=again,
        )
    try:
        listed = manifests.read(path)
    except DataError as fault:
        _forget(path)
        raise DataError(
            f"{place} is no copy of a store: {fault.title}", fault.problems, hint=again
        ) from fault
    if listed.dataset != dataset.name:
        raise DataError(
            f"{place} is a copy of {listed.dataset!r}, not of {dataset.name!r}", hint="bench pull --list"
        )
    return listed


def _refuse_damaged(listed: Contents, snapshot: Path, place: str, again: str) -> None:
    """Compare the shards with the manifest; damaged ones leave the cache, so that asking again helps."""
    wrong = manifests.faults(listed, snapshot)
    if wrong:
        for name in [MANIFEST, *wrong]:  # the manifest too: which of the two was damaged, nobody knows
            _forget(snapshot / name)
        raise DataError(
            f"{place} is not what its manifest says; nothing was written, the damaged files left the cache",
            [f"{name}: {problem}" for name, problem in wrong.items()],
            hint=again,
        )


def _forget(path: Path) -> None:
    """Remove a file from the client's cache, the blob that its link points to included."""
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _command(dataset: Dataset, repo: str, revision: str | None) -> str:
    named = ["--revision", revision] if revision else []
    return shlex.join(["bench", "pull", dataset.name, "--repo", repo, *named])
