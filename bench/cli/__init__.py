"""The command `bench`. Thin: each command connects rooms and prints; heavy imports wait for their command.

Exit codes: 0 fine, 1 unexpected, 2 usage, 3 submission invalid, 4 data missing or changed.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any

import click

from bench.about import NAME
from bench.cli.clips import clips
from bench.cli.curve import curve
from bench.cli.data import data, pull, push, simulate, tasks, verify
from bench.cli.doctor import doctor
from bench.cli.ensemble import ensemble
from bench.cli.entries import compare, evaluate, metrics, new, publish, push_entry, validate
from bench.cli.explain import explain
from bench.cli.features import features
from bench.cli.history import log, rescore
from bench.cli.leaderboard import export, leaderboard
from bench.cli.own import add
from bench.cli.predict import predict
from bench.cli.render import render
from bench.cli.reproduction import audit, reproduce
from bench.cli.review import review
from bench.cli.score import score
from bench.cli.training import demo, models, profile, train
from bench.cli.view import view
from bench.errors import BenchError, UsageError
from bench.plugins import BrokenPlugin

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
"""pyarrow's own pools keep a stock of memory, which the bounds of `bench.files.limits` do not reach."""


def main() -> None:
    """Run the command line; faults of the input are text and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal may lack a sign, and a path need not be text
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = partial(_warn, warnings.showwarning)
    try:
        cli()
    except BenchError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(fault.exit_code)
    except OSError as fault:  # a full disk, a folder that is a file, no permission: not the program's fault
        click.echo(f"error: {_told(fault)}", err=True)
        sys.exit(UsageError.exit_code)


def _warn(usual: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Print a warning about a plugin as one line, and any other as Python does."""
    if issubclass(category, BrokenPlugin):
        click.echo(f"warning: {message}", err=True)
    else:
        usual(message, category, *place)


def _told(fault: OSError) -> str:
    """Say which path could not be read or written, and what to do about it."""
    from bench.files.writing import NO_ROOM, room_left

    place = os.fspath(fault.filename or "the disk")
    if fault.errno in NO_ROOM:
        what = f"{place}: not written, there is no room ({fault.strerror})"
        return str(UsageError(what, [room_left(Path(place))], hint="make room there, or write elsewhere"))
    home = os.environ.get("BENCH_HOME")
    ours = bool(home) and Path(os.fsdecode(place)).absolute().is_relative_to(Path(str(home)).absolute())
    hint = "name a path that can be written"
    if isinstance(fault, FileNotFoundError):
        hint = "name a path that exists"
    if ours:
        hint = "set BENCH_HOME to a folder that can be written"
    return str(UsageError(f"{place}: cannot be read or written ({fault.strerror or fault})", hint=hint))


class Sections(click.Group):
    """A group of commands that its help shows in sections."""

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each section under its title, in the order in which they are used."""
        room = formatter.width - 6 - max(map(len, self.commands))
        for title, members in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(one.name), one.get_short_help_str(room)) for one in members])


_AS_JSON = "bench.version_as_json"
"""Where the context keeps whether `--version` prints JSON."""


def _print_version(context: click.Context, _: click.Parameter, given: bool) -> None:
    """Print the version, as text or with all that decides a number, and end."""
    if not given:
        return
    if context.meta[_AS_JSON]:
        import json

        from bench.doctor import versions

        click.echo(json.dumps(versions(), indent=1))
    else:
        from importlib.metadata import version

        click.echo(f"bench, version {version(NAME)}")
    context.exit()


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, given: context.meta.update({_AS_JSON: given}),
    help="With --version: of metrics, tasks, schemas and libraries too.",
)
@click.option(
    "--version", is_flag=True, expose_value=False, callback=_print_version, help="Print the version and exit."
)
def cli() -> None:
    """Score models that label what mice and rats do, on frozen splits with frozen metrics.

    \b
    bench demo                              the whole path on simulated mice, to a leaderboard
    bench pull rat-dyads --from FOLDER      import official files
    bench evaluate submissions/mymodel/     score a folder of predictions
    """  # noqa: D301  (click reads the backspace as "do not rewrap")


SECTIONS: Mapping[str, Sequence[click.Command]] = {
    "Begin": (demo, doctor, tasks),
    "Recordings": (pull, data, add, view, verify, push, simulate, render, clips),
    "Your entry": (new, validate, evaluate, explain, compare, ensemble, score, push_entry, review),
    "Leaderboard": (leaderboard, export, publish, log, rescore, metrics, audit),
    "Models": (models, train, predict, features, curve, profile, reproduce),
}
"""What `bench --help` shows: every command once."""
for command in chain.from_iterable(SECTIONS.values()):
    cli.add_command(command)
