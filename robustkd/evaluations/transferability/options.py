"""The options of the transferability evaluation, and the attacks that they specify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from robustkd.attacks.attack import STANDARDISED, Attack, CraftingPrecision, Setting
from robustkd.attacks.by_name import attack_by_name
from robustkd.attacks.transfer_attacks import transfer_attack, why_not
from robustkd.errors import EvaluationError

Epsilon = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class TransferabilityOptions:
    """How the networks are attacked; the defaults are the paper's.

    Attributes:
        epsilon: The largest change of a pixel by PGD, as a fraction of the range [0, 1].
        step_size: The change of a pixel in one step, as a fraction of the range [0, 1].
        steps: The number of steps of PGD and of APGD.
        random_start: Whether PGD starts at a uniformly random point within epsilon.
        attack: Another attack of torchattacks for the matrix in place of PGD: its ``name``, its parameters, and
            ``logits: standardised`` to attack through standardised logits; empty for PGD.
        white_box: Further attacks on each network itself, each run on the images that withstood those before it:
            ``standardised``, the matrix's attack on standardised logits; ``apgd_dlr``; ``square``, the Square attack
            (Andriushchenko et al. 2020), which uses no gradients, on some of the images; or others in the format of
            `attack`, with the norm and ε of the matrix's attack.
        square_images: The number of images that ``square`` attacks, spread evenly over those used.
        square_queries: The number of queries of ``square`` for each image.
        epsilons: Further values of ε at which the matrix's attack is repeated, with its step size in proportion.
        teacher_is_target: Whether the teacher is a target of the matrix too. In the paper's figure it is a source only,
            and the means leave it out.
        further_attacks: Further attacks for which transfer between all members is measured: ``mi``, ``di`` and ``ti``,
            which were designed to transfer (MI-FGSM, M-DI²-FGSM, TI-MI-FGSM, 10 steps, L∞ of `epsilon`), or others in
            the format of `attack`.
        ensemble: Whether all students are attacked together, through the mean of their logits, and the examples are
            shown to the teacher and the baseline.
        eight_bit: Whether all members also see the matrix's examples rounded to 256 levels within ε.
        autoattack: ``Linf`` or ``L2`` to attack each network with the standard version of AutoAttack, composed of
            torchattacks' attacks, at RobustBench's ε of 8/255 or 0.5; ``off`` not to.
        autoattack_images: The number of images that it attacks, spread evenly over those used.
        images: The number of test images, drawn with `seed`; None for all.
        networks: ``first``: the first seed of each method, as in the paper; ``all``: every network.
        precision: The precision that adversarial examples are crafted in: ``float32``, ``tf32``, ``bfloat16``, or
            ``auto`` for bfloat16 on CUDA and float32 elsewhere. Attacks that look for a smallest change, or use no
            gradients, are crafted in float32, and whether an example fools a network is always decided in float32.
        batch_size: The number of images per batch; None for as many as fit the memory of a GPU, and at most 250, fewer
            of large images, elsewhere.
        seed: The seed of the random starts and of the choice of images.
        save_examples: A folder for the adversarial examples, float32, one ``.npy`` per source; None to discard them.

    Raises:
        EvaluationError: torchattacks has no such attack or parameter, or a further attack has another norm or ε.
    """

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.031
    step_size: Annotated[float, Field(gt=0, le=1)] = 0.003
    steps: Annotated[int, Field(ge=1)] = 20
    random_start: bool = True
    attack: dict[str, Setting] = field(default_factory=dict)
    white_box: tuple[Literal["standardised", "apgd_dlr", "square"] | dict[str, Setting], ...] = (
        "standardised",
        "apgd_dlr",
        "square",
    )
    square_images: Annotated[int, Field(ge=1)] = 100
    square_queries: Annotated[int, Field(ge=1)] = 1000
    epsilons: tuple[Epsilon, ...] = ()
    teacher_is_target: bool = True
    further_attacks: tuple[Literal["mi", "di", "ti"] | dict[str, Setting], ...] = ()
    ensemble: bool = False
    eight_bit: bool = False
    autoattack: Literal["off", "Linf", "L2"] = "off"
    autoattack_images: Annotated[int, Field(ge=1)] = 100
    images: Annotated[int, Field(ge=1)] | None = None
    networks: Literal["first", "all"] = "first"
    precision: CraftingPrecision = "auto"
    batch_size: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    save_examples: str | None = None

    def __post_init__(self) -> None:
        main = main_attack(self)
        for each in self.white_box:
            if isinstance(each, dict):
                _refuse_another_size(main, attack_by_name(each, "transferability: white_box"))
        for further in self.further_attacks:
            if isinstance(further, dict):
                attack_by_name(further, "transferability: further_attacks")
        if self.epsilons:
            main.with_epsilon(self.epsilons[0])


def main_attack(options: TransferabilityOptions) -> Attack:
    """Return the attack of the matrix."""
    if options.attack:
        return attack_by_name(options.attack, "transferability: attack")
    size = {"eps": options.epsilon, "alpha": options.step_size}
    return Attack("PGD", {**size, "steps": options.steps, "random_start": options.random_start})


def own_attacks(options: TransferabilityOptions, classes: int) -> tuple[Attack, ...]:
    """Return the further attacks on each network itself.

    Args:
        options: The options.
        classes: The number of classes; some attacks need three.

    Returns:
        Those that can be run, each once, without the attack of the matrix.
    """
    main = main_attack(options)
    found: list[Attack] = []
    for each in options.white_box:
        if isinstance(each, dict):
            attack = attack_by_name(each, "transferability: white_box")
        elif each == "standardised":
            attack = Attack(main.name, main.parameters, STANDARDISED)
        elif each == "square":
            if main.epsilon is None:
                continue
            attack = square_attack(options)
        elif main.epsilon is not None and not why_no_dlr(main, classes):
            size: dict[str, Setting] = {"norm": main.norm, "eps": main.epsilon, "steps": options.steps, "loss": "dlr"}
            attack = Attack("APGD", size)
        else:
            continue
        if attack not in (main, *found):
            found.append(attack)
    return tuple(found)


def further_attacks(options: TransferabilityOptions, shape: tuple[int, int, int]) -> tuple[Attack, ...]:
    """Return the further attacks for which transfer is measured.

    Args:
        options: The options.
        shape: (C, H, W) of the images.

    Returns:
        Those that can be run on such images, each once, without the attack of the matrix.
    """
    found: list[Attack] = []
    for attack in _asked_for(options, shape):
        if not why_not(attack, shape) and attack not in (main_attack(options), *found):
            found.append(attack)
    return tuple(found)


def left_out(options: TransferabilityOptions, shape: tuple[int, int, int]) -> dict[str, str]:
    """Return why further attacks cannot be run on images of a shape, by the label of the attack."""
    reasons = {each.label: why_not(each, shape) for each in _asked_for(options, shape)}
    return {label: reason for label, reason in reasons.items() if reason}


def _asked_for(options: TransferabilityOptions, shape: tuple[int, int, int]) -> list[Attack]:
    return [
        attack_by_name(each, "transferability: further_attacks")
        if isinstance(each, dict)
        else transfer_attack(each, options.epsilon, shape)
        for each in options.further_attacks
    ]


def square_attack(options: TransferabilityOptions) -> Attack:
    """Return the attack without gradients, of the norm and ε of the matrix's attack."""
    main = main_attack(options)
    size: dict[str, Setting] = {"norm": main.norm, "eps": main.epsilon or 0.0, "n_queries": options.square_queries}
    return Attack("Square", size)


def why_no_dlr(main: Attack, classes: int) -> str:
    """Return why the difference of logits ratio, which divides by a difference to the third logit, cannot be used.

    Args:
        main: The attack of the matrix.
        classes: The number of classes.

    Returns:
        The reason; empty where it can.
    """
    if classes < 3:
        return f"the difference of logits ratio needs at least 3 classes, and there are {classes}"
    return "" if main.epsilon is not None else f"it needs an ε, and {main.label} has none"


def _refuse_another_size(main: Attack, further: Attack) -> None:
    """A worst case is taken over attacks of one norm and ε."""
    if (main.norm, main.epsilon) != (further.norm, further.epsilon):
        raise EvaluationError(
            f"transferability: white_box: {further.label} ({further.size}) must have the norm and ε of the matrix's "
            f"{main.label} ({main.size}), because the worst case is taken over both; to repeat the matrix's attack at "
            "other ε, list them in `epsilons`"
        )
