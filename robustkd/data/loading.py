"""Load any data set by its name."""

import os
from pathlib import Path

from robustkd.cache_directory import cache_directory
from robustkd.data.dataset import Dataset, Loader
from robustkd.dataset_name import parse_dataset_name
from robustkd.registry import Registry

DATASETS: Registry[Loader] = Registry("data set", "robustkd.data.sources")
"""Loaders by name; one that ends in a colon or a slash takes what follows it."""


WITH_FILES = ("folder:", "hf:", "torchvision/", "webdataset:")
"""The sources of single files, which may be broken; those of others are arrays."""


def load_dataset(name: str, root: Path | str | None = None, *, skip_broken: bool = False) -> Dataset:
    """Load a data set by name.

    Args:
        name: ``digits``, ``cifar10``, ``cifar100``, ``torchvision/NAME``, ``npz:PATH``, ``folder:PATH``, …: all that
            ``robustkd list datasets`` lists. Options follow a path or a name, as in ``folder:PATH@224``.
        root: The directory of the data sets; by default ``$ROBUSTKD_DATA``, then the user's cache directory.
        skip_broken: Whether image files that cannot be used are left out and counted, as with the option
            ``@broken=skip``.

    Returns:
        The data set, on the CPU.

    Raises:
        DataError: There is no such data set, or it is damaged; the message says how to fix it.

    >>> import robustkd as rk
    >>> data = rk.load_dataset("digits")
    >>> len(data.training), len(data.test), data.num_classes
    (1297, 500, 10)
    """
    kind, path = parse_dataset_name(name, DATASETS.names())
    if skip_broken and kind in WITH_FILES and "@broken=" not in path:
        path += "@broken=skip"
    return DATASETS[kind](path=path, root=Path(root) if root is not None else None)


def data_places(root: Path | None) -> list[Path]:
    """Return the directories that are searched for a data set, in order."""
    given = [root, os.environ.get("ROBUSTKD_DATA")]
    return [Path(place).expanduser() for place in given if place] + [cache_directory()]
