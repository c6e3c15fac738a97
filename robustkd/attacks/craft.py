"""Adversarial examples of a batch, made by torchattacks, the same whatever the batch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

from robustkd.attacks.attack import STANDARDISED, Attack
from robustkd.errors import EvaluationError

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.models import PixelModel

_PASS_OVER_MISTAKES = ("APGD", "APGDT", "AutoAttack", "FAB", "Square")


def craft(
    attack: Attack, source: PixelModel, pixels: Tensor, labels: Tensor, images: list[int], seed: int, classes: int
) -> Tensor:
    """Make the adversarial examples of a batch.

    Args:
        attack: Which.
        source: The network to attack, in evaluation mode.
        pixels: float32 (B, C, H, W) in [0, 1].
        labels: int64 (B,).
        images: Where each image stands in its data set.
        seed: Of all random draws.
        classes: How many there are.

    Returns:
        The examples, float32 (B, C, H, W).

    Raises:
        EvaluationError: The attack cannot be made on such images.
    """
    import torch
    import torchattacks

    from robustkd.attacks.standardised import StandardisedLogits
    from robustkd.data.image_random import DrawnImageByImage, image_generators

    if attack.name in _PASS_OVER_MISTAKES:
        with torch.no_grad():  # an inference tensor could not select what gradients flow through
            tried = source(pixels).argmax(1) == labels
    else:
        tried = torch.ones_like(labels, dtype=torch.bool)
    examples = pixels.clone()
    if not tried.any():
        return examples
    chosen = [image for image, taken in zip(images, tried.tolist(), strict=True) if taken]
    model = StandardisedLogits(source) if attack.logits == STANDARDISED else source
    settings = dict(attack.parameters)
    taken_by = inspect.signature(getattr(torchattacks, attack.name)).parameters
    # AutoAttack and Square would otherwise be seeded by the clock, the targeted ones count ten classes
    settings |= {key: value for key, value in {"seed": seed, "n_classes": classes}.items() if key in taken_by}
    generators = image_generators(seed, chosen)
    with (
        redirect_stdout(StringIO()),
        _own_random_state(pixels, seed + chosen[0]),
        DrawnImageByImage(generators),
        torch.enable_grad(),
    ):
        try:
            found = getattr(torchattacks, attack.name)(model, **settings)(pixels[tried], labels[tried])
        except torch.cuda.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            shape = "×".join(map(str, pixels.shape[1:]))
            raise EvaluationError(f"{attack.name} cannot attack images of {shape}: {reason}") from error
    examples[tried] = found.detach()
    return examples


@contextmanager
def _own_random_state(pixels: Tensor, seed: int) -> Iterator[None]:
    import torch

    with torch.random.fork_rng(devices=[pixels.device] if pixels.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def largest_change(attack: Attack, examples: Tensor, pixels: Tensor) -> float:
    """Measure the largest change of an image in the attack's own norm; in L∞ for one that has none."""
    change = (examples - pixels).flatten(1)
    return float(change.norm(dim=1).max() if attack.norm == "L2" else change.abs().max())


def zero_gradients(source: PixelModel, pixels: Tensor, labels: Tensor) -> Tensor:
    """Say for which images the gradient of the cross-entropy with respect to all pixels is exactly zero, bool (B,).

    It is the mean over the batch that is differentiated, as by PGD: the batch size decides what underflows.
    """
    import torch

    with torch.enable_grad():
        inputs = pixels.clone().requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(source(inputs), labels)
        (gradient,) = torch.autograd.grad(loss, inputs)
    return (gradient.flatten(1) == 0).all(dim=1)
