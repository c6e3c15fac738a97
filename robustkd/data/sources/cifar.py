"""`cifar10` and `cifar100`: the official files through torchvision, or a `cifar10.npz` / `cifar100.npz`."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from robustkd.cache_directory import cache_directory
from robustkd.data.augmentation import CIFAR_AUGMENTATION
from robustkd.data.dataset import Dataset
from robustkd.data.downloading import download_timeout
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS, data_places
from robustkd.data.sources.npz import load_npz
from robustkd.errors import DataError


@DATASETS.register("cifar10")
def load_cifar10(path: str = "", root: Path | None = None) -> Dataset:
    """Load CIFAR-10: 50,000 training and 10,000 test photographs of ten classes, 3×32×32.

    Each place (`root`, ``$ROBUSTKD_DATA``, the cache directory) is searched for ``cifar10.npz`` and for the official
    files, whose checksums torchvision verifies. If none is found, torchvision downloads them to the cache directory.

    Args:
        path: Not used.
        root: The first place to search.

    Returns:
        The data set, with the crops and flips of the papers.

    Raises:
        DataError: The data set is in none of these places and cannot be downloaded.
    """
    return _cifar("cifar10", root)


@DATASETS.register("cifar100")
def load_cifar100(path: str = "", root: Path | None = None) -> Dataset:
    """Load CIFAR-100: 50,000 training and 10,000 test photographs of a hundred classes, 3×32×32.

    The search for the files is that of `load_cifar10`.

    Args:
        path: Not used.
        root: The first place to search.

    Returns:
        The data set, with the crops and flips of the papers.

    Raises:
        DataError: The data set is in none of these places and cannot be downloaded.
    """
    return _cifar("cifar100", root)


def _cifar(name: str, root: Path | None) -> Dataset:
    places = data_places(root)
    for place in places:
        if (archive := place / f"{name}.npz").is_file():
            return replace(load_npz(str(archive)), name=name, augmentation=CIFAR_AUGMENTATION)
        with contextlib.suppress(RuntimeError):  # torchvision: absent, or a wrong checksum
            return _official(name, place, download=False)
    try:
        with download_timeout():
            return _official(name, cache_directory(), download=True)
    except (OSError, RuntimeError) as error:
        official = "cifar-10-batches-py" if name == "cifar10" else "cifar-100-python"
        searched = ["--data-root", "$ROBUSTKD_DATA", f"the cache directory ({cache_directory()})"]
        raise DataError(
            f"{name} was not found and could not be downloaded ({error}): put {name}.npz or {official}/ into "
            f"{', '.join(searched[:-1])} or {searched[-1]}; searched {', '.join(map(str, places))}"
        ) from error


def _official(name: str, place: Path, download: bool) -> Dataset:
    from torchvision import datasets

    dataset = datasets.CIFAR10 if name == "cifar10" else datasets.CIFAR100
    with contextlib.redirect_stdout(io.StringIO()):
        train, test = (dataset(str(place), train=train, download=download) for train in (True, False))
    return Dataset(name, _image_set(train), _image_set(test), CIFAR_AUGMENTATION)


def _image_set(official: Any) -> ImageSet:
    images = torch.from_numpy(official.data).permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor(official.targets, dtype=torch.int64)
    return ImageSet(images, labels, tuple(official.classes))
