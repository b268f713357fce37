"""Features that a model computed of recordings: made once, kept under `$BENCH_HOME`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from baselines.contract import Derived, Predictor, Question, State, typed
from baselines.runs import states
from bench.recordings import Recording
from bench.resources import home
from bench.store import rest_digest

DERIVED = "derived"
"""The folder of `$BENCH_HOME` for them."""


def features_of(predictor: Predictor, recording: Recording, question: Question) -> Derived:
    """Return the features that a model computes of one recording, which it gets without labels."""
    (made,) = predictor([recording.without_labels()], question)
    return typed(made, Derived)


def kept_features(
    digest: str, predictor: Callable[[], Predictor], question: Question
) -> Callable[[Recording], Derived]:
    """Return what gives the features that a model computes of a recording.

    `digest` is that of its training. The model is restored by `predictor` when it is first needed.
    """
    restored = cache(predictor)

    def features(recording: Recording) -> Derived:
        name = f"{recording.id}-{rest_digest(recording)[:16]}.safetensors"
        path = home() / DERIVED / digest[:16] / name
        if not path.is_file():
            made = features_of(restored(), recording, question)
            times = {"start": made.start, "step": made.step, "made by": made.made_by}
            states.save(path, State({"values": made.values}, times), {})
        state, _ = states.load(path)
        facts = dict(state.facts)
        return Derived(state.arrays["values"], facts["start"], facts["step"], facts["made by"])

    return features
