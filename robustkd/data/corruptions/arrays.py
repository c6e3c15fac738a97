"""Corrupted test images as CIFAR-10-C and CIFAR-100-C are released: one array for each corruption."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError, nearest

SEVERITIES = 5
LABELS = "labels"


class CorruptionArrays:
    """A folder of ``<corruption>.npy``, uint8 (5·N, H, W, C), severity 1 first, and ``labels.npy``; read as needed.

    Args:
        folder: Where they are.
        clean: The test images that were corrupted, N of them, in the same order.

    Raises:
        DataError: The folder, an array, or the labels are not those of these images.
    """

    def __init__(self, folder: Path | str, clean: ImageSet) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder; it should hold <corruption>.npy and {LABELS}.npy")
        self._clean = clean
        self.names = tuple(sorted(path.stem for path in self.folder.glob("*.npy") if path.stem != LABELS))
        if not self.names:
            raise DataError(f"{self.folder}: holds no corruption, such as fog.npy")
        labels, expected = self._load(LABELS).reshape(-1), clean.labels.cpu().numpy()
        if len(labels) not in (len(clean), SEVERITIES * len(clean)):
            raise DataError(
                f"{self.folder}: {LABELS}.npy holds {len(labels)} labels, the test set {len(clean)} images; look at "
                "the whole test set, and take a sample with the evaluation's option images"
            )
        if not np.array_equal(labels[: len(clean)], expected):
            raise DataError(f"{self.folder}: {LABELS}.npy is not in the order of the test set: other images?")

    def require(self, name: str) -> None:
        """Make sure that a corruption is there, one image for each test image and severity."""
        if name not in self.names:
            raise DataError(f"{self.folder}: has no {name}.npy: {nearest(name, self.names)}")
        channels, height, width = self._clean.shape
        found, expected = self._load(name), (SEVERITIES * len(self._clean), height, width, channels)
        if found.shape != expected or found.dtype != np.uint8:
            raise DataError(f"{self.folder / name}.npy: must be uint8 {expected}, is {found.dtype} {found.shape}")

    def read(self, name: str, severity: int, places: np.ndarray) -> Tensor:
        """Read the images at some places of the test set.

        Args:
            name: Of the corruption.
            severity: 1 to 5.
            places: int64 (B,).

        Returns:
            uint8 (B, C, H, W).
        """
        chosen = self._load(name)[(severity - 1) * len(self._clean) + places]
        return torch.from_numpy(np.ascontiguousarray(chosen.transpose(0, 3, 1, 2)))

    def _load(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not readable as an array ({error})") from error
