"""Which animal a keypoint is of: individuals of a file, or a part of the keypoints' names.

`nose_1` and `nose_2`, `black_nose` and `white_nose`, `ear_mouse1_left` and `ear_mouse2_left` are one keypoint
of two animals. Only a user knows which part of a name tells the animal: `left_ear` and `right_ear` look the
same. So the names of the animals may be given; without them numbers are taken for animals, which is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.datasets.formats.keypoints import Poses
from bench.errors import DataError, nearest

_NUMBERED = re.compile(r"[A-Za-z]*\d+")
_BREAK = r"[_\-. ]"
Parted = Mapping[tuple[str, str], int]
"""(animal, keypoint) -> place among the keypoints of the file."""


def with_animals(poses: Poses, animals: Sequence[str]) -> Poses:
    """Return the poses of these animals, in this order: individuals of the file, or parts of names in it.

    Raises `DataError` where a name is of none, and where the animals have not the same keypoints.
    """
    if set(animals) <= set(poses.individuals):
        rows = [poses.individuals.index(name) for name in animals]
        return replace(
            poses, individuals=tuple(animals), xy=poses.xy[:, rows], likelihood=poses.likelihood[:, rows]
        )
    if len(poses.individuals) > 1:
        odd = next(name for name in animals if name not in poses.individuals)
        near = nearest(odd, poses.individuals)
        raise DataError("", [f"animals: {odd!r} is none of {', '.join(poses.individuals)}{near}"])
    if len(animals) == 1:
        return replace(poses, individuals=(_name(animals[0]),))
    return _parted(poses, _by_names(poses.keypoints, animals))


def guessed(poses: Poses) -> Poses:
    """Return the poses of one file, its keypoints parted into animals by the numbers in their names.

    Where the numbers do not part them into animals with the same keypoints, they are one animal's.
    """
    if not (places := numbered(poses.keypoints)):
        return poses
    tokens = list(dict.fromkeys(animal for animal, _ in places))
    parted = _parted(poses, places)
    if len(tokens) == 1:
        return parted
    told = f"animals {' and '.join(tokens)}, told by the numbers in the names of the keypoints: a guess"
    return replace(parted, notes=(*parted.notes, f"{told}; {_remedy(tokens)}"))


def hint(poses: Poses) -> list[str]:
    """Say where the keypoints of a file of one animal have names like those of several."""
    tokens = list(dict.fromkeys(animal for animal, _ in numbered(poses.keypoints)))
    if len(poses.individuals) > 1 or len(tokens) < 2:
        return []
    return [f"one animal, though the names of the keypoints tell {' and '.join(tokens)}; {_remedy(tokens)}"]


def _remedy(tokens: Sequence[str]) -> str:
    listed = ", ".join(f'"{token}"' for token in tokens)
    return f"in poses = {{ … }} animals = [{listed}] parts them, and the name of one animal does not"


def numbered(keypoints: Sequence[str]) -> Parted:
    """Return the keypoints by (animal, keypoint) where each name has one number, or word with a number.

    Nothing where they have not, and where the animals would not have the same keypoints.
    """
    places: dict[tuple[str, str], int] = {}
    for place, name in enumerate(keypoints):
        tokens = re.split(f"({_BREAK})", name)
        numbers = [i for i, token in enumerate(tokens) if _NUMBERED.fullmatch(token)]
        if not numbers or len(tokens) == 1 or (len(numbers) > 1 and not tokens[-1].isdigit()):
            return {}
        i = numbers[-1]
        rest = "".join(tokens[: max(i - 1, 0)] + tokens[i + (1 if i else 2) :])
        places[tokens[i], rest] = place
    return places if not _part_faults(places) and len(places) == len(keypoints) else {}


def _by_names(keypoints: Sequence[str], animals: Sequence[str]) -> Parted:
    """Return the keypoints by (animal, keypoint), each animal's name a part of the keypoint's name."""
    places: dict[tuple[str, str], int] = {}
    faults = []
    for place, name in enumerate(keypoints):
        rests = {animal: rest for animal in animals if (rest := _without(name, animal))}
        if len(rests) != 1:
            told = f"{' and '.join(rests)} in it" if rests else "no animal in it"
            faults.append(f"animals: keypoint {name!r} has {told}, expected one of {', '.join(animals)}")
        for animal, rest in rests.items():
            places[animal, rest] = place
    faults = faults or _part_faults(places)
    if faults:
        raise DataError("", faults)
    return {(a, k): place for animal in animals for (a, k), place in places.items() if a == animal}


def _without(name: str, animal: str) -> str:
    """Return a keypoint's name less an animal's at its front, its back or in its middle; else nothing."""
    word = re.escape(animal)
    for pattern in (rf"(.+){_BREAK}{word}", rf"{word}{_BREAK}(.+)", rf"(.+{_BREAK}){word}{_BREAK}(.+)"):
        if match := re.fullmatch(pattern, name):
            return "".join(match.groups())
    if re.fullmatch(r"\d+", animal) and (match := re.fullmatch(rf"(.*\D){word}|{word}(\D.*)", name)):
        return match[1] or match[2]
    return ""


def _part_faults(places: Parted) -> list[str]:
    """Say which animals have other keypoints than the first."""
    names: dict[str, list[str]] = {}
    for animal, keypoint in places:
        names.setdefault(animal, []).append(keypoint)
    first, *others = names.items()
    return [
        f"animals: {first[0]} has {', '.join(first[1])}; {animal} has {', '.join(own)}"
        for animal, own in others
        if sorted(own) != sorted(first[1])
    ]


def _parted(poses: Poses, places: Parted) -> Poses:
    animals = tuple(dict.fromkeys(animal for animal, _ in places))
    keypoints = tuple(keypoint for animal, keypoint in places if animal == animals[0])
    order = np.array([[places[animal, keypoint] for keypoint in keypoints] for animal in animals])
    return replace(
        poses,
        individuals=tuple(map(_name, animals)),
        keypoints=keypoints,
        xy=np.ascontiguousarray(poses.xy[:, 0, order]),
        likelihood=np.ascontiguousarray(poses.likelihood[:, 0, order]),
    )


def _name(animal: str) -> str:
    """Return what an animal is called: a bare number says little."""
    return f"animal {animal}" if animal.isdigit() else animal
