"""The keypoints of a skeleton as a graph: which are joined, which is in the middle, how neighbours mix.

Reference: Yan, Xiong and Lin 2018, arXiv:1801.07455, section 3.3, spatial configuration partitioning, with
distances as the authors' code has them: a keypoint that is not joined to the centre is infinitely far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64

Edge = tuple[int, int]


def adjacency(joints: int, edges: Sequence[Edge]) -> Bool[np.ndarray, "V V"]:
    """Return which of V joints are joined to which; no joint is joined to itself."""
    joined = np.zeros((joints, joints), dtype=bool)
    for a, b in edges:
        joined[a, b] = joined[b, a] = True
    return joined


def hops(joined: Bool[np.ndarray, "V V"]) -> Int64[np.ndarray, "V V"]:
    """Return the number of edges on the shortest way between two joints; V where there is no way."""
    joints = len(joined)
    distance = np.where(np.eye(joints, dtype=bool), 0, joints)
    reached, front = np.eye(joints, dtype=bool), np.eye(joints, dtype=bool)
    for steps in range(1, joints):
        front = (front @ joined) & ~reached
        distance[front] = steps
        reached |= front
    return distance


def centre(joined: Bool[np.ndarray, "V V"]) -> int:
    """Return the joint whose furthest joint is nearest, the first of equal ones.

    In two CalMS21 mice that are joined at the neck it is the neck of the first.
    """
    return int(hops(joined).max(axis=1).argmin())


def spatial_subsets(joined: Bool[np.ndarray, "V V"], root: int) -> Float32[np.ndarray, "3 V V"]:
    """Return the neighbours of every joint in three subsets, as weights from row to column.

    They are the joint itself; its neighbours that are not nearer to the root than it is, seen from the
    neighbour; and the others. The weights into a joint sum to 1 over all subsets. A joint is at distance 0
    (the root), 1 (joined to it) or infinitely far.
    """
    itself = np.eye(len(joined), dtype=bool)
    near = itself | joined
    weights = near / near.sum(axis=0)
    level = np.full(len(joined), 2)
    level[joined[root]] = 1
    level[root] = 0
    nearer = level[:, None] < level[None, :]
    subsets = np.stack([itself, joined & ~nearer, joined & nearer])
    return (subsets * weights).astype(np.float32)
