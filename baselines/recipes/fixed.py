"""What recipes have in common that know no window of frames, no epochs and no validation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fixed:
    """A recipe that says only what its own fields say."""

    @property
    def sees(self) -> None:
        """No window of frames."""
        return

    @property
    def validates(self) -> bool:
        """Validation recordings are not looked at."""
        return False

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  the same either way
        """Say nothing: the description says it all."""
        return ()

    def epochs_for(self, task: str) -> None:  # noqa: ARG002  the same for all
        """Return None."""
        return

    def with_epochs(self, epochs: int) -> None:  # noqa: ARG002  it knows none
        """Return None."""
        return
