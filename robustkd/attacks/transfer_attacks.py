"""Attacks that were designed to transfer: with momentum, diverse inputs, and smoothed gradients."""

from __future__ import annotations

from robustkd.attacks.attack import Attack

STEPS = 10
"""The number of steps T in the three papers; each changes a pixel by ε/T."""

TRANSFER_ATTACKS = {"mi": "MIFGSM", "di": "DIFGSM", "ti": "TIFGSM"}
"""Their names in torchattacks."""

SMALL = 128
"""Images with a shorter side below this get the small kernel of TI-FGSM."""


def transfer_attack(name: str, epsilon: float, shape: tuple[int, int, int]) -> Attack:
    """Return one of the attacks that were designed to transfer, in L∞, with momentum of decay 1.

    * ``mi``: MI-FGSM (Dong et al., *Boosting Adversarial Attacks with Momentum*, CVPR 2018).
    * ``di``: M-DI²-FGSM (Xie et al., *Improving Transferability of Adversarial Examples with Input Diversity*, CVPR
      2019): with probability 0.5, a step looks at the image shrunk by up to a tenth and padded.
    * ``ti``: TI-MI-FGSM (Dong et al., *Evading Defenses to Transferable Adversarial Examples by Translation-Invariant
      Attacks*, CVPR 2019): gradients are smoothed with a Gaussian kernel of 15 pixels, or of 5 where the shorter side
      of the images is below 128 pixels: the published kernel is half as wide as a CIFAR image.

    Args:
        name: ``mi``, ``di`` or ``ti``.
        epsilon: The largest change of a pixel.
        shape: (C, H, W) of the images.
    """
    parameters = {"eps": epsilon, "alpha": epsilon / STEPS, "steps": STEPS, "decay": 1.0}
    if name == "di":
        parameters |= {"resize_rate": 0.9, "diversity_prob": 0.5}
    elif name == "ti":
        parameters |= {"len_kernel": 5 if min(shape[1:]) < SMALL else 15, "diversity_prob": 0.0}
    return Attack(TRANSFER_ATTACKS[name], parameters)


def why_not(attack: Attack, shape: tuple[int, int, int]) -> str:
    """Return why torchattacks cannot run an attack on images of a shape; empty where it can.

    Args:
        attack: The attack.
        shape: (C, H, W) of the images.
    """
    channels, height, width = shape
    if attack.name == "TIFGSM" and channels != 3:
        return f"torchattacks smooths gradients of three channels, and the images have {channels}"
    if attack.name in ("DIFGSM", "TIFGSM") and height != width:
        return f"torchattacks resizes square images, and these are {height}×{width}"
    return ""
