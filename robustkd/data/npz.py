"""`npz:PATH`: arrays `x_train, y_train, x_test, y_test`, as Keras keeps them; MedMNIST's names are read too."""

import zipfile
from pathlib import Path

import numpy as np
import torch

from robustkd.data.augmentation import Augmentation
from robustkd.data.image_set import Dataset, ImageSet
from robustkd.data.loading import DATASETS
from robustkd.errors import DataError

_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)


@DATASETS.register("npz:")
def load_npz(path: str, root: Path | None = None) -> Dataset:
    """Load arrays from an ``.npz`` file.

    Images are uint8, N×H×W×C or N×H×W; labels are integers, (N,) or (N, 1); an array ``classes`` may name the
    classes. Nothing in the file is unpickled.

    Args:
        path: The file.
        root: Not used.

    Returns:
        The data set, without augmentation.

    Raises:
        DataError: The file is missing or broken, lacks an array, or holds labels out of range.
    """
    file = Path(path).expanduser()
    arrays = _read(file)
    names = next((names for names in _NAMES if all(name in arrays for name in names)), None)
    if names is None:
        raise DataError(f"{file}: needs the arrays {', '.join(_NAMES[0])}, holds {', '.join(sorted(arrays)) or 'none'}")
    x_train, y_train, x_test, y_test = (arrays[name] for name in names)
    if "classes" in arrays:
        class_names = tuple(str(name) for name in arrays["classes"])
    else:
        count = 1 + max((int(labels.max()) for labels in (y_train, y_test) if labels.size), default=0)
        class_names = tuple(str(index) for index in range(count))
    try:
        return Dataset(
            name=file.stem,
            train=_image_set(x_train, y_train, class_names),
            test=_image_set(x_test, y_test, class_names),
            augmentation=Augmentation(),
        )
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def _read(file: Path) -> dict[str, np.ndarray]:
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if not name.startswith("exact_")}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"{file}: not a readable .npz of plain arrays ({error})") from error


def _image_set(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> ImageSet:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.dtype != np.uint8:
        raise DataError(f"images must be uint8, N×H×W×C, got {images.dtype} of shape {images.shape}")
    if images.shape[-1] not in (1, 3):
        raise DataError(f"images must have 1 or 3 channels in their last axis, got shape {images.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels must be integers, got {labels.dtype}")
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return ImageSet(pixels, torch.from_numpy(labels.astype(np.int64)), class_names)
