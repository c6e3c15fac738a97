"""`torchvision/NAME`: the sets of torchvision that classify images."""

import contextlib
import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from robustkd.data.augmentation import CIFAR_AUGMENTATION, Augmentation
from robustkd.data.dataset import Dataset
from robustkd.data.downloading import download_timeout
from robustkd.data.encoded.assembling import assembled
from robustkd.data.encoded.options import ImageOptions, split_options
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS, data_places
from robustkd.data.sources.torchvision_sets.items import class_names, part, stacked, takes_loader
from robustkd.data.sources.torchvision_sets.sets import SETS, KnownSet
from robustkd.errors import DataError, nearest, printable


@dataclass(frozen=True)
class TorchvisionOptions(ImageOptions):
    """The options of the sets of torchvision.

    Attributes:
        variant: The variant of a set that has several: ``split`` of EMNIST, ``annotation_level`` of FGVCAircraft,
            ``size`` of Imagenette.
        download: ``yes`` to let torchvision download what is not there.
    """

    variant: str | None = None
    download: Literal["no", "yes"] = "no"


@DATASETS.register("torchvision/")
def load_torchvision(path: str, root: Path | None = None) -> Dataset:
    """Load a set of torchvision by the name of its class, as in ``torchvision/SVHN``.

    Each place (`root`, ``$ROBUSTKD_DATA``, the cache directory) is searched for the files as torchvision has them below
    its own ``root``. Nothing is downloaded without ``@download=yes``, as in ``torchvision/MNIST@download=yes``, which
    puts them into the first of these places. A set without test images, such as EuroSAT, is for evaluation only; so is
    PCAM.

    Photographs are read from disk when they are needed, with the options of ``folder:PATH``; small images of one size
    are held in memory. ``@variant=`` chooses between the variants of EMNIST, FGVCAircraft and Imagenette.

    Args:
        path: The name of the class in upper or lower case, with or without options.
        root: The first place to search.

    Returns:
        The data set.

    Raises:
        DataError: torchvision has no such set, or its files are in none of the places.
    """
    given, options = split_options(path, TorchvisionOptions)
    name = next((each for each in SETS if each.lower() == given.lower()), "")
    if not name:
        raise DataError(f"torchvision/{given}: no such set of classified images: {nearest(given, SETS)}")
    known = SETS[name]
    if options.variant is not None and known.variant is None:
        several = ", ".join(each for each, found in SETS.items() if found.variant)
        raise DataError(f"torchvision/{name}: has no variants; those that have: {several}")
    if known.small and (unfit := _for_files(options)):
        raise DataError(f"torchvision/{name}: its images are arrays of one size, which {unfit} does not apply to")
    train, test = _found(name, known, options, root)
    return _in_memory(name, train, test) if known.small else _lazy(name, train, test, options)


def _found(name: str, known: KnownSet, options: TorchvisionOptions, root: Path | None) -> tuple[Any, Any]:
    """The training set, None if there is none, and the test set, as torchvision gives them."""
    places, reasons = data_places(root), list[str]()
    here = [place for place in places if place.is_dir() and (place / known.folder).is_dir()]
    for place in here:
        try:
            return _made(name, known, options, place)
        except Exception as error:  # what torchvision raises for missing or damaged files differs from set to set
            reasons.append(_first_line(error))
    if options.download == "yes":
        try:
            with download_timeout():
                return _made(name, known, options, places[0], download=True)
        except Exception as error:  # there are as many ways to fail, and sets that it cannot download
            raise DataError(
                f"torchvision/{name}: cannot be downloaded to {places[0]} ({_first_line(error)})"
            ) from error
    why = f" (torchvision: {reasons[0]})" if reasons else ""
    raise DataError(
        f"torchvision/{name}: not found in {', '.join(map(str, places))}{why}: name the folder with --data-root or "
        f"$ROBUSTKD_DATA, or download it with torchvision/{name}@download=yes"
    )


def _made(name: str, known: KnownSet, options: TorchvisionOptions, place: Path, download: bool = False) -> Any:
    from torchvision import datasets

    kind = getattr(datasets, name)
    given = dict(known.fixed)
    if known.variant is not None:
        argument, default = known.variant
        given[argument] = options.variant or default
    if download or name == "SEMEION":  # which downloads by default
        given["download"] = download
    if not known.small and takes_loader(kind):
        given["loader"] = Path
    with contextlib.redirect_stdout(io.StringIO()):
        train = kind(str(place), **known.train, **given) if known.train is not None else None
        return train, kind(str(place), **known.test, **given)


def _for_files(options: ImageOptions) -> str:
    """The option that only files have, if one is given; none of the arrays is broken."""
    given = [each for each in fields(ImageOptions) if getattr(options, each.name) != each.default]
    return next((f"@{each.name}" for each in given if each.name != "broken"), "")


def _in_memory(name: str, train: Any, test: Any) -> Dataset:
    parts = [stacked(each) for each in (train, test) if each is not None]
    names = class_names(test, [label for _, labels in parts for label in labels.tolist()])
    sets = [ImageSet(pixels, labels, names) for pixels, labels in parts]
    augmentation = CIFAR_AUGMENTATION if name.startswith("CIFAR") else Augmentation()
    return Dataset(_called(name), sets[0] if train is not None else None, sets[-1], augmentation)


def _lazy(name: str, train: Any, test: Any, options: ImageOptions) -> Dataset:
    paths = takes_loader(type(test))
    learned = part(train, paths=paths) if train is not None else None
    judged = part(test, paths=paths)
    names = class_names(test, [*(learned.labels if learned else ()), *judged.labels])
    return assembled(_called(name), learned, judged, names, options)


def _called(name: str) -> str:
    return printable(name.lower())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
