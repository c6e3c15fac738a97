"""Pictures of the images that distillation changed, with what the networks predict for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from robustkd.evaluations.knowledge.modal import changed_images, modal
from robustkd.presentation.pictures import Picture, PictureRow, Tile
from robustkd.results.groups import Group, baseline_of, groups_of

CAPTION = (
    "Below each image: its class, followed in brackets by the teacher's prediction (T) where the teacher is wrong; "
    "then the wrong prediction that the row is about, with the number of networks that make it. Forgotten and gained "
    "are decided by the majority of three seeds or more, against the baseline's; wrong with the teacher: the baseline "
    "is right. Each row shows the images on which most networks agree with their majority, in test order."
)


class Chosen(NamedTuple):
    """The images of one row of a picture.

    Attributes:
        student: The student.
        kind: What the images have in common.
        images: Their places in the test set, int64 (n,).
        said: The second line below each.
    """

    student: str
    kind: str
    images: np.ndarray
    said: tuple[str, ...]


def chosen_images(
    members: pd.DataFrame, arrays: Mapping[str, np.ndarray], names: Sequence[str], shown: int
) -> list[Chosen]:
    """Choose the images of all rows: forgotten, gained, and errors that came with the teacher.

    Args:
        members: One row per network.
        arrays: ``predicted`` (M, N), ``labels`` (N,), and ``teacher`` (N,) where there is one.
        names: The names of the classes.
        shown: The largest number of images in a row.

    Returns:
        The rows, without those that have no image.
    """
    predicted, labels = arrays["predicted"], arrays["labels"]
    found = []
    for each in changed_images(members, predicted, labels):
        agreed = each.own.votes + each.other.votes
        for kind, images, side, who, of in (
            ("forgotten", each.forgotten, each.own, each.student.method, len(each.student.rows)),
            ("gained", each.gained, each.other, "baseline", len(each.baseline.rows)),
        ):
            places = _first(images, agreed, shown)
            said = tuple(f"{who}: {names[side.classes[place]]} {side.votes[place]}/{of}" for place in places)
            found.append(Chosen(each.student.method, kind, places, said))
    if "teacher" in arrays:
        found += _inherited(members, arrays, names, shown)
    return [each for each in found if len(each.images)]


def _inherited(
    members: pd.DataFrame, arrays: Mapping[str, np.ndarray], names: Sequence[str], shown: int
) -> list[Chosen]:
    """Images for which a student predicts the teacher's wrong class, and its baseline is right."""
    predicted, labels, teacher = arrays["predicted"], arrays["labels"], arrays["teacher"]
    groups = groups_of(members)
    found = []
    for student in groups:
        baseline = baseline_of(student, groups)
        if student.who["role"] != "student" or baseline is None:
            continue
        own, other = modal(predicted[student.rows]), modal(predicted[baseline.rows])
        images = (teacher != labels) & (own.classes == teacher) & (other.classes == labels)
        places = _first(images, own.votes + other.votes, shown)
        said = tuple(_said(student, names[teacher[place]], int(own.votes[place])) for place in places)
        found.append(Chosen(student.method, "wrong with the teacher", places, said))
    return found


def pictures_of(
    chosen: Sequence[Chosen], arrays: Mapping[str, np.ndarray], names: Sequence[str]
) -> tuple[Picture, ...]:
    """Return a picture for each student.

    Args:
        chosen: The images of each row.
        arrays: ``labels`` and, where there is one, ``teacher``; ``shown_images``, the places of the images that were
            kept, and ``shown_pixels``, uint8 (n, C, H, W).
        names: The names of the classes.
    """
    place_of = {int(image): place for place, image in enumerate(arrays["shown_images"])}
    pictures = []
    for index, student in enumerate(dict.fromkeys(each.student for each in chosen)):
        rows = [each for each in chosen if each.student == student]
        width = max(len(each.images) for each in rows)
        drawn = []
        for each in rows:
            tiles: list[Tile | None] = [
                Tile(_pixels(arrays["shown_pixels"][place_of[image]]), f"{_truth(arrays, names, image)}\n{said}")
                for image, said in zip(each.images.tolist(), each.said, strict=True)
            ]
            drawn.append(PictureRow(each.kind, (*tiles, *(None,) * (width - len(tiles)))))
        title = f"Images that {student} forgets, gains, or gets wrong with the teacher, against the baseline"
        pictures.append(Picture(f"changed-{index}", title, CAPTION, ("",) * width, tuple(drawn)))
    return tuple(pictures)


def _first(images: np.ndarray, agreed: np.ndarray, shown: int) -> np.ndarray:
    """The first images of the test set among those with the most votes."""
    places = np.flatnonzero(images)
    return places[np.argsort(-agreed[places], kind="stable")][:shown]


def _said(student: Group, name: str, votes: int) -> str:
    return f"{student.method}: {name}" + (f" {votes}/{len(student.rows)}" if len(student.rows) > 1 else "")


def _truth(arrays: Mapping[str, np.ndarray], names: Sequence[str], image: int) -> str:
    truth = names[arrays["labels"][image]]
    if "teacher" not in arrays or arrays["teacher"][image] == arrays["labels"][image]:
        return truth
    return f"{truth} (T {names[arrays['teacher'][image]]})"


def _pixels(image: np.ndarray) -> np.ndarray:
    """(C, H, W) as a tile takes it; of images of neither one nor three channels, the first channel."""
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
