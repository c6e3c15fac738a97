"""Corrupted test images in the format of CIFAR-10-C and CIFAR-100-C: one array for each corruption."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError, nearest
from robustkd.regular_file import why_not_a_file

SEVERITIES = 5
LABELS = "labels"


class CorruptionArrays:
    """A folder of ``<corruption>.npy``, uint8 (5·N, H, W, C), severity 1 first, and ``labels.npy``; read as needed.

    Args:
        folder: The folder of the arrays.
        clean: The N test images that were corrupted, in the same order.

    Raises:
        DataError: The folder does not exist or is empty, or the arrays do not belong to these images.
    """

    def __init__(self, folder: Path | str, clean: ImageSet) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder; give one that holds <corruption>.npy and {LABELS}.npy")
        self._clean = clean
        self.names = tuple(sorted(path.stem for path in self.folder.glob("*.npy") if path.stem != LABELS))
        if not self.names:
            raise DataError(f"{self.folder}: holds no corrupted images, such as fog.npy; give the folder that does")
        labels, expected = self._load(LABELS).reshape(-1), clean.labels.cpu().numpy()
        if len(labels) not in (len(clean), SEVERITIES * len(clean)):
            raise DataError(
                f"{self.folder}: {LABELS}.npy has {len(labels)} labels, but the test set has {len(clean)} images; use "
                "the whole test set, and sample from it with the evaluation's option `images`"
            )
        if not np.array_equal(labels[: len(clean)], expected):
            raise DataError(
                f"{self.folder}: {LABELS}.npy is not in the order of the test set; give the arrays that were made from "
                "these images"
            )

    def require(self, name: str) -> None:
        """Check that a corruption is there, with one image for each test image and severity.

        Args:
            name: The corruption.

        Raises:
            DataError: There is no such array, or it has another shape or type.
        """
        if name not in self.names:
            raise DataError(f"{self.folder}: has no {name}.npy: {nearest(name, self.names)}")
        channels, height, width = self._clean.shape
        found, expected = self._load(name), (SEVERITIES * len(self._clean), height, width, channels)
        if found.shape != expected or found.dtype != np.uint8:
            raise DataError(f"{self.folder / name}.npy: must be uint8 {expected}, got {found.dtype} {found.shape}")

    def read(self, name: str, severity: int, places: np.ndarray) -> Tensor:
        """Read some of the corrupted images.

        Args:
            name: The corruption.
            severity: The severity, 1 to 5.
            places: The indices of the images in the test set, int64 (B,).

        Returns:
            The images, uint8 (B, C, H, W).
        """
        chosen = self._load(name)[(severity - 1) * len(self._clean) + places]
        return torch.from_numpy(np.ascontiguousarray(chosen.transpose(0, 3, 1, 2)))

    def _load(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        if problem := why_not_a_file(path):
            raise DataError(f"{path}: not readable as an array ({problem})")
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not readable as an array ({error})") from error
