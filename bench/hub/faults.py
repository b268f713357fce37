"""What can go wrong between here and a hub, in words, with the next command to type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from bench.errors import BenchError, DataError, UsageError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError


@contextmanager
def explained(repo: str, revision: str, again: str) -> Iterator[None]:
    """Turn what the client raises into `DataError` or `UsageError`; `again` is the command that was typed.

    Faults of the disk pass as they are.
    """
    try:
        with _explained_faults(repo, revision, again):
            yield
    except BenchError:
        raise
    except Exception as fault:  # the client trusts what an answer holds, so it may end in any way
        if isinstance(fault, OSError) and fault.errno is not None:
            raise
        raise DataError(
            f"{repo} at {revision}: the hub's answer cannot be used",
            [f"{type(fault).__name__}: {_first_line(fault)}"],
            hint=again,
        ) from fault


@contextmanager
def _explained_faults(repo: str, revision: str, again: str) -> Iterator[None]:
    """Turn the faults that the client documents into errors of the project."""
    from huggingface_hub import constants, errors

    # The base class of httpx in versions 1 of the client and of httpx2 in versions 2, which it lets through
    transport = cast("type[Exception]", errors.HfHubHTTPError.__bases__[0])
    page = f"{constants.ENDPOINT}/datasets/{repo}"
    try:
        yield
    except errors.HFValidationError as fault:
        raise UsageError(f"{repo!r} names no repository", [str(fault)], hint="--repo ORG/NAME") from fault
    except errors.GatedRepoError as fault:
        raise DataError(
            f"{repo} is gated: its owners give access on request",
            hint=f"ask for access at {page}, then hf auth login, then {again}",
        ) from fault
    except errors.RepositoryNotFoundError as fault:
        raise DataError(
            f"{repo} is missing, or private and not open to you",
            [f"{page} was not found"],
            hint=f"compare the name with bench pull --list; for a private one hf auth login, then {again}",
        ) from fault
    except errors.RevisionNotFoundError as fault:
        raise DataError(
            f"{repo} has no revision {revision!r}", hint=f"{again.split(' --revision')[0]} --revision main"
        ) from fault
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, ConnectionError) as fault:
        cause = fault.__cause__  # the client looks in its cache first, and then says only what it lacks
        if isinstance(cause, errors.HfHubHTTPError):
            raise _refused(repo, revision, cause, again) from fault
        raise _unreachable(repo, revision, again) from fault
    except errors.HfHubHTTPError as fault:
        raise _refused(repo, revision, fault, again) from fault
    except transport as fault:
        raise _unreachable(repo, revision, again) from fault


def _refused(repo: str, revision: str, fault: HfHubHTTPError, again: str) -> DataError:
    """Say which status the hub answered, and for what."""
    status, path = fault.response.status_code, fault.response.url.path
    place = [f"{path[:200]}: {_first_line(fault)}"]
    if status in (401, 403):
        return DataError(
            f"{repo}: the hub does not let you do this ({status})", place, hint=f"hf auth login, then {again}"
        )
    if status == 404:
        return DataError(
            f"{repo} at {revision} does not have a file that a copy has (404)",
            place,
            hint="name another repository or --revision; bench pull --list",
        )
    return DataError(f"{repo}: the hub answered {status}", place, hint=again)


def _unreachable(repo: str, revision: str, again: str) -> DataError:
    held = [commit for commit in _cached(repo) if commit != revision]
    command = again.split(" --revision")[0]
    hint = f"{command} --revision {held[-1]}" if held else f"when there is a network: {again}"
    return DataError(
        f"{repo} at {revision!r} is not in the cache and the hub cannot be reached",
        [f"in the cache: {commit}" for commit in held],
        hint=hint,
    )


def _cached(repo: str) -> list[str]:
    """Return the commits of a repository that the client's cache holds, oldest first."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        return []
    revisions = [
        r for held in repos if (held.repo_id, held.repo_type) == (repo, "dataset") for r in held.revisions
    ]
    return [r.commit_hash for r in sorted(revisions, key=lambda r: (r.last_modified, r.commit_hash))]


def _first_line(fault: Exception) -> str:
    return next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
