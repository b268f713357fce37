"""Entries by way of a hub: push one that is valid, and score one by its commit."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import DataError, SubmissionError, UsageError
from bench.hub import entries
from bench.results import Result
from bench.submissions import CARD, HOME, run_files
from bench.submitting import Submitted, read_submission

_PLACE = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@([0-9a-f]{40})")


@dataclass(frozen=True)
class Pushed:
    """Where an entry went."""

    entry: str
    repo: str
    commit: str

    @property
    def place(self) -> str:
        """What `bench evaluate --from-hub` takes."""
        return f"{self.repo}@{self.commit}"


@dataclass(frozen=True)
class Remote:
    """An entry of a hub, in a folder of this machine while it is scored."""

    place: str
    folder: Path
    sent: entries.SentEntry

    @property
    def standing(self) -> Path:
        """The folder of the entry in this checkout, where the same card lies there; else that of the copy."""
        home = HOME / self.sent.entry
        same = (home / CARD).is_file() and (home / CARD).read_bytes() == (self.folder / CARD).read_bytes()
        return home if same else self.folder

    def credited(self, result: Result) -> Result:
        """Return a result that says where its predictions are."""
        return replace(result, provenance={**result.provenance, "predictions": self.place})

    def require(self, submitted: Submitted) -> None:
        """Raise `SubmissionError` where the predictions are not those that the list on the hub names."""
        task, digest = submitted.task.name, submitted.digest
        if (named := self.sent.predictions.get(task)) != digest:
            raise SubmissionError(
                f"{self.place} lists other predictions on {task} than it holds",
                [f"{entries.ENTRY}: {named}, expected {digest}"],
                hint="bench push-entry makes the list",
            )


def push_entry(path: Path, repo: str, *, private: bool = False) -> Pushed:
    """Check an entry against the stored recordings and upload its card and predictions, nothing else.

    Raises what `read_submission` raises, and `DataError` where the hub says no.
    """
    submitted = read_submission(path)
    folder = path.resolve()
    names = [CARD]
    for one in submitted:
        names += [f"{one.task.name}/{name}" for name in run_files(folder, one.task)]
    digests = {one.task.name: one.digest for one in submitted}
    commit = entries.send(folder, names, digests, repo, private=private)
    return Pushed(folder.name, repo, commit)


@contextmanager
def from_hub(place: str) -> Iterator[Remote]:
    """Yield an entry of a hub, ORG/NAME@COMMIT; its folder is gone afterwards.

    Raises `UsageError` for what is no such place, and `DataError` where the entry cannot be had or is not as
    its list says.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise UsageError(
            f"{place[:200]!r} is no commit of a repository",
            ["expected ORG/NAME@ and the 40 hex digits of a commit: branches and tags move"],
            hint="bench push-entry prints it",
        )
    repo, commit = match.groups()
    again = f"bench evaluate --from-hub {place}"
    with tempfile.TemporaryDirectory() as name:
        try:
            sent = entries.take(repo, commit, Path(name), again)
        except DataError as fault:
            hint = fault.hint or ""
            own = "--revision" in hint or "bench pull" in hint or not hint
            raise DataError(fault.title, fault.problems, again if own else hint) from fault
        yield Remote(place, Path(name) / sent.entry, sent)
