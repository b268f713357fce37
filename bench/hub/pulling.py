"""Take a copy from a hub: by commit, by digest, in one swap; what is here already costs no request."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import store
from bench.errors import DataError
from bench.hub import contents as manifests
from bench.hub.contents import MANIFEST, SHARDS, Contents
from bench.hub.faults import explained
from bench.hub.shards import read_shards
from bench.store import Manifest
from bench.tasks import Dataset, Task

COMMIT = re.compile(r"[0-9a-f]{40}")
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
    is here already costs no request. Raises `DataError` where the copy cannot be had, or is not what its
    manifest or the frozen splits of `tasks` say.
    """
    held = None if replace else _held(dataset)
    origin = dict(held.origin) if held and held.origin.get("repo") == repo else {}
    asked = origin and revision in (None, origin["revision"]) and digest in (None, origin["manifest"])
    if held and asked and not store.damage(dataset, held, held.shards):
        return held, False
    again = _command(dataset, repo, revision)
    commit = resolve(repo, revision or origin.get("revision", DEFAULT), again)
    if origin.get("revision") == commit:
        digest = digest or origin["manifest"]
    snapshot = _download(repo, commit, again)
    listed = _checked(dataset, snapshot, digest, f"{repo} at {commit}", again)
    pin = {"repo": repo, "revision": commit, "manifest": store.file_digest(snapshot / MANIFEST)}
    read = partial(read_shards, listed.shards)
    reader = dataclasses.replace(dataset, read=read, resume=None, official=(MANIFEST, SHARDS), digests={})
    return store.pull(reader, snapshot, tasks, replace=replace, origin=pin)


def resolve(repo: str, revision: str, again: str) -> str:
    """Return the commit of a branch or tag; a commit stands for itself and asks nobody."""
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    with explained(repo, revision, again):
        commit = HfApi().dataset_info(repo, revision=revision).sha
    if commit is None or not COMMIT.fullmatch(commit):
        raise DataError(f"{repo}: the hub names no commit for {revision!r}", [f"found {commit!r}"])
    return commit


def _held(dataset: Dataset) -> Manifest | None:
    try:
        return store.manifest(dataset)
    except DataError:
        return None


def _download(repo: str, commit: str, again: str) -> Path:
    from huggingface_hub import snapshot_download

    with explained(repo, commit, again):
        return Path(
            snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=[MANIFEST, SHARDS])
        )


def _checked(dataset: Dataset, snapshot: Path, digest: str | None, place: str, again: str) -> Contents:
    """Compare a copy with its manifest; damaged files leave the cache, so that asking again helps."""
    path = snapshot / MANIFEST
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
    wrong = manifests.faults(listed, snapshot)
    if wrong:
        for name in [MANIFEST, *wrong]:  # the manifest too: which of the two was damaged, nobody knows
            _forget(snapshot / name)
        raise DataError(
            f"{place} is not what its manifest says; nothing was written, the damaged files left the cache",
            [f"{name}: {problem}" for name, problem in wrong.items()],
            hint=again,
        )
    return listed


def _forget(path: Path) -> None:
    """Remove a file from the client's cache, the blob that its link points to included."""
    path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _command(dataset: Dataset, repo: str, revision: str | None) -> str:
    return f"bench pull {dataset.name} --repo {repo}" + (f" --revision {revision}" if revision else "")
