"""Predictions of the members; each is computed once, even if several evaluations use it."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax

from robustkd.arithmetic import tensor_float32
from robustkd.atomic import atomic_path
from robustkd.progress import progress
from robustkd.results.kept_arrays import kept_arrays

if TYPE_CHECKING:
    import torch

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, PixelModel

BATCH_SIZE = 500

MEMORY = 1 << 30
"""The number of bytes of predictions that are held in memory; those used longest ago are forgotten first."""


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
    """Computes each member's predictions for a set of images once; keeps them on disk and, up to `MEMORY`, in memory.

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
        self._known: OrderedDict[tuple[int, str], tuple[Member, Predictions]] = OrderedDict()

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
            self._remember(member, images, self._stored(key) or self._compute(member, images, key))
        self._known.move_to_end(known)
        return self._known[known][1]

    def kept(
        self, name: str, members: Sequence[Member], settings: Any, compute: Callable[[], Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Return what a long evaluation computed of some members; it is on disk before the next ones are looked at.

        Args:
            name: The name of the evaluation.
            members: The members that the arrays are about.
            settings: All else that determines the arrays, as plain values: options, a version, digests of other images.
            compute: Computes the arrays; called if they are not on disk.

        Returns:
            The arrays by name.
        """
        content = [name, [member.digest for member in members], settings, self._data.test.digest]
        key = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
        path = None if self._folder is None else self._folder / f"{name}-{key[:16]}.npz"
        return kept_arrays(path, key, compute)

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
            self._remember(member, images, predictions)

    def _remember(self, member: Member, images: ImageSet, predictions: Predictions) -> None:
        self._known[id(member.model), images.digest] = member, predictions
        held = sum(_bytes(each) for _, each in self._known.values())
        while held > MEMORY and len(self._known) > 1:
            _, (_, forgotten) = self._known.popitem(last=False)
            held -= _bytes(forgotten)

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


def _bytes(predictions: Predictions) -> int:
    """The memory of logits in float32 and of their log-probabilities in float64."""
    return 3 * predictions.logits.nbytes


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
