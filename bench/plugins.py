"""Plugins: what packages of other people add, by entry points, without a change here.

bench.tasks     a `Task`, or a tuple of them; their data sets come with them
bench.models    a `Baseline`, declared in the module that the entry point names
bench.readers   a `PoseReader` or a `LabelReader`: the name of the entry point is that of the format

A plugin that cannot be used is left out with one warning that names it, and everything else goes on. A name
that is taken stays what it was.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

Group = Literal["bench.tasks", "bench.models", "bench.readers"]
GROUPS: tuple[Group, ...] = ("bench.tasks", "bench.models", "bench.readers")


class BrokenPlugin(UserWarning):
    """A plugin is installed and cannot be used."""


@dataclass(frozen=True)
class Plugin:
    """One entry point of an installed package."""

    group: Group
    name: str
    package: str
    """Name and version of the distribution."""
    place: str
    """`module:attribute`."""

    @property
    def module(self) -> str:
        """The module that declares it."""
        return self.place.partition(":")[0]

    def load(self) -> object:
        """Import and return what it declares; None, with a warning, where that fails."""
        try:
            return EntryPoint(self.name, self.place, self.group).load()
        except (Exception, SystemExit) as fault:  # noqa: BLE001  code of strangers may end in any way
            self.refuse(f"{type(fault).__name__}: {fault}")
            return None

    def refuse(self, reason: str) -> None:
        """Warn that it is left out."""
        warnings.warn(
            f"plugin {self.name!r} of {self.package} ({self.group}) is left out: {reason}",
            BrokenPlugin,
            stacklevel=2,
        )


@cache
def plugins(group: Group) -> tuple[Plugin, ...]:
    """Return the plugins of a group by name; nothing of them is imported.

    Of two with one name the first that Python finds stays.
    """
    found: dict[str, Plugin] = {}
    for point in entry_points(group=group):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
        plugin = Plugin(group, point.name, package, point.value)
        kept = found.setdefault(point.name, plugin)
        if kept != plugin:
            plugin.refuse(f"{kept.package} has one of that name")
    return tuple(found[name] for name in sorted(found))
