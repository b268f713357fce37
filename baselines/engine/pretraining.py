"""What networks have in common that learn without labels."""

from __future__ import annotations

from collections.abc import Iterator

from baselines.contract import Data, Run
from bench.recordings import Recording


def recordings(run: Run, data: Data) -> Iterator[Recording]:
    """Yield the recordings that train, each once, then those that are given without labels.

    Several questions may ask of one recording.
    """
    seen: set[str] = set()
    for question in run.questions:
        for recording in data.train[question.key]:
            if recording.id not in seen:
                seen.add(recording.id)
                yield recording
    yield from data.unlabelled
