"""What makes a finished run due again: an edit of its model, or of what that imports, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toy

from baselines.models import load
from bench.errors import DataError

pytest.importorskip("torch", reason="torch is in the extra `train`")

NETWORK = """
from torch import nn

from baselines.engine import windows
from baselines.recipes.windows import Recipe
from zoo.parts import WIDTH


class {name}(nn.Module):
    def __init__(self, features, window, classes):
        super().__init__()
        self.hidden = nn.Linear(features * window, WIDTH if {wide} else 3)
        self.head = nn.Linear(WIDTH if {wide} else 3, classes)

    def forward(self, x):
        return self.head(self.hidden(x.flatten(1)).relu())


MODEL = windows.baseline(
    module=__name__,
    name="{title}",
    title="{title}",
    description="two layers",
    reference="none",
    recipe=Recipe(past=2, future=1, gap=1, epochs=1, batch=64),
    network=windows.plain({name}),
)
"""


def source(name: str) -> str:
    return NETWORK.format(name=name, title=name.lower(), wide=name == "Wide")


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write the files of a package with models of a stranger."""
    folder = tmp_path / "packages"
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo"]:
        monkeypatch.delitem(sys.modules, name)

    def write(**files: str) -> None:
        for name, source in files.items():
            (folder / "zoo").mkdir(parents=True, exist_ok=True)
            (folder / f"zoo/{name}.py").write_text(source)

    write(
        __init__="",
        parts="WIDTH = 4\n",
        wide=source("Wide"),
        narrow=source("Narrow"),
    )
    return write


def differing(out: Path, model: str) -> list[str]:
    """Train what is not finished; return what keeps it from being the finished run, and whether it was."""
    baseline = load(model)
    try:
        toy.run(out / baseline.name, baseline)
    except DataError as fault:
        return [problem.split(":")[0] for problem in fault.problems]
    return []


@pytest.mark.slow
def test_a_run_is_due_again_where_its_own_code_changed(
    zoo: Callable[..., None], store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ("zoo.wide:wide", "zoo.narrow:narrow")
    for model in models:
        assert differing(tmp_path, model) == []
    capsys.readouterr()
    zoo(another=source("Another"))
    for model in models:
        assert differing(tmp_path, model) == []
    assert capsys.readouterr().err.count("is finished already") == 2, "a new file is nobody's business"
    zoo(narrow=source("Narrow") + "# edited\n")
    assert [differing(tmp_path, model) for model in models] == [[], ["code"]]
    zoo(parts="WIDTH = 5\n", narrow=source("Narrow"))
    assert [differing(tmp_path, model) for model in models] == [["code"], ["code"]], "both import it"
