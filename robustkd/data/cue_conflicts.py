"""Images whose shape is of one class and whose texture is of another, named as in model-vs-human."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from robustkd.data.class_matching import matched
from robustkd.data.encoded.geometry import Cut
from robustkd.data.image_set import ImageSet
from robustkd.data.other_sets import reshaped
from robustkd.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg")

NAME = re.compile(r"(?P<shape>[^\d-][^-]*?)\d+-(?P<texture>[^\d-][^-]*?)\d+")
"""The name of a file without its suffix, such as ``cat4-truck2``: shape and number, texture and number."""


@dataclass(frozen=True, eq=False)
class CueConflicts:
    """Images with two cues.

    Attributes:
        images: The images, labelled with the class of their shape.
        textures: The class of their texture, int64 (N,).
        notes: What was left out, each a sentence without its full stop.
    """

    images: ImageSet
    textures: np.ndarray
    notes: tuple[str, ...] = ()


def cue_conflict_folder(path: str, like: ImageSet) -> CueConflicts:
    """Read a folder of cue-conflict images (Geirhos et al. 2019), such as that of model-vs-human.

    Each image is cut to its largest centre square and resized (bicubic) to the size of given images. Images are left
    out if shape and texture are of one class, or if one of the two is no class of the given images (`matched`).

    Args:
        path: The folder; its subfolders are read too.
        like: The given images, whose size and classes count.

    Raises:
        DataError: There is no such folder, or no image of it can be used.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"{path}: there is no such folder")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    named = [(file, found) for file in files if (found := NAME.fullmatch(file.stem))]
    if not named:
        raise DataError(f"{path}: no image has a name like cat4-truck2.png: shape and number, texture and number")
    cues = [matched([found[cue].strip("_ ") for _, found in named], like.class_names) for cue in ("shape", "texture")]
    usable = [place for place, (shape, texture) in enumerate(zip(*cues, strict=True)) if None not in (shape, texture)]
    unknown = len(named) - len(usable)
    usable = [place for place in usable if cues[0][place] != cues[1][place]]
    if not usable:
        raise DataError(f"{path}: no image has shape and texture of two classes of the data")
    notes = []
    if unknown:
        notes.append(f"{unknown} of {len(named)} cue-conflict images are left out: the data lack one of their classes")
    shapes, textures = (np.array([cue[place] for place in usable], dtype=np.int64) for cue in cues)
    pixels = np.stack([_read(named[place][0], like.shape) for place in usable])
    images = ImageSet(torch.from_numpy(pixels), torch.from_numpy(shapes), like.class_names)
    return CueConflicts(reshaped(images, like, path), textures, tuple(notes))


def _read(file: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """Decode an image to uint8 (3, side, side)."""
    try:
        with Image.open(file) as image:
            cut = Cut(max(shape[1:]))(image.convert("RGB"))
    except Exception as error:  # Pillow raises errors of many kinds
        raise DataError(f"{file}: cannot be read as an image ({type(error).__name__})") from error
    return np.ascontiguousarray(np.asarray(cut).transpose(2, 0, 1))
