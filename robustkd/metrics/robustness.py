"""What attacks, corruptions and conflicting cues do, and where decisions change."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.attacks.counting import VARIANTS
from robustkd.errors import BadInputError
from robustkd.evaluations.corruption.corruption_error import mean_corruption_error as corruption_errors
from robustkd.evaluations.decision_boundary.overlap import boundary_iou as iou_by_plane
from robustkd.evaluations.shape_bias.rows import shape_bias as bias_of_decisions
from robustkd.evaluations.transferability.matrix import success_matrix
from robustkd.metrics.arrays import classes_of, same_shape


def transfer_matrix(
    labels: ArrayLike, clean: ArrayLike, adversarial: ArrayLike, variant: str = "jointly_correct"
) -> np.ndarray:
    """Return the success of attacks made on each network and shown to each (Sarfraz et al. 2020, section VI).

    Args:
        labels: (N,).
        clean: (M, N), the classes that each of M networks predicts for the clean images.
        adversarial: (M, M, N), the classes predicted for the adversarial examples, by source and target.
        variant: ``jointly_correct``, of the images that both classify correctly, as the text of the paper says;
            ``fooled_source``, of those the ones on which the attack fools the source, as its script does; or
            ``fooling_rate`` (Ojha et al. 2023), of the images on which it changes the source's prediction.

    Returns:
        float64 (M, M), sources in rows, targets in columns, 0 to 1; NaN where no image is eligible.

    Raises:
        BadInputError: The arrays do not fit each other, or there is no such variant.

    >>> adversarial = [[[1, 0], [1, 1]], [[0, 1], [0, 0]]]
    >>> rk.metrics.transfer_matrix([0, 1], clean=[[0, 1], [0, 1]], adversarial=adversarial).tolist()
    [[1.0, 0.5], [0.0, 0.5]]
    """
    arrays = {"label": np.asarray(labels), "clean": np.asarray(clean), "adversarial": np.asarray(adversarial)}
    networks = len(arrays["clean"])
    wanted = {"clean": (networks, len(arrays["label"])), "adversarial": (networks, networks, len(arrays["label"]))}
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise BadInputError(f"{name} must have the shape {shape}, got {arrays[name].shape}")
    if variant not in VARIANTS:
        raise BadInputError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    return success_matrix(arrays, VARIANTS[variant])


def mean_corruption_error(errors: ArrayLike, reference: ArrayLike) -> float:
    """Return the mean over corruptions of a network's error over the reference's (Hendrycks and Dietterich 2019).

    mCE = mean_c (Σ_s E_{s,c} / Σ_s E^ref_{s,c}).

    Args:
        errors: (C, S), error rates for C corruptions and S severities, 0 to 1.
        reference: (C, S), the same for the reference network.

    Returns:
        1 for a network as good as the reference.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.mean_corruption_error([[0.1, 0.3], [0.2, 0.2]], [[0.2, 0.2], [0.4, 0.4]])
    0.75
    """
    own, other = np.asarray(errors, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    same_shape(own, other)
    return float(corruption_errors(own.sum(axis=1), other.sum(axis=1)))


def boundary_iou(classes: ArrayLike, other_classes: ArrayLike) -> float:
    """Return the share of points of planes at which two networks predict the same class (Somepalli et al. 2022).

    Args:
        classes: The predicted classes on P planes of N points, int (P, N).
        other_classes: The same for the other network.

    Returns:
        The mean over planes, 0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.boundary_iou([[0, 0, 1, 1]], [[0, 0, 0, 1]])
    0.75
    """
    own, other = np.atleast_2d(classes), np.atleast_2d(other_classes)
    same_shape(own, other)
    return float(iou_by_plane(own, other).mean())


def shape_bias(predicted: ArrayLike, shapes: ArrayLike, textures: ArrayLike) -> float:
    """Return shape decisions / (shape + texture decisions) on images with two cues (Geirhos et al. 2019).

    Args:
        predicted: Predicted classes (N,), or logits (N, K).
        shapes: The class of the shape of each image, (N,).
        textures: The class of its texture, (N,), another one.

    Returns:
        0 to 1; NaN if no decision is for one of the two.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.shape_bias([0, 0, 1, 2], shapes=[0, 0, 0, 0], textures=[1, 1, 1, 1]).__round__(4)
    0.6667
    """
    decided, of_shape, of_texture = classes_of(predicted), np.asarray(shapes), np.asarray(textures)
    for cue in (of_shape, of_texture):
        same_shape(decided, cue)
    return bias_of_decisions(decided, of_shape, of_texture)
