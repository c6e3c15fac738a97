"""`npz:PATH`: arrays `x_train, y_train, x_test, y_test`, as Keras stores them, or with MedMNIST's names.

Without the arrays of a training set, the data are for evaluation only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from robustkd.data.augmentation import Augmentation
from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS
from robustkd.errors import DataError, printable
from robustkd.regular_file import why_not_a_file

UINT8_MAX = 255
_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_TEST_ONLY = tuple(names[2:] for names in _NAMES)


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
        DataError: The file is missing or broken, lacks an array, or has labels out of range.
    """
    file = Path(path).expanduser()
    try:
        *images, classes = _read(file)
        labels = [_labels(each) for each in images[1::2]]
        names = _class_names(classes, labels)
        sets = [_image_set(pixels, part, names) for pixels, part in zip(images[::2], labels, strict=True)]
        return Dataset(
            name=printable(file.stem),
            train=sets[0] if len(sets) == 2 else None,
            test=sets[-1],
            augmentation=Augmentation(),
        )
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def _read(file: Path) -> list[np.ndarray]:
    """The four arrays, or those of the test set, and the class names, an empty array if the file has none."""
    if problem := why_not_a_file(file):
        raise DataError(problem)
    try:
        with np.load(file, allow_pickle=False) as archive:
            held = list(archive.files)
            names = next((names for names in (*_NAMES, *_TEST_ONLY) if _are_all(names, held)), None)
            arrays = [archive[name] for name in names or ()]
            classes = archive["classes"] if "classes" in held else np.array([])
    except Exception as error:  # on a damaged file zip, zlib and NumPy raise errors of many kinds
        problem = "it holds Python objects" if "allow_pickle" in str(error) else f"{error}"
        raise DataError(f"not a readable .npz of plain arrays ({problem})") from error
    if names is None:
        raise DataError(f"must have the arrays {', '.join(_NAMES[0])}, got {', '.join(sorted(held)) or 'none'}")
    return [*arrays, classes]


def _are_all(names: tuple[str, ...], held: list[str]) -> bool:
    """Whether the file has these arrays, and no others of their kind: half a training set is a mistake."""
    kind = next(known for known in _NAMES if names[-1] in known)
    return set(held) & set(kind) == set(names)


def _labels(labels: np.ndarray) -> np.ndarray:
    if not np.issubdtype(labels.dtype, np.integer):
        fix = ""
        if labels.dtype.kind in "bf" and np.isfinite(labels).all() and (labels == labels.round()).all():
            fix = '; convert them with labels.astype("int64")'
        elif labels.dtype.kind in "US":
            fix = "; number the classes from 0, and store their names in an array `classes`"
        raise DataError(f"labels must be integers, got {labels.dtype}{fix}")
    if labels.ndim == 2 and labels.shape[1] > 1 and ((labels == 0) | (labels == 1)).all():
        raise DataError(
            f"labels must be one number for each image, got an array of shape {labels.shape}; if it is one-hot, "
            "convert it with labels.argmax(axis=1)"
        )
    return labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _class_names(classes: np.ndarray, labels: Sequence[np.ndarray]) -> tuple[str, ...]:
    if classes.ndim != 1:
        raise DataError(f"classes must be one name for each class, got an array of shape {classes.shape}")
    if classes.size:
        return tuple(printable(name.decode() if isinstance(name, bytes) else str(name)) for name in classes.tolist())
    count = 1 + max((int(part.max()) for part in labels if part.size), default=0)
    if count > sum(part.size for part in labels):
        raise DataError(f"label {count - 1} is out of range: it implies more classes than there are images")
    return tuple(str(index) for index in range(count))


def _image_set(images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> ImageSet:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.dtype != np.uint8:
        raise DataError(
            f"images must be uint8, N×H×W×C, got {images.dtype} of shape {images.shape}{_conversion(images)}"
        )
    if images.shape[-1] not in (1, 3):
        fix = "; move them there with images.transpose(0, 2, 3, 1)" if images.shape[1] in (1, 3) else ""
        raise DataError(f"images must have 1 or 3 channels in their last axis, got shape {images.shape}{fix}")
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return ImageSet(pixels, torch.from_numpy(labels.astype(np.int64)), class_names)


def _conversion(images: np.ndarray) -> str:
    """How images of another type become uint8, where their values tell."""
    if images.ndim != 4 or images.size == 0 or images.dtype.kind not in "biuf":
        return ""
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind == "b" or (images.dtype.kind == "f" and low >= 0 and high <= 1):
        return '; convert them with (255 * images).round().astype("uint8")'
    if low >= 0 and high <= UINT8_MAX:
        return '; convert them with images.round().astype("uint8")'
    return f"; their values go from {low:g} to {high:g}: scale them to 0 to 255"
