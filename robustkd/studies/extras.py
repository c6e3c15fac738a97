"""The images without labels that recipes of a study show beside the training set; each set is loaded once."""

import hashlib
from pathlib import Path

from torch import Tensor

from robustkd.data import Dataset
from robustkd.data.distillation_data import ExtraImages
from robustkd.data.extra_images import extra_images
from robustkd.errors import DataError


class Extras:
    """Extra images, loaded when they are first asked for.

    Args:
        data: The data of the study.
        root: The folder of the data sets.
        required: Whether a set that is not on this machine is an error; for a plan it is not.
    """

    def __init__(self, data: Dataset, root: Path | None = None, *, required: bool = True) -> None:
        self._data = data
        self._root = root
        self._required = required
        self._loaded: dict[ExtraImages, Tensor] = {}

    def images(self, extra: ExtraImages) -> Tensor:
        """Return images, uint8 (M, C, H, W).

        Args:
            extra: Which.

        Raises:
            DataError: They are not on this machine, or too few.
        """
        if extra not in self._loaded:
            self._loaded[extra] = extra_images(extra, self._data.training, self._root)
        return self._loaded[extra]

    def digest(self, extra: ExtraImages) -> str:
        """Return SHA-256 of images; ``absent`` for a plan of images that are not on this machine.

        Args:
            extra: Which.
        """
        try:
            return hashlib.sha256(self.images(extra).numpy().tobytes()).hexdigest()
        except DataError:
            if self._required:
                raise
            return "absent"
