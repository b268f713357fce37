"""MS-G3D, CTR-GCN and the networks beside them: the official numbers, their sizes, what they may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

import official  # noqa: E402

from baselines.inputs.graphs import adjacency  # noqa: E402
from baselines.models.ctr_gcn import CTRGCN, graphs_of  # noqa: E402
from baselines.models.ms_g3d import MSG3D  # noqa: E402

MSG3D_FILES, CTRGCN_FILES = official.files("msg3d_*.npz"), official.files("ctrgcn_*.npz")
MISSING = f"no golden files of this family in {official.GOLDEN}/networks: set ETHOBENCH_GOLDEN"
TIME = {r"branches\.(\d)\.3\.conv": r"branches.\1.3", r"branches\.(\d)\.3\.bn": r"branches.\1.4"}
MSG3D_NAMES = official.rename(
    {
        r"^data_bn": "norm",
        r"^fc": "head",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.gcn3d\.1": r"block\1.paths.\2.scales",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.out_conv": r"block\1.paths.\2.collapse",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.out_bn": r"block\1.paths.\2.norm",
        r"^sgcn(\d)\.0": r"block\1.spatial",
        r"^sgcn(\d)\.1": r"block\1.times.0",
        r"^sgcn(\d)\.2": r"block\1.times.1",
        r"^tcn(\d)": r"block\1.last",
        r"mlp\.layers\.0": "mix",
        r"mlp\.layers\.1": "norm",
        "A_res": "learned",
        r"branches": "time.branches",
        r"residual\.conv": "skip.0",
        r"residual\.bn": "skip.1",
        **TIME,
        "block1": "blocks.0",
        "block2": "blocks.1",
        "block3": "blocks.2",
    }
)
CTRGCN_NAMES = official.rename(
    {
        r"^data_bn": "norm",
        r"^fc": "head",
        r"^l(\d+)\.": lambda match: f"blocks.{int(match[1]) - 1}.",
        r"gcn1\.PA": "graphs",
        r"gcn1\.alpha": "alpha",
        r"gcn1\.convs\.(\d)\.conv1": r"refinements.\1.target",
        r"gcn1\.convs\.(\d)\.conv2": r"refinements.\1.source",
        r"gcn1\.convs\.(\d)\.conv3": r"values.\1",
        r"gcn1\.convs\.(\d)\.conv4": r"refinements.\1.refine",
        r"gcn1\.down": "skip",
        r"gcn1\.bn": "norm",
        r"tcn1": "time",
        r"residual\.conv": "around.0",
        r"residual\.bn": "around.1",
        **TIME,
    }
)


def joined(config: dict, edges: str) -> np.ndarray:
    return adjacency(config["joints"], [tuple(edge) for edge in config[edges]])


@pytest.mark.skipif(not MSG3D_FILES, reason=MISSING)
@pytest.mark.parametrize("path", MSG3D_FILES, ids=lambda path: path.stem)
def test_ms_g3d_is_the_official_network(path: Path) -> None:
    golden, config = official.read(path)
    scales = (config["gcn_scales"], config["g3d_scales"])
    sizes = (config["in_channels"], config["classes"], scales, config["c1"], config["persons"])
    model = official.load(MSG3D(joined(config, "edges"), *sizes), golden, MSG3D_NAMES)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    official.check(model, golden, config, MSG3D_NAMES, forward=1e-5, relative=1e-4, norms=4e-3)


@pytest.mark.skipif(not CTRGCN_FILES, reason=MISSING)
@pytest.mark.parametrize("path", CTRGCN_FILES, ids=lambda path: path.stem)
def test_ctr_gcn_is_the_official_network(path: Path) -> None:
    golden, config = official.read(path)
    base = config["base_channel"]
    channels = [base] * 4 + [2 * base] * 3 + [4 * base] * 3
    graphs = graphs_of(joined(config, "inward"))
    model = CTRGCN(graphs, config["in_channels"], config["classes"], channels, config["persons"])
    if "initial_PA" in golden:
        np.testing.assert_allclose(graphs.numpy(), golden["initial_PA"], rtol=0, atol=1e-7)
    official.load(model, golden, CTRGCN_NAMES)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    official.check(model, golden, config, CTRGCN_NAMES, forward=1e-4, relative=1e-3, norms=1e-2)
