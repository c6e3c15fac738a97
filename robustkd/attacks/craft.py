"""Adversarial examples of a batch, made by torchattacks' own code with its sources of randomness under control.

* Random starts, and other uniform or normal numbers for a whole batch, are drawn image by image from (seed, index in
  the data set), on the CPU; the global random state does not change. (torchattacks' APGD would reset it, and give every
  batch the same noise.) Attacks that draw in another way, or use the batch as a whole, depend on the batch
  (`Attack.sees_batch`), and so do restarts, which are made for what is left of the batch.
* OnePixel and Pixle draw from NumPy's global random state. They are run on one image at a time, with that state seeded
  from (seed, index in the data set) and restored afterwards.
* Square tries the same squares on all images, from a stream of the seed alone; its starts are drawn image by image. In
  L2 it draws more for those images of the batch that are left, so there it depends on the batch.
* APGD and its relatives skip images that are misclassified already. These are left out beforehand, so that the random
  numbers of the others do not depend on them.
* Targeted attacks try as many classes as their parameter ``n_classes`` says, but at most all others.
* MI-, DI- and TI-FGSM divide a gradient by its size. Where it vanishes, the result is not a number, and the image stays
  as it is.
* ``logits: standardised`` attacks through `StandardisedLogits`. The input gradient of the cross-entropy underflows to
  zero where logits are large, and distillation changes how large they are; standardised logits have one size.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from robustkd.attacks.attack import STANDARDISED, Attack
from robustkd.errors import EvaluationError

if TYPE_CHECKING:
    from torch import Tensor, nn

_SKIP_MISTAKES = ("APGD", "APGDT", "AutoAttack", "FAB", "Square")

_DRAW_FROM_NUMPY = ("OnePixel", "Pixle")


def craft(
    attack: Attack,
    source: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    images: list[int],
    seed: int,
    classes: int,
    network: nn.Module | None = None,
) -> Tensor:
    """Make the adversarial examples of a batch.

    Args:
        attack: The attack.
        source: The network to attack, in evaluation mode.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
        labels: The labels, int64 (B,).
        images: The index of each image in its data set.
        seed: The seed of all random numbers.
        classes: The number of classes.
        network: The network that gradients are taken of; the source if None. See `crafting_network`.

    Returns:
        The adversarial examples, float32 (B, C, H, W).

    Raises:
        EvaluationError: The attack cannot be run on such images.
    """
    import torch
    import torchattacks

    from robustkd.attacks.standardised import StandardisedLogits

    if attack.name in _SKIP_MISTAKES:
        with torch.no_grad():  # an inference tensor could not select what gradients flow through
            tried = source(pixels).argmax(1) == labels
    else:
        tried = torch.ones_like(labels, dtype=torch.bool)
    examples = pixels.clone()
    if not tried.any():
        return examples
    model = source if network is None or not attack.follows_gradients else network
    model = StandardisedLogits(model) if attack.logits == STANDARDISED else model
    kind = getattr(torchattacks, attack.name)
    # AutoAttack and Square would otherwise be seeded by the clock, and targeted attacks assume ten classes
    tried_classes = min(int(attack.parameters.get("n_classes", classes)), classes)
    given = {key: each for key, each in {"seed": seed, "n_classes": tried_classes}.items() if key in _parameters(kind)}
    places = tried.nonzero()[:, 0]
    for part in places.split(1 if attack.name in _DRAW_FROM_NUMPY else len(places)):
        chosen = [images[place] for place in part.tolist()]
        with redirect_stdout(StringIO()), _seeded(attack, pixels, chosen, seed), torch.enable_grad():
            try:
                found = kind(model, **{**attack.parameters, **given})(pixels[part], labels[part])
            except torch.cuda.OutOfMemoryError:
                raise
            except (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError) as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                shape = "×".join(map(str, pixels.shape[1:]))
                raise EvaluationError(f"{attack.name} cannot attack images of {shape}: {reason}") from error
        defined = found.isfinite().flatten(1).all(dim=1).reshape(-1, 1, 1, 1)
        examples[part] = torch.where(defined, found.detach(), pixels[part])
    return examples


def _parameters(kind: Any) -> list[str]:
    return list(inspect.signature(kind).parameters)


@contextmanager
def _seeded(attack: Attack, pixels: Tensor, images: list[int], seed: int) -> Iterator[None]:
    """Take all random numbers from (seed, image), and leave the global random states as they were."""
    import torch

    from robustkd.data.image_random import DrawnImageByImage, image_generators, numpy_seeded_by

    generators = image_generators(seed, images)
    draws_from_numpy, draws_squares = attack.name in _DRAW_FROM_NUMPY, attack.name == "Square"
    with (
        torch.random.fork_rng(devices=[pixels.device] if pixels.device.type == "cuda" else []),
        numpy_seeded_by(generators[0]) if draws_from_numpy else nullcontext(),
        DrawnImageByImage(generators, 4 if draws_squares else 1, None if draws_from_numpy else (seed, tuple(images))),
    ):
        torch.manual_seed(seed if draws_squares else seed + images[0])
        yield


def largest_change(attack: Attack, examples: Tensor, pixels: Tensor) -> float:
    """Return the largest perturbation of an image in the attack's norm; in L∞ for an attack without one.

    Args:
        attack: The attack.
        examples: The adversarial examples, float32 (B, C, H, W).
        pixels: The clean images, of the same shape.
    """
    change = (examples - pixels).flatten(1)
    return float(change.norm(dim=1).max() if attack.norm == "L2" else change.abs().max())
