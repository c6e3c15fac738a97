"""With which normalisation, order of channels and order of classes a network is right most often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from robustkd.errors import ModelError
from robustkd.models.channel_order import ChannelOrder
from robustkd.models.pixel_model import PixelModel
from robustkd.statistics.significance import mcnemar
from robustkd.validity.label_order import FAR, SURE, best_order

if TYPE_CHECKING:
    from robustkd.data import ImageSet

BATCH = 50

DIFFERENT = 0.05
"""The p-value below which settings differ by more than chance explains."""

USUAL: tuple[tuple[str, Sequence[float] | None, Sequence[float] | None], ...] = (
    ("none", None, None),
    ("0.5 and 0.5", (0.5,), (0.5,)),
    ("CIFAR-10", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ("CIFAR-100", (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    ("ImageNet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("0 to 255", (0.0,), (1 / 255,)),
    ("0 to 255, minus ImageNet's mean", (0.485, 0.456, 0.406), (1 / 255,) * 3),
)
"""Names, means and standard deviations of the usual normalisations, red first."""


@dataclass(frozen=True)
class Setting:
    """What a network does with the pixels.

    Attributes:
        name: The name of the normalisation.
        mean: The mean, in the order of the channels; None for none.
        std: The standard deviation.
        channel_order: The order of the channels.
    """

    name: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    channel_order: ChannelOrder

    def same_as(self, other: Setting) -> bool:
        """Whether both do the same with the pixels."""
        return self.channel_order == other.channel_order and self.scales_as(other)

    def scales_as(self, other: Setting) -> bool:
        """Whether both have the same mean and standard deviation."""
        pairs = ((self.mean or (0.0,), other.mean or (0.0,)), (self.std or (1.0,), other.std or (1.0,)))
        return all(np.allclose(np.resize(one, 3), np.resize(another, 3), atol=1e-4) for one, another in pairs)


@dataclass(frozen=True, eq=False)
class Trial:
    """A network with one setting.

    Attributes:
        setting: The setting.
        logits: Its logits, float32 (N, M), for M outputs.
        labels: The labels, int64 (N,).
        num_classes: The number of classes of the data, K.
    """

    setting: Setting
    logits: np.ndarray
    labels: np.ndarray
    num_classes: int

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether it is right on each image if its outputs are the classes in the order of the data, bool (N,)."""
        return np.asarray(self.logits.argmax(axis=1) == self.labels)

    @cached_property
    def correct_in_best_order(self) -> np.ndarray:
        """Whether it is right on each image with the outputs that fit the other half of the images, bool (N,).

        The outputs that a half is judged with are found on the other one, so that chance does not count.
        """
        first = np.random.default_rng(0).random(len(self.labels)) < 0.5
        right = np.zeros(len(self.labels), dtype=bool)
        for half in (first, ~first):
            chosen = self._fitting(half)
            right[~half] = self.logits[~half][:, chosen].argmax(axis=1) == self.labels[~half]
        return right

    @cached_property
    def order(self) -> list[int]:
        """The output that most likely means each class, K of them, by all images."""
        return [int(output) for output in self._fitting(np.ones(len(self.labels), dtype=bool))]

    @cached_property
    def permuted(self) -> bool:
        """Whether other outputs than those in the order of the data are far better, and not by chance.

        Where there are more outputs than classes, the order of the data says nothing of them.
        """
        if self.logits.shape[1] > self.num_classes:
            return True
        gain = self.correct_in_best_order.mean() - self.correct.mean()
        return bool(gain >= FAR and mcnemar(self.correct, self.correct_in_best_order) < SURE)

    @property
    def best(self) -> np.ndarray:
        """Whether it is right on each image in the better order, bool (N,)."""
        return self.correct_in_best_order if self.permuted else self.correct

    def _fitting(self, images: np.ndarray) -> np.ndarray:
        return best_order(
            self.logits[images].argmax(axis=1), self.labels[images], self.num_classes, self.logits.shape[1]
        )


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A network with the usual settings.

    Attributes:
        given: The network as it was given.
        others: With other settings, the most accurate first.
        expected: The name of the normalisation that is chosen among equals; empty if there is none.
    """

    given: Trial
    others: tuple[Trial, ...]
    expected: str = ""

    @property
    def fits(self) -> Trial:
        """What fits best: the settings as given, unless others are better by more than chance explains."""
        first = self.others[0]
        p_value = mcnemar(first.best, self.given.best) * len(self.others)  # the best of many
        if first.best.mean() <= self.given.best.mean() or p_value >= DIFFERENT:
            return self.given
        equal = self._as_accurate_as(first)
        return next((trial for trial in equal if trial.setting.name == self.expected), first)

    @property
    def as_good(self) -> tuple[Trial, ...]:
        """Other settings that these images cannot tell from the one that fits best."""
        if self.fits is self.given:
            return ()
        return tuple(trial for trial in self._as_accurate_as(self.others[0]) if trial is not self.fits)

    def _as_accurate_as(self, first: Trial) -> list[Trial]:
        return [trial for trial in self.others if mcnemar(first.best, trial.best) >= DIFFERENT]


def settings_for(channels: int) -> list[Setting]:
    """Return the usual settings of a network for images of some channels.

    Args:
        channels: The number of channels; only three are in an order of colours.
    """
    found = []
    orders: tuple[ChannelOrder, ...] = ("rgb", "bgr") if channels == 3 else ("rgb",)
    for order in orders:
        for name, mean, std in USUAL:
            if all(values is None or len(values) in (1, channels) for values in (mean, std)):
                found.append(Setting(name, _in_order(mean, order), _in_order(std, order), order))
    return found


def diagnose(
    model: PixelModel,
    images: ImageSet,
    device: torch.device,
    expected: str = "",
    advance: Callable[[int], None] = lambda count: None,
) -> Diagnosis:
    """Try a network with the usual normalisations and orders of channels.

    Args:
        model: The network, in evaluation mode.
        images: Labelled images.
        device: The device that computes.
        expected: The name of the normalisation that is chosen among equals.
        advance: Called with 1 after each setting.

    Raises:
        ModelError: The network fails, or has fewer outputs than there are classes.
    """
    model = model.to(device)
    mean, std = (tuple(values.flatten().tolist()) if model.normalises else None for values in (model.mean, model.std))
    given = Setting("as given", mean, std, model.channel_order)
    tried = []
    for setting in (given, *(each for each in settings_for(images.shape[0]) if not each.same_as(given))):
        changed = model.normalised_by(setting.mean, setting.std, setting.channel_order)
        logits = _logits(changed, images, device)
        if logits.shape[1] < len(images.class_names):
            raise ModelError(f"has {logits.shape[1]} outputs, but the data has {len(images.class_names)} classes")
        tried.append(Trial(setting, logits, images.labels.cpu().numpy(), len(images.class_names)))
        advance(1)
    others = sorted(tried[1:], key=lambda trial: float(trial.best.mean()), reverse=True)
    return Diagnosis(tried[0], tuple(others), expected)


def _in_order(values: Sequence[float] | None, order: ChannelOrder) -> tuple[float, ...] | None:
    if values is None:
        return None
    return tuple(values) if order == "rgb" else tuple(reversed(values))


def _logits(model: PixelModel, images: ImageSet, device: torch.device) -> np.ndarray:
    def batches() -> Iterable[torch.Tensor]:
        for start in range(0, len(images), BATCH):
            yield model(images.pixels(start, min(start + BATCH, len(images))).to(device)).float().cpu()

    try:
        with torch.no_grad():
            logits = torch.cat(list(batches())).numpy()
    except ModelError:
        raise
    except Exception as error:  # a network may fail in any way
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ModelError(f"fails: {type(error).__name__}: {reason}") from error
    return np.nan_to_num(logits, nan=-1e30, posinf=1e30, neginf=-1e30)
