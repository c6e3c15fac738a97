"""The images with two cues: those of a folder, and generated ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import DataError
from robustkd.evaluations.shape_bias.options import ShapeBiasOptions

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet

GENERATED = " (generated)"
"""Marks images that are made of the test images."""

CONTROL = "both cues of one class" + GENERATED
"""The control: two images of one class are mixed by the first rule."""


@dataclass(frozen=True, eq=False)
class Conflicts:
    """Images whose shape is of one class and whose texture is of another.

    Attributes:
        name: The name as results show it.
        images: The images.
        shapes: The class of the shape, int64 (N,).
        textures: The class of the texture, int64 (N,); for the control the same.
        among: The classes that a decision is among, int64 (K,).
        notes: What was left out.
    """

    name: str
    images: ImageSet
    shapes: np.ndarray
    textures: np.ndarray
    among: np.ndarray
    notes: tuple[str, ...] = ()


def conflicts(options: ShapeBiasOptions, test: ImageSet, used: ImageSet, places: Tensor) -> Iterator[Conflicts | str]:
    """Yield the sets one by one, that of the folder first, the control last.

    Args:
        options: The options.
        test: The test images.
        used: Those that are used.
        places: Their indices among the test images, int64 (N,).

    Yields:
        A set; or why one is left out, a sentence without its full stop.
    """
    if options.path is not None:
        yield _of_folder(options, test)
    from robustkd.data.alterations.alteration import altered
    from robustkd.data.alterations.textures import partners, silhouette_conflict, smooth_conflict

    for same_class in (False, True):
        try:
            partner = partners(test, options.seed, same_class=same_class)
        except DataError as error:
            yield f"{'The control is' if same_class else 'Generated cue conflicts are'} left out: {error}"
            continue
        labels = test.labels.cpu()
        cues = labels[places].numpy(), labels[partner[places]].numpy(), np.arange(test.num_classes)
        for rule in (smooth_conflict,) if same_class else (smooth_conflict, silhouette_conflict):
            alteration = rule(test, partner, options.seed)
            name = CONTROL if same_class else alteration.name + GENERATED
            yield Conflicts(name, altered(used, alteration, places), *cues)


def _of_folder(options: ShapeBiasOptions, test: ImageSet) -> Conflicts | str:
    from robustkd.data.cue_conflicts import cue_conflict_folder

    path = str(options.path)
    try:
        found = cue_conflict_folder(path, test)
    except DataError as error:
        return f"Left out as cue conflicts: {error}"
    chosen = found.images.sample_indices(options.images, options.seed)
    images, textures = found.images.subset(chosen), found.textures[chosen.numpy()]
    shapes = images.labels.cpu().numpy()
    among = np.unique(np.concatenate([shapes, textures]))
    return Conflicts(Path(path).name, images, shapes, textures, among, found.notes)
