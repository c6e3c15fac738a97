"""Predictions of the members; each is computed once, even if several evaluations use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax

from robustkd.arithmetic import tensor_float32
from robustkd.atomic import atomic_path
from robustkd.progress import progress

if TYPE_CHECKING:
    import torch

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, PixelModel

BATCH_SIZE = 500


@dataclass(frozen=True, eq=False)
class Predictions:
    """The logits of a model for a set of images.

    Attributes:
        logits: The logits, float32 (N, K).
        labels: The labels of the images, int64 (N,).
    """

    logits: np.ndarray
    labels: np.ndarray

    @cached_property
    def log_probabilities(self) -> np.ndarray:
        """Log-softmax of the logits, float64 (N, K)."""
        return np.asarray(log_softmax(self.logits.astype(np.float64), axis=1))

    @cached_property
    def predicted(self) -> np.ndarray:
        """The class with the largest logit, int64 (N,)."""
        return self.logits.argmax(axis=1)

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether that class is the label, bool (N,)."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def nll(self) -> np.ndarray:
        """The negative log-likelihood of each image, −log p(label) in nats, float64 (N,)."""
        return -self.log_probabilities[np.arange(len(self.labels)), self.labels]


class PredictionCache:
    """Computes each member's predictions for a set of images once, and keeps them in memory and on disk.

    Args:
        data: The data set whose test images are predicted unless others are given.
        device: The device to compute on.
        folder: The folder to keep predictions in; None for memory only. A file is named after the hashes of model and
            data.
    """

    def __init__(self, data: Dataset, device: torch.device | str = "cpu", folder: Path | None = None) -> None:
        self._data = data
        self._device = device
        self._folder = folder
        self._known: dict[tuple[int, str], tuple[Member, Predictions]] = {}

    def __call__(self, member: Member, images: ImageSet | None = None) -> Predictions:
        """Return a member's predictions.

        Args:
            member: The member.
            images: The images; the test images if None.

        Returns:
            The predictions, with the labels of these images.
        """
        images = self._data.test if images is None else images
        # in memory a network is the object that it is; on disk it is known by its digest
        known = id(member.model), images.digest
        if known not in self._known:
            key = member.digest, images.digest
            self._known[known] = member, self._stored(key) or self._compute(member, images, key)
        return self._known[known][1]

    def together(self, members: Sequence[Member]) -> None:
        """Predict the test images for several members at once, where reading the images is not free.

        Args:
            members: The members. For images in memory nothing is done.
        """
        import torch

        images = self._data.test
        if isinstance(images.images, torch.Tensor):
            return
        left = [each for each in members if (id(each.model), images.digest) not in self._known]
        left = [each for each in left if self._stored((each.digest, images.digest)) is None]
        if len(left) < 2:
            return
        with progress(f"predict {len(left)} networks", len(images)) as advance:
            found = predict_all([each.model for each in left], images, self._device, advance)
        for member, predictions in zip(left, found, strict=True):
            self._keep(predictions, (member.digest, images.digest))
            self._known[id(member.model), images.digest] = member, predictions

    def _path(self, key: tuple[str, str]) -> Path | None:
        return None if self._folder is None else self._folder / f"{key[0][:16]}-{key[1][:16]}.npz"

    def _stored(self, key: tuple[str, str]) -> Predictions | None:
        path = self._path(key)
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                return Predictions(archive["logits"], archive["labels"])
        except Exception:  # damaged in any way: computed again and replaced
            return None

    def _compute(self, member: Member, images: ImageSet, key: tuple[str, str]) -> Predictions:
        with progress(f"predict {member.name}", len(images)) as advance:
            predictions = predict(member.model, images, self._device, advance)
        self._keep(predictions, key)
        return predictions

    def _keep(self, predictions: Predictions, key: tuple[str, str]) -> None:
        if (path := self._path(key)) is not None:
            with atomic_path(path) as partial, open(partial, "wb") as file:
                np.savez(file, logits=predictions.logits, labels=predictions.labels)


def predict(
    model: PixelModel,
    images: ImageSet,
    device: torch.device | str = "cpu",
    advance: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Run a model over images in evaluation mode.

    Args:
        model: The model; its mode is restored.
        images: The images.
        device: The device to compute on; the model is moved there.
        advance: Called with the number of images after each batch.

    Returns:
        The logits.
    """
    return predict_all([model], images, device, advance)[0]


def predict_all(
    models: Sequence[PixelModel],
    images: ImageSet,
    device: torch.device | str = "cpu",
    advance: Callable[[int], None] = lambda count: None,
) -> list[Predictions]:
    """Run several models over images in evaluation mode; each image is read once.

    Args:
        models: The models; their modes are restored.
        images: The images.
        device: The device to compute on; the models are moved there.
        advance: Called with the number of images after each batch.

    Returns:
        The logits of each model.
    """
    import torch

    from robustkd.models.batch_size import images_at_once

    training = [model.training for model in models]
    for model in models:
        model.to(device).eval()
    logits: list[list[torch.Tensor]] = [[] for _ in models]
    # inference mode would make tensors that a network keeps useless for attacks
    with tensor_float32(False), torch.no_grad():
        for pixels in images.pixel_batches(images_at_once(BATCH_SIZE, images.shape, device), device):
            for model, seen in zip(models, logits, strict=True):
                seen.append(model(pixels).float())
            advance(len(pixels))
    for model, mode in zip(models, training, strict=True):
        model.train(mode)
    labels = images.labels.cpu().numpy()
    return [Predictions(torch.cat(seen).cpu().numpy(), labels) for seen in logits]
