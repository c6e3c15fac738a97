"""Images without labels that a training shows beside its training set."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal, localcontext
from pathlib import Path

import torch
from torch import Tensor

from robustkd.data.distillation_data import FOLDER, NOISE, ExtraImages
from robustkd.data.encoded.decoding import Decoding
from robustkd.data.encoded.geometry import Cut
from robustkd.data.encoded.headers import read_headers, refuse_broken
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import load_dataset
from robustkd.data.other_sets import reshaped
from robustkd.data.sources.folder.files import find_images
from robustkd.errors import DataError, printable

NOISE_SEED = 0
"""The seed of noise images, which are the same for all networks."""


def extra_images(extra: ExtraImages, train: ImageSet, root: Path | None = None) -> Tensor:
    """Load images without labels in the form of a training set.

    Where there are more than asked for, they are taken at equal distances in the order of the set. Images of another
    size are resized, colours become brightness where the training set is grey.

    Args:
        extra: What is asked for.
        train: The training set.
        root: The folder of the data sets.

    Returns:
        uint8 (M, C, H, W), M = round(ratio · N).

    Raises:
        DataError: There is no such set or folder, or it has too few images.
    """
    count = max(1, round(extra.ratio * len(train)))
    if extra.data == NOISE:
        generator = torch.Generator().manual_seed(NOISE_SEED)
        return torch.randint(256, (count, *train.shape), generator=generator, dtype=torch.uint8)
    if extra.data.startswith(FOLDER):
        images = _in_folder(Path(extra.data.removeprefix(FOLDER)).expanduser(), train, count)
    else:
        loaded = load_dataset(extra.data, root)
        images = loaded.train if loaded.train is not None else loaded.test
    if len(images) < count:
        raise DataError(
            f"extra {extra.data}: has {len(images)} images, and a ratio of {extra.ratio:g} asks for {count}: the "
            f"largest ratio is {_largest_ratio(len(images), len(train)):g}"
        )
    if images.shape != train.shape:
        _tell(extra.data, f"images of {_size(images.shape)} become images of {_size(train.shape)}")
    chosen = images.subset(_evenly(len(images), count))
    return reshaped(chosen, train, extra.data).read(torch.arange(count)).cpu()


def _largest_ratio(held: int, count: int) -> float:
    """The ratio of two numbers with three digits; rounded down, so that there are enough images for it."""
    with localcontext(prec=3, rounding=ROUND_DOWN):
        return float(Decimal(held) / count)


def _evenly(held: int, count: int) -> Tensor:
    """So many of the places from 0 to `held` − 1, at equal distances."""
    return torch.arange(count) * held // count


def _tell(name: str, what: str) -> None:
    print(printable(f"extra {name}: {what}"), file=sys.stderr, flush=True)


def _size(shape: Iterable[int]) -> str:
    return "×".join(map(str, shape))


def _in_folder(folder: Path, train: ImageSet, count: int) -> ImageSet:
    files = find_images(folder).images
    if not files:
        raise DataError(f"extra {FOLDER}{folder}: there are no images")
    if len(files) > count:
        files = tuple(files[index] for index in _evenly(len(files), count).tolist())
    headers = read_headers(files)
    refuse_broken([each for each in headers if isinstance(each, DataError)], len(files))
    found = [each for each in headers if not isinstance(each, DataError)]
    side = max(train.shape[1:])
    others = sum(each.size != (side, side) for each in found)
    if others:
        _tell(f"{FOLDER}{folder}", f"{others} of {len(files)} images are cut and resized to {side}×{side}")
    decode = Decoding(geometry=Cut(side), exif="apply")
    pixels = torch.stack([decode(file, each.orientation) for file, each in zip(files, found, strict=True)])
    return ImageSet(pixels, torch.zeros(len(files), dtype=torch.int64), ("without label",))
