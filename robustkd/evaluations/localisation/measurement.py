"""The maps of every network, and what follows from those of two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import EvaluationError, ModelError
from robustkd.evaluations import Predict
from robustkd.evaluations.localisation.deletion import deletion_areas, random_orders
from robustkd.evaluations.localisation.grad_cam import class_maps, cosine
from robustkd.evaluations.localisation.options import LocalisationOptions
from robustkd.progress import progress

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.models import Member

VERSION = 1

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Sample:
    """The images that are looked at.

    Attributes:
        images: N test images.
        places: Their indices in the test set, int64 (N,).
        deleted: Which of them deletion is tried on, int64 (D,).
        shown: Which of them the picture shows, int64 (S,).
        shuffled: A permutation of them, int64 (N,).
    """

    images: ImageSet
    places: np.ndarray
    deleted: np.ndarray
    shown: np.ndarray
    shuffled: np.ndarray


def sample_of(test: ImageSet, options: LocalisationOptions) -> Sample:
    """Draw the images.

    Args:
        test: The test images.
        options: The options of the evaluation.
    """
    indices = test.sample_indices(options.images, options.seed)
    images = test.subset(indices)
    count = len(images)
    deleted = np.unique(np.linspace(0, count - 1, min(options.deletion_images, count)).round().astype(np.int64))
    shuffled = np.random.default_rng(options.seed).permutation(count)
    return Sample(
        images, indices.numpy(), deleted, _of_each_class(images.labels.cpu().numpy(), options.shown), shuffled
    )


def shown_images(sample: Sample) -> np.ndarray:
    """Return the images of the picture, uint8 (S, H, W, 3)."""
    import torch

    images = sample.images.read(torch.from_numpy(sample.shown)).cpu().numpy().transpose(0, 2, 3, 1)
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[3] == 1 else images)


def _of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    """The first image of each of some classes, which are spread evenly over those that have images."""
    classes, first = np.unique(labels, return_index=True)
    chosen = np.unique(np.linspace(0, len(classes) - 1, min(count, len(classes))).round().astype(np.int64))
    return first[chosen]


def measured(
    teacher: Member, others: Iterable[Member], sample: Sample, options: LocalisationOptions, predict: Predict
) -> tuple[list[Member], Arrays, list[str]]:
    """Compute the maps of every network and compare them with the teacher's, one network at a time.

    Args:
        teacher: The teacher.
        others: All other members.
        sample: The images.
        options: The options of the evaluation.
        predict: Keeps the maps of each network on disk.

    Returns:
        The members that have maps, the teacher first and baselines next; arrays with a row for each of them; notes.

    Raises:
        EvaluationError: The teacher has no maps, or no other network has.
    """
    ordered = sorted(others, key=lambda member: member.role != "baseline")
    try:
        teachers = _maps(teacher, sample, options, predict)
    except ModelError as error:
        raise EvaluationError(f"localisation needs maps of the teacher: {error}") from error
    members, rows, notes = [teacher], [_row(teachers, None, None, sample)], [_described(teacher, teachers)]
    first: Arrays | None = None  # the first baseline's, which the other baselines are compared with
    with progress("class maps", len(ordered)) as advance:
        for member in ordered:
            try:
                found = _maps(member, sample, options, predict)
            except ModelError as error:
                notes.append(f"{member.name} is left out: {error}")
                continue
            finally:
                advance(1)
            second = first if member.role == "baseline" else None
            rows.append(_row(found, teachers, second, sample))
            members.append(member)
            notes.append(_described(member, found))
            first = found if first is None and member.role == "baseline" else first
    if len(members) == 1:
        raise EvaluationError(f"localisation compares no network with the teacher: {'; '.join(notes[1:]) or 'add one'}")
    arrays: Arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    arrays["eligible"] = arrays["has_map"][0]
    return members, arrays, [*dict.fromkeys(notes), *_on_empty(members, arrays)]


def _maps(member: Member, sample: Sample, options: LocalisationOptions, predict: Predict) -> Arrays:
    """The maps of a network, and the areas of deletion; kept on disk."""

    def compute() -> Arrays:
        import torch

        from robustkd.models.last_map import find_last_map

        model = member.model
        first = sample.images.pixels(0, 1, model.mean.device)
        place = find_last_map(model, first)
        maps = class_maps(model, sample.images, place, options.batch_size, options.grid)
        cells = options.grid**2
        by_map = np.argsort(-maps[sample.deleted].reshape(-1, cells), axis=1, kind="stable")
        at_random = random_orders(options.seed, sample.places[sample.deleted], cells)
        deleted = sample.images.subset(torch.from_numpy(sample.deleted))
        steps = min(options.deletion_steps, cells)
        areas = deletion_areas(model, deleted, [by_map, at_random], options.grid, steps, options.batch_size)
        size = np.array([place.height, place.width])
        where = {"module": np.array(place.module), "size": size}
        return {"maps": maps, "deletion_auc": areas[0], "deletion_random": areas[1], **where}

    return predict.kept("localisation", [member], asdict(options) | {"version": VERSION}, compute)


def _row(found: Arrays, teachers: Arrays | None, baselines: Arrays | None, sample: Sample) -> Arrays:
    """What is recorded of a network; NaN for what there is nothing to compare with."""
    maps = found["maps"]
    none = np.full(len(maps), np.nan)
    return {
        "map_cosine": none if teachers is None else cosine(teachers["maps"], maps),
        "map_cosine_shuffled": none if teachers is None else cosine(teachers["maps"][sample.shuffled], maps),
        "map_cosine_between_baselines": none if baselines is None else cosine(baselines["maps"], maps),
        "deletion_auc": found["deletion_auc"],
        "deletion_gain": found["deletion_random"] - found["deletion_auc"],
        "has_map": maps.any(axis=(1, 2)),
        "shown_maps": maps[sample.shown],
    }


def _described(member: Member, found: Arrays) -> str:
    height, width = found["size"].tolist()
    return f"The maps of {member.architecture} are those of its module {found['module']} ({height} × {width})"


def _on_empty(members: list[Member], arrays: Arrays) -> list[str]:
    """Note the maps that are 0 everywhere: nothing in the image speaks for the class."""
    notes = []
    teachers = 1 - arrays["eligible"].mean()
    if teachers:
        notes.append(f"The teacher's map is 0 everywhere for {teachers:.1%} of the images, which are left out")
    for member, has_map in zip(members[1:], arrays["has_map"][1:], strict=True):
        if share := 1 - has_map.mean():
            notes.append(
                f"{member.name} has a map of 0 everywhere for {share:.1%} of the images: its cosine there is 0"
            )
    return notes
