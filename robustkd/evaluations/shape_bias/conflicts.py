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
    from robustkd.data.alterations.alteration import Alteration

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


def conflicts(options: ShapeBiasOptions, test: ImageSet, places: Tensor) -> Iterator[Conflicts | str]:
    """Yield the sets one by one, that of the folder first, the control last.

    Args:
        options: The options.
        test: The test images.
        places: The indices of the test images that are used, int64 (N,).

    Yields:
        A set; or why one is left out, a sentence without its full stop.
    """
    if options.path is not None:
        yield _of_folder(options, test)
    from robustkd.data.alterations.textures import partners, silhouette_conflict, smooth_conflict

    for same_class in (False, True):
        try:
            partner = partners(test, options.seed, same_class=same_class)
        except DataError as error:
            yield f"{'The control is' if same_class else 'Generated cue conflicts are'} left out: {error}"
            continue
        for rule in (smooth_conflict,) if same_class else (smooth_conflict, silhouette_conflict):
            yield _generated(rule(test, partner, options.seed), test, places, partner, CONTROL if same_class else "")


def _generated(alteration: Alteration, test: ImageSet, places: Tensor, partner: Tensor, name: str) -> Conflicts:
    from robustkd.data.alterations.alteration import altered

    labels = test.labels.cpu()
    shapes, textures = (labels[chosen].numpy() for chosen in (places, partner[places]))
    images = altered(test.subset(places), alteration, places)
    return Conflicts(name or alteration.name + GENERATED, images, shapes, textures, np.arange(test.num_classes))


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
