"""What recipes have in common that train for epochs and know no window of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Epochs:
    """A recipe of so many epochs, the same on every task; the last one counts, and nothing is held out."""

    epochs: int

    @property
    def sees(self) -> tuple[int, int] | None:
        """No window: what a prediction looks at is up to the network."""
        return None

    @property
    def validates(self) -> bool:
        """Validation recordings are not looked at."""
        return False

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  the same either way
        """Say nothing: the description says it all."""
        return ()

    def epochs_for(self, task: str) -> int:  # noqa: ARG002  the same for all
        """Return how many epochs it trains on a task."""
        return self.epochs

    def with_epochs(self, epochs: int) -> Epochs:
        """Return the recipe with so many epochs."""
        return replace(self, epochs=epochs)
