"""axe-core on every kind of page, in a browser: nothing serious or moderate.

axe-core is no dependency and no part of the repository. `npm install --no-save axe-core` in the checkout
brings it, or `ETHOBENCH_AXE` names its axe.min.js.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import RESULTS, task
from test_browser import CHROMIUM

from bench.pages import publish, render
from bench.pages.published import published_tasks
from tests.made_up import read

ROOT = Path(__file__).parent.parent.parent
AXE = Path(os.environ.get("ETHOBENCH_AXE", ROOT / "node_modules" / "axe-core" / "axe.min.js"))
COMMITTED = ROOT / "leaderboard" / "results"
TOLERATED = {"minor", None}
RUN = """
for (const fold of document.querySelectorAll("details")) fold.open = true;
axe.run(document).then((found) => {
  const place = (node) => node.html.slice(0, 200);
  const faults = found.violations.map((one) => [one.id, one.impact, one.nodes.map(place)]);
  document.title = "axe" + JSON.stringify(faults);
});
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the PATH"),
    pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install --no-save axe-core"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    names = (
        "rat-dyads--gbdt",
        "rat-dyads--stacked",
        "rat-dyads-bouts--gbdt",
        "rat-dyads-clusters--pose_kmeans",
    )
    results = [read(COMMITTED / f"{name}.json") for name in names]
    simulated = replace(RESULTS[0], task=task(dataset={"simulated": True}))
    publish(render([*results, simulated], published_tasks()), folder)
    return folder


def faults(path: Path, scheme: str) -> list[Any]:
    """Return what axe finds on a page: rule, impact, elements. Its policy would stop axe and is taken out."""
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text(encoding="utf-8"))
    scripts = f"<script>{AXE.read_text(encoding='utf-8')}</script><script>{RUN}</script></body>"
    copy = path.with_suffix(f".{scheme}.htm")
    copy.write_text(text.replace("</body>", scripts), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"]
    options += [f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"]
    options += ["--virtual-time-budget=20000", "--dump-dom", copy.as_uri()]
    done = subprocess.run([str(CHROMIUM), *options], capture_output=True, check=True, timeout=120)
    held = re.search("<title>axe(.*?)</title>", done.stdout.decode(), re.DOTALL)
    assert held is not None, "axe did not finish"
    return [one for one in json.loads(html.unescape(held[1])) if one[1] not in TOLERATED]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("index.html", "light"),
        ("index.html", "dark"),
        ("rat-dyads.html", "light"),
        ("rat-dyads.html", "dark"),
        ("rat-dyads.compare.html", "light"),
        ("rat-dyads--gbdt.html", "light"),
        ("rat-dyads--gbdt.html", "dark"),
        ("rat-dyads-bouts--gbdt.html", "light"),
        ("rat-dyads-clusters.html", "light"),
        ("calms21-task1.html", "light"),
        ("toy-task.html", "light"),
        ("audit.html", "light"),
        ("tables.html", "light"),
        ("metrics.html", "light"),
    ],
)
def test_axe_finds_nothing_serious_or_moderate(site: Path, name: str, scheme: str) -> None:
    assert faults(site / name, scheme) == []
