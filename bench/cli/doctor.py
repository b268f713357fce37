"""The command that says what is installed and at hand."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def doctor(as_json: bool) -> None:
    """Say which versions, extras, devices and recordings are here, and what to type for what is not."""
    import json
    from dataclasses import asdict
    from importlib.util import find_spec

    from bench.doctor import Line, examine
    from bench.text import doctor_text

    lines = examine()
    if find_spec("torch") is not None:
        from baselines.costs.profiling import card

        lines.append(Line("devices", "cuda", card() or "none that torch can use"))
    click.echo(json.dumps([asdict(line) for line in lines], indent=1) if as_json else doctor_text(lines))
