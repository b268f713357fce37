"""The keypoints of a skeleton as a graph: which are joined, which is in the middle, how neighbours mix.

Reference: Yan, Xiong and Lin 2018, arXiv:1801.07455, section 3.3, spatial configuration partitioning, with
distances as the authors' code has them: a keypoint that is not joined to the centre is infinitely far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64

from bench.recordings import Skeleton

Edge = tuple[int, int]


def adjacency(joints: int, edges: Sequence[Edge]) -> Bool[np.ndarray, "V V"]:
    """Return which of V joints are joined to which; no joint is joined to itself."""
    joined = np.zeros((joints, joints), dtype=bool)
    for a, b in edges:
        joined[a, b] = joined[b, a] = True
    return joined


def all_joints(skeleton: Skeleton) -> Bool[np.ndarray, "V V"]:
    """Return which keypoints of all animals are joined: as the skeleton says, and the centres of two animals.

    Keypoint k of animal a is joint a * K + k.
    """
    count = len(skeleton.keypoints)
    place = {name: i for i, name in enumerate(skeleton.keypoints)}
    own = [(place[a], place[b]) for a, b in skeleton.edges]
    middle = centre(adjacency(count, own))
    animals = range(len(skeleton.animals))
    edges = [(a + animal * count, b + animal * count) for animal in animals for a, b in own]
    edges += [(middle + i * count, middle + j * count) for i in animals for j in animals if i < j]
    return adjacency(len(animals) * count, edges)


def hops(joined: Bool[np.ndarray, "V V"]) -> Int64[np.ndarray, "V V"]:
    """Return the number of edges on the shortest way between two joints; V where there is no way."""
    joints = len(joined)
    distance = np.where(np.eye(joints, dtype=bool), 0, joints)
    reached, front = np.eye(joints, dtype=bool), np.eye(joints, dtype=bool)
    for steps in range(1, joints):
        front = (front @ joined) & ~reached
        if not front.any():
            break
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


def scale_graphs(joined: Bool[np.ndarray, "V V"], scales: int) -> Float32[np.ndarray, "S V V"]:
    """Return a graph per scale k, from 0: each joint, and those at exactly k hops, normalised on both sides.

    Reference: Liu et al. 2020, arXiv:2003.14111, section 3.3, disentangled neighbourhoods.
    """
    distance, itself = hops(joined), np.eye(len(joined), dtype=bool)
    near = np.stack([(distance == k) | itself for k in range(scales)])
    near &= distance < len(joined)  # where there is no way, there are no hops
    degree = near.sum(axis=2)
    return (near / np.sqrt(degree[:, :, None] * degree[:, None, :])).astype(np.float32)


def directed_graphs(joined: Bool[np.ndarray, "V V"], root: int) -> Float32[np.ndarray, "3 V V"]:
    """Return each joint itself, its joints further from the root, and those nearer, as weights into a row.

    Reference: Chen et al. 2021, arXiv:2107.12213; a column sums to 1, or is 0 where there is none.
    """
    level = hops(joined)[root]
    inward = joined & (level[:, None] < level[None, :])  # from column, further away, to row
    parts = np.stack([np.eye(len(joined)), inward, inward.T])
    total = parts.sum(axis=1, keepdims=True)
    return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0).astype(np.float32)
