"""Make the repository that a maintainer publishes: the store's Parquet, a card, Croissant, and a manifest.

A recording is written once, however many tasks and parts ask for it: recordings that stand together in every
split share their files, and each configuration lists the files of its splits.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bench import store
from bench.about import NAME
from bench.errors import DataError, UsageError, first
from bench.files.writing import write_text
from bench.hub import contents as manifests
from bench.hub.card import card
from bench.hub.contents import MANIFEST, Contents
from bench.hub.croissant import croissant
from bench.hub.faults import explained
from bench.recordings import Recording
from bench.splits import SUBSETS
from bench.store import Manifest
from bench.tasks import Dataset, Task

SHARD_FRAMES = 500_000
"""Frames of one file, about: a broken download starts again at the file it broke in."""
EVERYTHING = "recordings"
"""The configuration that holds all recordings, those of no task included."""
EVERY = "every"
"""Its one split; `all` is taken, as the client's word for the union of splits."""


@dataclass(frozen=True)
class Pushed:
    """Where a copy went."""

    repo: str
    revision: str
    manifest: str
    """SHA-256 of its manifest: with the revision, what `Dataset.published` declares."""


def push(dataset: Dataset, tasks: Sequence[Task], repo: str, *, private: bool = False) -> Pushed:
    """Make the repository of `dataset` and upload it to `repo` in the maintainer's name.

    Raises `UsageError` where the licence forbids it, `DataError` where the store or the hub says no.
    """
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(dataset, tasks, folder)
        hub = HfApi()
        with explained(repo, "main", f"bench push {dataset.name} --repo {repo}"):
            hub.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
            done = hub.upload_folder(
                repo_id=repo,
                repo_type="dataset",
                folder_path=folder,
                commit_message=f"{NAME}: {dataset.name}, schema {store.SCHEMA_VERSION}",
                delete_patterns=["data/*.parquet"],  # those of an earlier copy that this one does not have
            )
        return Pushed(repo, done.oid, store.file_digest(folder / MANIFEST))


def repository(dataset: Dataset, tasks: Sequence[Task], folder: Path) -> Contents:
    """Write the repository of a data set from its store; the same store gives the same bytes."""
    if not dataset.redistributable:
        raise UsageError(
            f"{dataset.name!r} is not ours to publish: {dataset.licence}",
            [f"it officially lives at {dataset.url}"],
            hint=f"bench pull {dataset.name} --from FOLDER reads the copy that each user gets there",
        )
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty")
    held = _official(dataset)
    wanted = {task.name: _splits(task, held) for task in tasks} | {EVERYTHING: {EVERY: list(held.recordings)}}
    files: dict[str, tuple[str, ...]] = {}
    for number, ids in enumerate(cut(wanted, held)):
        name = manifests.shard(number)
        store.write_parquet(_stored(dataset, held, ids), folder / name)
        files[name] = tuple(ids)
    configurations = {config: _files(splits, files) for config, splits in wanted.items() if splits}
    write_text(folder / "README.md", card(dataset, tasks, configurations, held))
    shards = manifests.of_folder(dataset, folder)
    write_text(folder / "croissant.json", croissant(dataset, shards))
    listed = manifests.of_folder(dataset, folder)
    write_text(folder / MANIFEST, listed.text())
    return listed


def cut(wanted: Mapping[str, Mapping[str, Sequence[str]]], held: Manifest) -> Iterator[list[str]]:
    """Cut the recordings into files such that every split of every configuration is a set of whole files."""
    stands: dict[str, list[tuple[str, str]]] = {}
    for config, splits in wanted.items():
        for split, ids in splits.items():
            for id_ in ids:
                stands.setdefault(id_, []).append((config, split))
    together: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for id_, where in stands.items():
        together.setdefault(tuple(where), []).append(id_)
    for ids in together.values():
        shard: list[str] = []
        frames = 0
        for id_ in ids:
            if shard and frames + held.recordings[id_].frames > SHARD_FRAMES:
                yield shard
                shard, frames = [], 0
            shard.append(id_)
            frames += held.recordings[id_].frames
        yield shard


def _official(dataset: Dataset) -> Manifest:
    """Return what the store holds, its files checked; changed recordings are not published."""
    held = store.manifest(dataset)
    if held.changed:
        raise DataError(
            f"the store of {dataset.name!r} was imported with --accept-changed: it is not published",
            first(map(str, held.changed)),
            hint=f"bench pull {dataset.name} --from FOLDER --replace",
        )
    store.shards(dataset)
    return held


def _stored(dataset: Dataset, held: Manifest, ids: Sequence[str]) -> Iterator[Recording]:
    for name, of_shard in groupby(ids, key=lambda id_: held.recordings[id_].shard):
        yield from store.read_parquet(store.home() / dataset.name / name, list(of_shard), poses=True)


def _splits(task: Task, held: Manifest) -> dict[str, list[str]]:
    """Return split -> ids: `train`, `val` and `test`, or `<part>.train` where a task has several parts."""
    split = task.load_split()
    found: dict[str, list[str]] = {}
    for part in split.parts:
        prefix = "" if len(split.parts) == 1 else re.sub(r"\W", "_", part) + "."
        for subset in SUBSETS:
            ids = split.ids(part, subset)
            present = [id_ for id_ in ids if id_ in held.recordings]
            if present and len(present) < len(ids):
                raise DataError(
                    f"the store holds only some recordings of {task.name}: {part}/{subset}",
                    [f"{len(present)} of {len(ids)}"],
                    hint=f"bench pull {task.dataset.name} --from FOLDER --replace",
                )
            if present:
                found[prefix + subset] = ids
    return found


def _files(splits: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {
        split: [name for name, inside in files.items() if set(inside) <= set(ids)]
        for split, ids in splits.items()
    }
