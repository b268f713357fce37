"""The models, one file each, its reference at the head and its declarations at the foot; and their list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from baselines.contract import Baseline
from bench.errors import UsageError, nearest

MODELS: dict[str, tuple[str, str, str]] = {
    "prior": ("baselines.models.prior", "Class prior", ""),
    "gbdt": ("baselines.models.gbdt", "Boosted trees on geometry", "train"),
    "stacked": ("baselines.models.stacked", "Stacked trees", "train"),
    "stacked_tcn": ("baselines.models.stacked", "Stacked trees and network", "train"),
    "stacked_causal": ("baselines.models.stacked", "Stacked trees, causal", "train"),
    "single_frame": ("baselines.models.single_frame", "Single frame", "train"),
    "fc": ("baselines.models.fc", "Fully connected", "train"),
    "lstm": ("baselines.models.lstm", "LSTM", "train"),
    "self_attention": ("baselines.models.self_attention", "Self-attention", "train"),
    "conv1d": ("baselines.models.conv1d", "1-D convolution", "train"),
    "conv1d_causal": ("baselines.models.conv1d", "1-D convolution, causal", "train"),
    "conv1d_augmented": ("baselines.models.conv1d", "1-D convolution, augmented", "train"),
    "conv1d_treba": ("baselines.models.conv1d_treba", "1-D convolution with TREBA", "train"),
    "conv1d_treba_unlabelled": (
        "baselines.models.conv1d_treba",
        "1-D convolution with TREBA, unlabelled set",
        "train",
    ),
    "conv1d_treba_shipped": (
        "baselines.models.conv1d_treba",
        "1-D convolution with TREBA, as shipped",
        "train",
    ),
    "conv1d_treba_finetuned": (
        "baselines.models.conv1d_treba",
        "1-D convolution with TREBA, fine-tuned",
        "train",
    ),
    "conv1d_treba_shipped_finetuned": (
        "baselines.models.conv1d_treba",
        "1-D convolution with shipped TREBA, fine-tuned",
        "train",
    ),
    "conv1d_finetuned": ("baselines.models.conv1d", "1-D convolution, fine-tuned", "train"),
    "conv1d_finetuned_as_described": (
        "baselines.models.conv1d",
        "1-D convolution, fine-tuned as described",
        "train",
    ),
    "msgl": ("baselines.models.msgl", "MSGL-Transformer", "train"),
    "msgl_as_described": ("baselines.models.msgl", "MSGL-Transformer, as described", "train"),
    "msgl_without_bam": ("baselines.models.msgl", "MSGL-Transformer without modulation", "train"),
    "msgl_without_msa": ("baselines.models.msgl", "MSGL-Transformer without multi-scale attention", "train"),
    "msgl_without_both": ("baselines.models.msgl", "MSGL-Transformer without either", "train"),
    "msgl_lstm": ("baselines.models.msgl_lstm", "LSTM of the MSGL paper", "train"),
    "msgl_bilstm": ("baselines.models.msgl_lstm", "Bi-LSTM of the MSGL paper", "train"),
    "msgl_tcn": ("baselines.models.msgl_tcn", "TCN of the MSGL paper", "train"),
    "msgl_tcn_plain": ("baselines.models.msgl_tcn", "TCN of the MSGL paper, plain", "train"),
    "st_gcn": ("baselines.models.st_gcn", "ST-GCN", "train"),
    "st_gcn_small": ("baselines.models.st_gcn", "ST-GCN, small", "train"),
    "ms_g3d": ("baselines.models.ms_g3d", "MS-G3D", "train"),
    "ms_g3d_small": ("baselines.models.ms_g3d", "MS-G3D, small", "train"),
    "ms_g3d_8": ("baselines.models.ms_g3d", "MS-G3D, 8 scales", "train"),
    "ms_g3d_mabe21": ("baselines.models.ms_g3d", "MS-G3D of MABe 2021 Task 3", "train"),
    "ms_g3d_mabe21_tuned": (
        "baselines.models.ms_g3d",
        "MS-G3D of MABe 2021 Task 3, thresholds tuned",
        "train",
    ),
    "ctr_gcn": ("baselines.models.ctr_gcn", "CTR-GCN", "train"),
    "ctr_gcn_small": ("baselines.models.ctr_gcn", "CTR-GCN, small", "train"),
    "stgat": ("baselines.models.stgat", "STGAT, our reading", "train"),
    "stgat_small": ("baselines.models.stgat", "STGAT, our reading, small", "train"),
    "hstwformer_described": (
        "baselines.models.hstwformer_described",
        "HSTWFormer, as described",
        "train",
    ),
    "hstwformer_described_small": (
        "baselines.models.hstwformer_described",
        "HSTWFormer, as described, small",
        "train",
    ),
    "mabe21_top1": ("baselines.models.mabe21_top1", "MABe 2021 Top-1", "train"),
    "mabe21_top1_alone": ("baselines.models.mabe21_top1", "MABe 2021 Top-1, on one task", "train"),
    "dilated_tcn": ("baselines.models.dilated_tcn", "Dilated TCN", "train"),
    "anchor_free": ("baselines.models.anchor_free", "Anchor-free localiser", "train"),
    "bams": ("baselines.models.bams", "BAMS", "train"),
    "bams_as_released": ("baselines.models.bams", "BAMS, as released", "train"),
    "bams_kmeans": ("baselines.models.bams", "k-means on BAMS", "train"),
    "clip_classifier": ("baselines.models.clip_classifier", "Clip classifier", "train"),
    "actionformer": ("baselines.models.actionformer", "ActionFormer", "train"),
    "actionformer_small": ("baselines.models.actionformer", "ActionFormer, small", "train"),
    "raseformer": ("baselines.models.raseformer", "RaSeformer", "train"),
    "raseformer_small": ("baselines.models.raseformer", "RaSeformer, small", "train"),
    "raseformer_windows": ("baselines.models.raseformer", "RaSeformer, windows at all levels", "train"),
    "raseformer_static_keynorm": ("baselines.models.raseformer", "RaSeformer with static key norms", "train"),
    "raseformer_shared_topk": (
        "baselines.models.raseformer",
        "RaSeformer with keys that heads share",
        "train",
    ),
    "raseformer_static_keynorm_small": (
        "baselines.models.raseformer",
        "RaSeformer with static key norms, small",
        "train",
    ),
    "raseformer_shared_topk_small": (
        "baselines.models.raseformer",
        "RaSeformer with keys that heads share, small",
        "train",
    ),
    "handcrafted_probe": ("baselines.models.handcrafted_probe", "Features by hand, linear", "train"),
    "simclr_handcrafted": (
        "baselines.models.handcrafted_probe",
        "SimCLR and features by hand, linear",
        "train,video",
    ),
    "lookagain": ("baselines.models.lookagain_video", "LookAgain", "train,video"),
    "lookagain_beit": ("baselines.models.lookagain_video", "LookAgain with BEiT", "train,video,towers"),
    "lookagain_beit_random": (
        "baselines.models.lookagain_video",
        "LookAgain with BEiT, random weights",
        "train,video,towers",
    ),
    "lookagain_alone": ("baselines.models.lookagain_video", "LookAgain, labels alone", "train,video"),
    "lookagain_small": ("baselines.models.lookagain_video", "LookAgain, small", "train,video"),
    "lookagain_small_alone": (
        "baselines.models.lookagain_video",
        "LookAgain, small, labels alone",
        "train,video",
    ),
    "lookagain_clusters": ("baselines.models.lookagain_clusters", "LookAgain, clusters", "train,video"),
    "lookagain_small_clusters": (
        "baselines.models.lookagain_clusters",
        "LookAgain, clusters, small",
        "train,video",
    ),
    "lookagain_keypoints": ("baselines.models.lookagain", "LookAgain, keypoints alone", "train"),
    "supervised_transformer": ("baselines.models.lookagain", "Supervised transformer", "train"),
    "tadtr": ("baselines.models.tadtr", "TadTR", "train"),
    "tadtr_small": ("baselines.models.tadtr", "TadTR, small", "train"),
    "te_tad": ("baselines.models.te_tad", "TE-TAD", "train"),
    "te_tad_small": ("baselines.models.te_tad", "TE-TAD, small", "train"),
    "tridet": ("baselines.models.tridet", "TriDet", "train"),
    "tridet_small": ("baselines.models.tridet", "TriDet, small", "train"),
    "pose_kmeans": ("baselines.models.pose_kmeans", "k-means on poses", "train"),
}
"""Name -> module, title, and the extra of the package that it needs, if any. Only that module is imported."""


@cache
def models() -> Mapping[str, tuple[str, str, str]]:
    """Return the models of the list and those of plugins, which take no name of the list."""
    from bench.plugins import plugins  # here: what a model's package imports, the model depends on

    found = dict(MODELS)
    for plugin in plugins("bench.models"):
        if plugin.name in MODELS:
            plugin.refuse(f"the model {plugin.name!r} ships")
        else:
            found[plugin.name] = (plugin.module, f"of {plugin.package}", "train")
    return found


def get_baseline(name: str) -> Baseline:
    """Return a baseline by name, of the list or of a plugin.

    Raises `UsageError` with the nearest name where there is none, and where a plugin cannot be used.
    """
    known = models()
    if name not in known:
        hint = f"choose one of {', '.join(known)}"
        raise UsageError(f"no baseline {name!r}{nearest(name, known)}", hint=hint)
    module, title, _ = known[name]
    if name in MODELS:
        return load(f"{module}:{name}")
    try:
        return load(f"{module}:{name}")
    except UsageError:
        raise
    except (Exception, SystemExit) as fault:
        raise UsageError(
            f"plugin model {name!r} {title} cannot be used", [f"{type(fault).__name__}: {fault}"]
        ) from fault


def load(model: str) -> Baseline:
    """Return the baseline that is declared as `module:name`, listed here or not; import its module alone.

    Raises `UsageError` saying what to install where a library of it is missing.
    """
    # Waiting threads sleep instead of spinning: on cores that others use too, an epoch is four times as
    # quick. OpenMP reads this when torch or scikit-learn is first imported; what the user has set stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    module, _, name = model.partition(":")
    try:
        declared = import_module(module)
    except ModuleNotFoundError as fault:
        if str(fault.name).partition(".")[0] in ("baselines", "bench"):
            raise
        from bench.about import install_hint  # here: what a model's package imports, the model depends on

        extra = MODELS.get(name, ("", "", "train"))[2]
        raise UsageError(f"baseline {name!r} needs {fault.name}", hint=install_hint(extra)) from fault
    for value in vars(declared).values():
        if isinstance(value, Baseline) and value.model == model:
            return value
    raise LookupError(f"no baseline is declared as {model!r}")
