"""The hub: the real clients, in child processes, against a hub on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import hub, store
from bench.datasets import demo, get_task
from bench.errors import DataError, UsageError
from bench.hub import contents as manifests
from bench.hub import publishing, pulling
from bench.hub.card import card
from bench.hub.shards import read_shards
from bench.recordings import Recording, one_hot
from bench.splits import Split
from bench.store import Manifest
from bench.tasks import Dataset, Part, Published, Task
from tests.fakehub import FakeHub
from tests.hub_client import REPO, Client

TASK = get_task("demo-6x120")
SHARDS = ["data/shard-000.parquet", "data/shard-001.parquet", "data/shard-002.parquet"]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with FakeHub() as server:
        yield Client(server, tmp_path)


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository of the demo of six recordings."""
    return make_copy(tmp_path_factory.mktemp("copy"), seed=47)


@pytest.fixture(scope="session")
def other_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository of six other recordings of the same names."""
    return make_copy(tmp_path_factory.mktemp("other"), seed=48)


def make_copy(folder: Path, seed: int) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(folder / "home"))
        demo.write(folder / "official", recordings=6, frames=120, seed=seed)
        store.pull(TASK.dataset, folder / "official")
        hub.repository(TASK.dataset, [TASK], folder / "repo")
    return folder / "repo"


# ------------------------------------------------------------------------- through the real clients
COMPARE = """
import sys, numpy as np, datasets
from pathlib import Path
from bench import store
from bench.datasets import get_task
from bench.submissions import write_run
task, repo, revision = get_task(sys.argv[1]), sys.argv[2], sys.argv[3]
rows = datasets.load_dataset(repo, task.name, revision=revision)
split = task.load_split()
assert list(rows) == ["train", "val", "test"], rows
for subset, table in rows.items():
    ids = split.ids("all", subset)
    assert [row["id"] for row in table] == ids
    for row, recording in zip(table, store.load(task.dataset, ids, poses=True), strict=True):
        T, A, K = row["frames"], row["animals"], row["keypoints"]
        assert (row["group"], row["annotator"]) == (recording.group, recording.annotator)
        assert row["fps"] == recording.fps
        assert tuple(row["classes"]) == recording.classes
        same = np.testing.assert_array_equal
        same(np.reshape(row["labels"], (T, 4)), recording.labels)
        same(row["annotated"], recording.annotated)
        same(np.array(row["poses"], dtype=np.float32).reshape(T, A, K, 2), recording.keypoints)
        same(np.array(row["confidence"], dtype=np.float32).reshape(T, A, K), recording.confidence)
everything = datasets.load_dataset(repo, "recordings", revision=revision)["every"]
assert len(everything) == 6
scores = {row["id"]: np.reshape(row["labels"], (row["frames"], 4)).astype(np.float32) for row in rows["test"]}
write_run(Path("submission"), task.name, "seed0", {"all": scores})
"""


@pytest.mark.slow
def test_push_pull_load_evaluate(client: Client) -> None:
    """What one user publishes, `datasets` and another user's `bench` read alike, and score."""
    publisher = client.elsewhere("publisher")
    publisher.bench("pull", TASK.name)
    said = publisher.bench("push", TASK.name, "--repo", REPO, HF_TOKEN=client.server.token)
    revision = client.server.repos["datasets", REPO].refs["main"]
    assert f"bench pull {TASK.name} --repo {REPO} --revision {revision}" in said
    assert f"pinned: --repo {REPO} --revision {revision}" in client.pull()
    compare = client.folder / "compare.py"
    compare.write_text(COMPARE)
    (client.folder / "submission").mkdir()
    client.bench("new", "submission", "--task", TASK.name)
    client.run("compare.py", TASK.name, REPO, revision)
    client.bench("evaluate", "submission")
    result = json.loads(next((client.folder / "leaderboard" / "results").glob("*.json")).read_text())
    assert result["scores"]["accuracy"]["value"] == 1.0
    assert result["frames"] == 240


@pytest.mark.slow
def test_pushing_again_removes_the_files_of_before(client: Client, copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "longer")
    shutil.copy(copy / SHARDS[0], tmp_path / "longer" / "data" / "shard-003.parquet")
    client.server.add(REPO, tmp_path / "longer")
    client.bench("pull", TASK.name)
    client.bench("push", TASK.name, "--repo", REPO, HF_TOKEN=client.server.token)
    repo = client.server.repos["datasets", REPO]
    names = repo.commits[repo.refs["main"]].files
    assert sorted(names) == ["README.md", "croissant.json", *SHARDS, "manifest.json"]


@pytest.mark.slow
def test_pushing_without_a_token_says_how_to_get_one(client: Client) -> None:
    client.bench("pull", TASK.name)
    assert "hf auth login" in client.bench("push", TASK.name, "--repo", REPO, code=4)
    assert not client.server.repos


@pytest.mark.slow
def test_a_warm_pull_makes_no_request(client: Client, copy: Path) -> None:
    commit = client.server.add(REPO, copy)
    assert "wrote 6 recordings" in client.pull("--revision", commit)
    client.server.clear()
    assert "already there: 6 recordings" in client.pull("--revision", commit)
    assert "already there: 6 recordings" in client.pull()
    assert "wrote 6 recordings" in client.elsewhere("new store, old cache").pull("--revision", commit)
    assert client.server.requests == []


@pytest.mark.slow
def test_a_pull_goes_on_where_the_line_was_cut(client: Client, copy: Path) -> None:
    commit = client.server.add(REPO, copy)
    client.server.fault(SHARDS[0], truncate_after=1000, times=1)
    assert "wrote 6 recordings" in client.pull()
    assert sum(request.sent for request in client.server.requests if request.sent == 1000) == 1000

    again = replace(client, folder=client.folder / "again")
    again.folder.mkdir()
    client.server.fault(SHARDS[0], status=500)
    assert "next: bench pull" in again.pull(code=4)
    assert not (again.folder / "home" / TASK.name).exists()
    client.server.clear()
    assert "wrote 6 recordings" in again.pull("--revision", commit)
    digests = {
        client.server.repos["datasets", REPO].commits[commit].files[name].sha256: name for name in SHARDS
    }
    fetched = [
        digests[r.path.removeprefix("/cdn/")] for r in client.server.requests if r.path.startswith("/cdn/")
    ]
    assert fetched == [SHARDS[0]], "what had arrived before the cut is not asked for again"


@pytest.mark.slow
def test_a_flipped_byte_is_refused_by_name(client: Client, copy: Path) -> None:
    client.server.add(REPO, copy)
    client.server.fault(SHARDS[1], corrupt=True)
    said = client.pull(code=4)
    assert f"{SHARDS[1]}: sha256" in said
    assert SHARDS[0] not in said
    assert not (client.folder / "home" / TASK.name).exists()
    client.server.clear()
    assert "wrote 6 recordings" in client.pull(), "the damaged file is not taken from the cache"


@pytest.mark.slow
def test_a_damaged_manifest_is_refused(client: Client, copy: Path) -> None:
    client.server.add(REPO, copy)
    client.server.fault("manifest.json", corrupt=True)
    assert "manifest.json is not the manifest of a copy" in client.pull(code=4)
    client.server.clear()
    assert "wrote 6 recordings" in client.pull()


def test_a_branch_that_moves_is_ignored_by_the_pin(client: Client, copy: Path, other_copy: Path) -> None:
    first = client.server.add(REPO, copy)
    assert first in client.pull()
    second = client.server.add(REPO, other_copy)
    said = client.pull()
    assert "already there" in said
    assert first in said
    assert "wrote 6" in client.elsewhere("second").pull("--revision", first)
    assert second in client.elsewhere("third").pull("--revision", "main")
    assert "already holds other recordings" in client.pull("--revision", "main", code=4)
    assert second in client.pull("--revision", "main", "--replace")


def test_a_tag_is_pinned_to_its_commit(client: Client, copy: Path, other_copy: Path) -> None:
    first = client.server.add(REPO, copy, ref="v1")
    client.server.add(REPO, other_copy)
    assert first in client.pull("--revision", "v1")


def test_a_gated_repository(client: Client, copy: Path) -> None:
    client.server.add(REPO, copy, gated=True)
    said = client.pull(code=4)
    assert "is gated" in said
    assert f"{client.server.url}/datasets/{REPO}" in said
    assert "wrote 6 recordings" in client.pull(HF_TOKEN=client.server.token)


@pytest.mark.parametrize(
    ("repo", "revision", "code", "says"),
    [
        ("lab/none", "main", 4, "lab/none is missing, or private"),
        (REPO, "v9", 4, "has no revision 'v9'"),
        (REPO, "0" * 40, 4, f"has no revision '{'0' * 40}'"),
        ("lab/a/b", "main", 2, "names no repository"),
    ],
)
def test_what_is_not_there(
    client: Client, copy: Path, repo: str, revision: str, code: int, says: str
) -> None:
    client.server.add(REPO, copy)
    said = client.bench("pull", TASK.name, "--repo", repo, "--revision", revision, code=code)
    assert says in said
    assert "next: " in said


def test_offline(client: Client, copy: Path) -> None:
    """With the copy in the cache a commit is enough; a branch is not taken for what it once was."""
    commit = client.server.add(REPO, copy)
    said = client.pull(code=4, HF_HUB_OFFLINE="1")
    assert "cannot be reached" in said
    client.pull()
    second = client.elsewhere("second")
    assert "wrote 6 recordings" in second.pull("--revision", commit, HF_HUB_OFFLINE="1")
    said = client.elsewhere("third").pull(code=4, HF_HUB_OFFLINE="1")
    assert f"next: bench pull {TASK.name} --repo {REPO} --revision {commit}" in said


def test_the_hub_is_gone(tmp_path: Path, copy: Path) -> None:
    with FakeHub() as server:
        commit = server.add(REPO, copy)
        Client(server, tmp_path).pull()
    client = Client(server, tmp_path)
    assert "wrote 6 recordings" in client.elsewhere("second").pull("--revision", commit)
    said = client.elsewhere("third").pull(code=4)
    assert "cannot be reached" in said
    assert f"in the cache: {commit}" in said


# ------------------------------------------------------------------------ what a server may answer
def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"ETag": '"../../../../escaped"'}, "ETag: '\"../../../../escaped\"'"),
        pytest.param({"ETag": '"/tmp/escaped"'}, "ETag", marks=pytest.mark.slow),
        pytest.param({"ETag": '"' + "a" * 5000 + '"'}, "ETag", marks=pytest.mark.slow),
        pytest.param({"X-Linked-Etag": '"..%2f.."'}, "X-Linked-Etag", marks=pytest.mark.slow),
        pytest.param({"X-Repo-Commit": "../../escaped"}, "X-Repo-Commit", marks=pytest.mark.slow),
        pytest.param({"X-Repo-Commit": "b" * 40}, "X-Repo-Commit", marks=pytest.mark.slow),
        pytest.param({"Content-Encoding": "gzip"}, "Content-Encoding", marks=pytest.mark.slow),
        pytest.param({"X-Linked-Size": str(2**50)}, "X-Linked-Size", marks=pytest.mark.slow),
    ],
)
def test_a_name_that_a_server_makes_up_writes_nothing(
    client: Client, copy: Path, headers: dict[str, str], says: str
) -> None:
    client.server.add(REPO, copy)
    client.server.fault("manifest.json", headers=headers)
    printed = client.pull(code=4)
    assert says in printed
    assert "next: " in printed
    assert not [name for name in files_below(client.folder) if "escaped" in name or "blobs" in name]
    assert not (client.folder / "home" / TASK.name).exists()


@pytest.mark.slow
def test_only_what_the_manifest_lists_is_fetched_and_no_more_of_it(
    client: Client, copy: Path, tmp_path: Path
) -> None:
    """A shard nobody lists is not asked for; one that grew is refused before its bytes arrive."""
    shutil.copytree(copy, tmp_path / "more")
    shutil.copy(copy / SHARDS[0], tmp_path / "more" / "data" / "shard-003.parquet")
    client.server.add(REPO, tmp_path / "more")
    assert "wrote 6 recordings" in client.pull()
    assert not [request for request in client.server.requests if "shard-003" in request.path]
    grown = tmp_path / "more" / SHARDS[1]
    grown.write_bytes(grown.read_bytes() + bytes(2**20))
    client.server.add("lab/grown", tmp_path / "more")
    client.server.clear()
    printed = client.elsewhere("second").bench("pull", TASK.name, "--repo", "lab/grown", code=4)
    assert f"{SHARDS[1]}" in printed
    assert "expected at most" in printed
    assert max(request.sent for request in client.server.requests) < 2**20


@pytest.mark.slow
@pytest.mark.parametrize(("status", "says"), [(403, "does not let you do this (403)"), (404, "(404)")])
def test_a_refusal_is_told_as_such(client: Client, copy: Path, status: int, says: str) -> None:
    client.server.add(REPO, copy)
    client.server.fault("manifest.json", status=status)
    printed = client.pull(code=4)
    assert says in printed
    assert "cannot be reached" not in printed
    assert "manifest.json" in printed
    assert "next: " in printed


@pytest.mark.parametrize("revision", ["..", "../../x", "a..b", "/etc", "-x", "a b", "x" * 300, "\x1b[2J"])
def test_a_revision_that_cannot_be_one_asks_nobody(bench_home: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="names no branch, tag or commit") as fault:
        hub.pull(TASK.dataset, REPO, revision)
    assert fault.value.hint == f"bench pull {TASK.name} --repo {REPO} --revision main"


# --------------------------------------------------------------------------- what a copy must be
@pytest.fixture
def snapshot(copy: Path, tmp_path: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a downloaded copy that a test may spoil; `hub.pull` finds it without a client."""
    folder = tmp_path / "snapshot"
    shutil.copytree(copy, folder)
    monkeypatch.setattr(pulling, "fetch", lambda repo, commit, sizes, again: folder)
    return folder


def pull(digest: str | None = None, dataset: Dataset = TASK.dataset, tasks: tuple[Task, ...] = ()) -> None:
    hub.pull(dataset, REPO, "a" * 40, tasks, digest=digest)


def rewrite(snapshot: Path, **changes: object) -> None:
    """Change the manifest of a copy."""
    path = snapshot / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def relist(snapshot: Path) -> None:
    """Make the manifest of a copy agree with its files."""
    (snapshot / "manifest.json").write_text(manifests.of_folder(TASK.dataset, snapshot).text())


def test_a_declared_copy_is_held_to_its_declaration(snapshot: Path) -> None:
    declared = store.file_digest(snapshot / "manifest.json")
    pull(declared)
    assert store.manifest(TASK.dataset).origin["manifest"] == declared
    shutil.rmtree(store.home())
    rewrite(snapshot, note="changed")
    with pytest.raises(DataError, match=f"expected {declared}"):
        pull(declared)
    assert not store.home().exists()


def test_a_declared_copy_is_what_a_bare_pull_takes(snapshot: Path) -> None:
    declared = Published(REPO, "a" * 40, store.file_digest(snapshot / "manifest.json"))
    dataset = replace(TASK.dataset, published=declared)
    held, new = hub.obtain(dataset)
    assert new
    assert held.origin == {"repo": REPO, "revision": declared.revision, "manifest": declared.manifest}
    wrong = replace(dataset, published=replace(declared, manifest="0" * 64))
    with pytest.raises(DataError, match="is not the copy that was declared"):
        hub.obtain(wrong, replace=True)


def test_two_recordings_of_one_id_in_a_file(snapshot: Path) -> None:
    rows = pq.read_table(snapshot / SHARDS[1])
    pq.write_table(pa.concat_tables([rows, rows]), snapshot / SHARDS[1])
    relist(snapshot)
    with pytest.raises(DataError, match="two recordings carry the id mouse00004_simulated"):
        pull()


def test_arrays_that_do_not_fit_their_shape(snapshot: Path) -> None:
    rows = pq.read_table(snapshot / SHARDS[1])
    at = rows.schema.get_field_index("frames")
    pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array([119])), snapshot / SHARDS[1])
    relist(snapshot)
    with pytest.raises(DataError, match=f"{SHARDS[1]} is not in the store's schema"):
        pull()


def test_a_missing_file_is_named(snapshot: Path) -> None:
    (snapshot / SHARDS[2]).unlink()
    with pytest.raises(DataError, match=f"{SHARDS[2]}: listed in the manifest, not in the copy"):
        pull()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset": "rat-dyads"}, "is a copy of 'rat-dyads'"),
        ({"schema": 99}, "schema 99, expected 2"),
        ({"files": {}}, "no data/shard-NNN.parquet"),
        ({"files": {"../../x.parquet": {"bytes": 1, "sha256": "0" * 64}}}, "no data/shard-NNN.parquet"),
        (
            {"files": {SHARDS[0]: {"bytes": 1, "sha256": "short"}}},
            "sha256: 'short', expected a SHA-256 of 64 hex digits",
        ),
        ({"files": ["a"]}, r"files: \['a'\], expected a table"),
    ],
)
def test_a_manifest_of_something_else(snapshot: Path, changes: dict[str, object], says: str) -> None:
    rewrite(snapshot, **changes)
    with pytest.raises(DataError, match=says) as fault:
        pull()
    assert fault.value.hint
    assert not (store.home() / TASK.name).exists()


def test_a_repository_without_a_manifest(snapshot: Path) -> None:
    (snapshot / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"manifest\.json is missing"):
        pull()


def test_a_file_that_is_no_parquet(snapshot: Path) -> None:
    (snapshot / SHARDS[1]).write_bytes(b"PAR1 but not really PAR1")
    relist(snapshot)
    with pytest.raises(DataError, match=f"{SHARDS[1]} is not in the store's schema"):
        pull()
    assert not (store.home() / TASK.name).exists()


def test_labels_that_are_not_the_frozen_ones_are_refused_under_a_right_manifest(snapshot: Path) -> None:
    split = TASK.load_split()
    first = split.ids("all", "test")[0]
    with pytest.raises(DataError, match=f"labels of {first}: sha256:"):
        pull(tasks=(replace(TASK, split=replace(split, truth={first: "0" * 64})),))
    assert not (store.home() / TASK.name).exists()


def test_the_remembered_digest_holds_for_the_same_commit(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that came with one manifest cannot come with another one later."""
    pull()
    rewrite(snapshot, note="changed")
    monkeypatch.setattr(pulling, "resolve", lambda repo, revision, again: "a" * 40)
    with pytest.raises(DataError, match="is not the copy that was declared"):
        hub.pull(TASK.dataset, REPO, "main")


def test_a_commit_keeps_its_content_with_replace_too(snapshot: Path) -> None:
    pull()
    before = store.manifest(TASK.dataset)
    rewrite(snapshot, note="changed")
    with pytest.raises(DataError, match="is not the copy that was declared"):
        hub.pull(TASK.dataset, REPO, "a" * 40, replace=True)
    assert store.manifest(TASK.dataset) == before


def test_what_to_type_next_names_the_repository(
    snapshot: Path, other_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull()
    monkeypatch.setattr(pulling, "fetch", lambda repo, commit, sizes, again: other_copy)
    with pytest.raises(DataError, match="already holds other recordings") as fault:
        hub.pull(TASK.dataset, REPO, "b" * 40)
    assert fault.value.hint == f"bench pull {TASK.name} --repo {REPO} --revision {'b' * 40} --replace"
    split = TASK.load_split()
    other = replace(TASK, split=replace(split, truth={split.ids("all", "test")[0]: "0" * 64}))
    with pytest.raises(DataError, match="not the official") as fault:
        hub.pull(TASK.dataset, REPO, "b" * 40, (other,), replace=True)
    assert f"--repo {REPO}" in (fault.value.hint or "")


def test_pulling_again_mends_a_damaged_store(snapshot: Path) -> None:
    pull()
    (path, *_) = (store.home() / TASK.name).glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError) as fault:
        list(store.load_all(TASK.dataset))
    assert fault.value.hint == f"bench pull {TASK.name} --repo {REPO} --revision {'a' * 40} --replace"
    assert hub.pull(TASK.dataset, REPO)[1], "no --replace is needed: it holds nothing that can be used"
    assert len(list(store.load_all(TASK.dataset))) == 6
    assert hub.pull(TASK.dataset, REPO)[1] is False


def test_another_commit_of_the_same_recordings_gets_its_pin(snapshot: Path) -> None:
    pull()
    held, new = hub.pull(TASK.dataset, REPO, "b" * 40)
    assert new
    assert store.manifest(TASK.dataset).origin["revision"] == held.origin["revision"] == "b" * 40


# ------------------------------------------------------------------------------ making a copy
def test_the_same_store_gives_the_same_repository(copy: Path, tmp_path: Path) -> None:
    again = make_copy(tmp_path, seed=47)
    assert (again / "manifest.json").read_bytes() == (copy / "manifest.json").read_bytes()


def test_the_manifest_lists_every_file(copy: Path) -> None:
    listed = manifests.read(copy / "manifest.json")
    files = {p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(listed.files) == files
    assert listed.shards == SHARDS
    for name in files:
        assert store.file_digest(copy / name) == listed.files[name].sha256


def test_croissant_names_every_file_and_column(copy: Path) -> None:
    described = json.loads((copy / "croissant.json").read_text())
    listed = manifests.read(copy / "manifest.json")
    files = {f["@id"]: f["sha256"] for f in described["distribution"] if f["@type"] == "cr:FileObject"}
    assert files == {name: listed.files[name].sha256 for name in SHARDS}
    columns = [field["source"]["extract"]["column"] for field in described["recordSet"][0]["field"]]
    assert columns == store.SCHEMA.names
    assert described["license"] == "https://spdx.org/licenses/Apache-2.0.html"
    assert described["description"].startswith("Simulated")


def test_the_card_says_whose_the_data_are(copy: Path) -> None:
    text = (copy / "README.md").read_text()
    assert "license: apache-2.0" in text
    assert TASK.dataset.citation in text
    assert "**Simulated.**" in text
    assert "Official source: none, simulated by EthoBench" in text
    real = replace(TASK.dataset, simulate=None)
    listed = {TASK.name: {"test": ["data/shard-000.parquet"]}}
    assert "Official source: not stated" in card(real, [TASK], listed, Manifest(TASK.name, 2, {}))


def test_data_that_may_not_be_passed_on_are_not_pushed(bench_home: Path, tmp_path: Path) -> None:
    closed = replace(
        TASK.dataset, redistributable=False, licence="signed agreement", url="https://example.org"
    )
    with pytest.raises(UsageError, match="not ours to publish: signed agreement"):
        hub.repository(closed, [TASK], tmp_path / "repo")
    with pytest.raises(UsageError, match=r"https://example\.org"):
        hub.push(closed, [TASK], REPO)
    assert not (tmp_path / "repo").exists()


def test_a_folder_with_something_in_it_is_left_alone(bench_home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        hub.repository(TASK.dataset, [TASK], tmp_path)


def recording(id_: str, frames: int, *, poses: bool = True) -> Recording:
    rng = np.random.default_rng(frames)
    keypoints = rng.uniform(0, 9, (frames, 2, 7, 2)).astype(np.float32) if poses else None
    labels = one_hot(rng.integers(0, 4, frames), 4)
    return Recording(id_, id_, 30.0, demo.DATASET.classes, labels, np.ones(frames, dtype=bool), keypoints)


def folds(*names: str) -> Task:
    """Return a task of several parts, in which what trains one tests another."""
    parts = {
        f"fold-{test}": {"train": {n: (n,) for n in names if n != test}, "test": {test: (test,)}}
        for test in names
    }
    split = Split(name="folds", source="own", rule="each tests once", parts=parts)
    return replace(TASK, name="folds", split=split, parts=tuple(Part(name, name) for name in parts))


def test_recordings_of_many_parts_are_written_once(bench_home: Path, tmp_path: Path) -> None:
    made = [recording("r1", 5), recording("r2", 7), recording("r3", 11, poses=False), recording("r4", 13)]
    dataset = replace(TASK.dataset, name="toy", read=lambda folder: iter(made))
    store.pull(dataset, tmp_path)
    task = replace(folds("r1", "r2", "r3"), dataset=dataset)
    listed = hub.repository(dataset, [task], tmp_path / "repo")
    assert len(listed.shards) == 4, "r4 is in no part, and in the copy all the same"
    text = (tmp_path / "repo" / "README.md").read_text()
    assert "- split: fold_r1.train" in text
    assert text.count("data/shard-000.parquet") == 1 + 2 + 1
    got = {r.id: r for r in read_shards(listed.shards, tmp_path / "repo")}
    assert set(got) == {"r1", "r2", "r3", "r4"}
    assert got["r3"].keypoints is None
    np.testing.assert_array_equal(got["r2"].keypoints, made[1].keypoints)


def test_files_stay_below_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "SHARD_FRAMES", 12)
    held = store.Manifest("toy", 1, {f"r{n}": store.Stored(n, True, "", "", {}) for n in (5, 6, 7, 20, 3)})
    wanted = {"t": {"train": ["r5", "r6", "r7", "r20"], "test": ["r3"]}}
    assert list(publishing.cut(wanted, held)) == [["r5", "r6"], ["r7"], ["r20"], ["r3"]]


def test_half_a_subset_is_not_published(bench_home: Path, tmp_path: Path) -> None:
    dataset = replace(TASK.dataset, name="toy", read=lambda folder: iter([recording("r1", 5)]))
    store.pull(dataset, tmp_path)
    with pytest.raises(DataError, match="fold-r2/train"):
        hub.repository(dataset, [replace(folds("r1", "r2", "r3"), dataset=dataset)], tmp_path / "repo")
