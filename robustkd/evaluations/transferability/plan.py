"""Which attacks are run on which images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustkd.arithmetic import Precision
from robustkd.attacks.attack import STANDARDISED, Attack, with_distinct_labels
from robustkd.evaluations.transferability.options import (
    TransferabilityOptions,
    further_attacks,
    main_attack,
    own_attacks,
    square_attack,
)

if TYPE_CHECKING:
    from robustkd.models import Member


@dataclass(frozen=True)
class Plan:
    """The attacks on each source.

    Attributes:
        attack: The attack whose examples are shown to every member.
        own: Further attacks on the source itself, each run on the images that withstood those before it.
        from_teacher: One of these whose examples crafted on the teacher are shown to every member; None for none.
        sampled: One of `own` that is run on a sample of the images only; None for none.
        sample: Which images that sample has, bool (N,).
        followed: The images whose gradients are followed for a step, bool (N,).
        sweep: `attack` at other values of ε; these examples are shown to every member too.
        precision: The precision that examples are crafted in.
        batch_size: The number of images per batch.
        seed: The seed of all random numbers.
        folder: The folder to save the examples of `attack` in; None to discard them.
        further: Further attacks whose examples are shown to every member.
        eight_bit: Whether every member also sees the examples of `attack` rounded to 256 levels.
    """

    attack: Attack
    own: tuple[Attack, ...]
    from_teacher: Attack | None
    sampled: Attack | None
    sample: np.ndarray
    followed: np.ndarray
    sweep: tuple[Attack, ...]
    precision: Precision
    batch_size: int
    seed: int
    folder: Path | None
    further: tuple[Attack, ...] = ()
    eight_bit: bool = False


def plan_of(
    options: TransferabilityOptions, classes: int, images: int, members: list[Member], shape: tuple[int, int, int]
) -> Plan:
    """Plan the attacks.

    Args:
        options: The options.
        classes: The number of classes.
        images: The number of images N.
        members: The members of the matrix.
        shape: (C, H, W) of the images.
    """
    from robustkd.attacks.batch_size import fitting_batch_size
    from robustkd.attacks.crafting import crafting_precision

    device = members[0].model.mean.device
    models = [member.model for member in members]
    first = main_attack(options)
    main, *own = with_distinct_labels((first, *own_attacks(options, classes)))
    standardised = next((attack for attack in own if attack.logits == STANDARDISED), None)
    square = next((attack for attack in own if attack == square_attack(options)), None)
    sample, followed = (spread_over(images, count) for count in (options.square_images, FOLLOWED))
    return Plan(
        attack=main,
        own=tuple(own),
        from_teacher=standardised,
        sampled=square,
        sample=sample,
        followed=followed,
        sweep=tuple(first.with_epsilon(epsilon) for epsilon in options.epsilons),
        precision=crafting_precision(options.precision, device),
        batch_size=options.batch_size or min(images, fitting_batch_size(models, shape, device)),
        seed=options.seed,
        folder=None if options.save_examples is None else Path(options.save_examples).expanduser(),
        further=with_distinct_labels(further_attacks(options, shape)),
        eight_bit=options.eight_bit,
    )


FOLLOWED = 50
"""The number of images whose gradients are followed for a step, to see whether they lead towards a mistake."""


def spread_over(images: int, count: int) -> np.ndarray:
    """Choose some images, spread evenly over all, bool (N,)."""
    chosen = np.zeros(images, dtype=np.bool_)
    chosen[np.linspace(0, images - 1, min(count, images)).round().astype(int)] = True
    return chosen
