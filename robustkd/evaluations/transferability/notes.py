"""What a reader must know about the attacks."""

from __future__ import annotations

from robustkd.arithmetic import Precision
from robustkd.attacks.attack import Attack
from robustkd.attacks.standard_suite import FEWEST_CLASSES, TARGETS, standard_suite
from robustkd.evaluations.transferability.options import TransferabilityOptions, left_out, square_attack, why_no_dlr


def notes_on(
    attacks: tuple[Attack, ...], options: TransferabilityOptions, classes: int, precision: Precision, batch_size: int
) -> tuple[str, ...]:
    """Write what a reader must know about the attacks.

    Args:
        attacks: The attacks of the run, the matrix's first.
        options: The options.
        classes: The number of classes.
        precision: The precision that examples were crafted in.
        batch_size: The number of images per batch.

    Returns:
        Sentences without their full stop: the attacks that depend on the batch, those without ε, those left out.
    """
    batched = [attack.label for attack in attacks if attack.sees_batch]
    free = [attack.label for attack in attacks if attack.epsilon is None]
    missing = why_no_dlr(attacks[0], classes) if "apgd_dlr" in options.white_box else ""
    square = square_attack(options) if "square" in options.white_box else None
    count = f"at most {options.square_images} of the images"
    crafted = [attack.label for attack in attacks if attack.follows_gradients]
    return (
        *(
            [f"The examples of {', '.join(crafted)} were crafted in {precision}; float32 decided whom they fool"]
            if precision != "float32" and crafted
            else []
        ),
        *(
            [f"{square.label} was run on {count}, those that withstood the attacks before it"]
            if square in attacks
            else []
        ),
        *([f"The examples of {', '.join(batched)} depend on the batch size ({batch_size})"] if batched else []),
        *([f"No ε bounds the perturbations of {', '.join(free)}"] if free else []),
        *([f"APGD-DLR was not run: {missing}"] if missing else []),
    )


def further_notes(
    further: tuple[Attack, ...],
    options: TransferabilityOptions,
    shape: tuple[int, int, int],
    students: int,
    classes: int,
    batch_size: int,
) -> tuple[str, ...]:
    """Write what a reader must know about attacks that are run on request.

    Args:
        further: The further attacks for which transfer is measured.
        options: The options.
        shape: (C, H, W) of the images.
        students: The number of students in the matrix.
        classes: The number of classes.
        batch_size: The number of images per batch.

    Returns:
        Sentences without their full stop.
    """
    sizes = [f"{attack.label} ({attack.size})" for attack in further]
    batched = [attack.label for attack in further if attack.sees_batch]
    suite = options.autoattack != "off"
    return (
        *([f"Transfer is also measured for {', '.join(sizes)}"] if sizes else []),
        *([f"The examples of {', '.join(batched)} depend on the batch size ({batch_size})"] if batched else []),
        *(f"{label} was not run: {reason}" for label, reason in left_out(options, shape).items()),
        *(
            ["The students were not attacked together: there are fewer than two"]
            if options.ensemble and students < 2
            else []
        ),
        *([_about_autoattack(options, classes)] if suite else []),
    )


def _about_autoattack(options: TransferabilityOptions, classes: int) -> str:
    assert options.autoattack != "off"
    suite = standard_suite(options.autoattack, classes)
    ran = ", ".join(attack.label for attack in suite)
    told = (
        f"The standard version of AutoAttack is composed of torchattacks' {ran} ({suite[0].size}, "
        f"{min(TARGETS, classes - 1)} target classes), in float32, on at most {options.autoattack_images} images; "
        "examples of the targeted attacks depend on the batch size"
    )
    if classes < FEWEST_CLASSES:
        told += f"; its targeted APGD was left out, because it needs {FEWEST_CLASSES} classes"
    if options.autoattack == "L2":
        told += "; in L2, torchattacks' targeted APGD uses the step size of one image for the whole batch"
    return told
