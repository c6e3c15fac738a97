"""From networks to records: the labels they were trained on, their predictions for these, and the labels to audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustkd.evaluations.label_noise.audit import agreement_beyond_chance, never_flagged
from robustkd.evaluations.label_noise.transitions import FEW_CLASSES
from robustkd.results.records import Check, trained_clean
from robustkd.statistics.resampling import Observed, ratio, where

if TYPE_CHECKING:
    import pandas as pd

    from robustkd.data import Dataset
    from robustkd.models import ModelPool
    from robustkd.results.predictions import Predictions

REALISED_WITHIN = 0.005
"""The allowed deviation of the realised from the expected noise rate; in a small set, chance allows more."""

ENOUGH_LABELS = 20
"""The audited labels per class from which estimates of the noise are more than rough."""

CHANCE = 0.999
"""The probability of the interval that chance allows for the realised noise rate."""

CONTAMINATED = 4.0
"""Standard deviations of agreement with wrong labels above chance that show that a network was trained on them."""

RATES = ("requested_rate", "realised_rate")

AUDIT = (
    "audit_auroc",
    "audit_auroc_gain",
    "audit_precision",
    "audit_recall",
    "estimated_rate",
    "transition_error",
    "transition_estimated",
)


@dataclass(frozen=True)
class TrainedLabels:
    """The labels that a network was trained on: `Conditioned` without the images.

    Attributes:
        indices: The indices of its images in the whole training set, int64 (N,).
        given: The labels that it was trained on, int64 (N,).
        true: The true labels of these images, int64 (N,).
        held_out: The indices of the images held out of training, int64 (M,).
        held_out_given: The given labels of the images held out, int64 (M,).
    """

    indices: np.ndarray
    given: np.ndarray
    true: np.ndarray
    held_out: np.ndarray
    held_out_given: np.ndarray


def trained_labels(pool: ModelPool, data: Dataset) -> list[TrainedLabels]:
    """Return the labels that each member of a pool was trained on."""
    known: dict[int | None, TrainedLabels] = {}
    for seed in {member.seed for member in pool}:
        part = data.trained_on(seed)
        labels = (part.indices, part.images.labels, part.true_labels, part.held_out, part.held_out_labels)
        known[seed] = TrainedLabels(*(numbers.cpu().numpy() for numbers in labels))
    return [known[member.seed] for member in pool]


def noise_rates(data: Dataset, trained: list[TrainedLabels]) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Return the requested share of wrong labels (NaN if none) and that of each training set, and check the latter.

    Args:
        data: The data set, with its condition.
        trained: The labels that each member was trained on.

    Returns:
        Arrays ``realised`` and ``requested``, and the checks. Both are empty if no noise was requested and there is
        none, as under class imbalance; for the clean training set the rates are 0.
    """
    from scipy.stats import binom

    from robustkd.data import Clean
    from robustkd.data.conditions.label_noise import LabelNoise as Noise

    realised = np.array([(part.given != part.true).mean() for part in trained])
    condition, name = data.condition, "noise rate as requested"
    came = f"{100 * realised.mean():.2f}% of the training labels are wrong"
    if not isinstance(condition, Noise):
        if not (realised.any() or isinstance(condition, Clean)):
            return {}, []
        check = Check(name, not realised.any(), f"{came}, and none are requested", metrics=RATES)
        return {"realised": realised, "requested": np.array(0.0)}, [check]
    expected = condition.expected_rate(data.training)
    if expected is None:
        return {"realised": realised, "requested": np.array(np.nan)}, []
    requested = expected if condition.kind == "matrix" else condition.rate
    images = min(len(part.true) for part in trained)
    low, high = np.array(binom.interval(CHANCE, images, expected)) / images
    passed = bool(
        (realised >= min(low, expected - REALISED_WITHIN)).all()
        and (realised <= max(high, expected + REALISED_WITHIN)).all()
    )
    detail = f"{100 * requested:g}% requested, {100 * expected:.2f}% expected, {came}"
    advice = (
        ", which chance allows"
        if passed
        else "; the deviation is larger than chance allows, so these labels are not as requested"
    )
    check = Check(name, passed, detail + advice, metrics=RATES)
    return {"realised": realised, "requested": np.array(requested)}, [check]


def training_answers(trained: list[TrainedLabels], clean: np.ndarray, seen: list[Predictions]) -> dict[str, np.ndarray]:
    """Collect the labels of all training images and the predictions of each member.

    Args:
        trained: The labels that each member was trained on.
        clean: Whether each member was trained on the clean training set, bool (M,).
        seen: Each member's predictions for the whole training set.

    Returns:
        ``true`` int32 (N,), ``given`` and ``predicted`` int32 (M, N); ``given`` is −1 if the member was not trained on
        that image, or not on noisy labels.
    """
    images = len(seen[0].labels)
    given = np.full((len(seen), images), -1, dtype=np.int32)
    for row, part in enumerate(trained):
        if not clean[row]:
            given[row, part.indices] = part.given
    predicted = np.stack([one.predicted for one in seen]).astype(np.int32)
    return {"true": seen[0].labels.astype(np.int32), "given": given, "predicted": predicted}


def fates(arrays: Mapping[str, np.ndarray], row: int) -> Observed:
    """Count the predictions of one member for its training labels.

    Args:
        arrays: The arrays of `training_answers`.
        row: The row of the member.

    Returns:
        ``memorised``, ``recovered`` and ``neither`` as shares of its wrong labels, and ``clean_fit`` as a share of its
        right labels, as functions of how often each image counts.
    """
    true, given, predicted = arrays["true"], arrays["given"][row], arrays["predicted"][row]
    wrong, right = (given >= 0) & (given != true), given == true
    memorised, recovered = predicted == given, predicted == true
    neither = ~memorised & ~recovered
    found = [memorised & wrong, recovered & wrong, neither & wrong, wrong, memorised & right, right]
    columns = np.stack(found, axis=1).astype(np.float32)
    answers = {
        "memorised": where(wrong, memorised),
        "recovered": where(wrong, recovered),
        "neither": where(wrong, neither),
        "clean_fit": where(right, memorised),
    }

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        memorised, recovered, neither, wrong, fitted, right = (weights @ columns).T
        return {
            "memorised": ratio(memorised, wrong),
            "recovered": ratio(recovered, wrong),
            "neither": ratio(neither, wrong),
            "clean_fit": ratio(fitted, right),
        }

    return Observed(statistics, answers)


def labels_to_audit(
    pool: ModelPool,
    data: Dataset,
    trained: list[TrainedLabels],
    seen: list[Predictions],
    images: int | None,
    seed: int,
) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Collect labels that some members were not trained on, and the predictions of these members.

    Args:
        pool: The members.
        data: The data set, with its condition.
        trained: The labels that each member was trained on.
        seen: Each member's predictions for the whole training set.
        images: The largest number of labels; None for all.
        seed: The seed of the draw of labels.

    Returns:
        Arrays ``inspectors`` (the rows of the members that can audit), ``audit_given``, ``audit_true``,
        ``audit_logits`` and ``class_names``, and a check of each inspector; both are empty if every member was trained
        on all labels.
    """
    from robustkd.data.conditions.label_noise import LabelNoise as Noise

    clean = trained_clean(pool, data)
    held_out = all(len(part.held_out) for part in trained)
    inspectors = [row for row in range(len(pool)) if held_out or clean[row]]
    if not inspectors:
        return {}, []
    places = np.arange(len(trained[0].held_out if held_out else trained[0].indices))
    if images is not None and images < len(places):
        places = np.sort(np.random.default_rng(seed).choice(places, images, replace=False))
    # human errors depend on the image, so a network that never saw them may agree with them
    drawn = isinstance(data.condition, Noise) and data.condition.kind != "human"
    given, true, logits, checks = [], [], [], []
    members = list(pool)
    for row in inspectors:
        part = trained[row]
        indices = (part.held_out if held_out else part.indices)[places]
        given.append((part.held_out_given if held_out else part.given)[places])
        true.append(seen[row].labels[indices])
        logits.append(seen[row].logits[indices])
        overlap = 0 if clean[row] else int(np.isin(indices, part.indices).sum())
        excess = agreement_beyond_chance(true[-1], given[-1], logits[-1].argmax(axis=1)) if drawn else 0.0
        checks.append(_out_of_sample(members[row].name, len(places), bool(clean[row]), overlap, excess))
    arrays = {
        "inspectors": np.array(inspectors),
        "audit_given": np.stack(given),
        "audit_true": np.stack(true),
        "audit_logits": np.stack(logits).astype(np.float32),
        "class_names": np.array(data.test.class_names),
    }
    return arrays, checks


def audit_notes(members: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Describe what the audit leaves out: classes in which no label can be flagged, and matrices of many classes.

    Args:
        members: One row per network.
        arrays: The arrays of `labels_to_audit`.

    Returns:
        Notes for `Records`; a note on classes names the networks if these were given different labels.
    """
    names, notes = arrays["class_names"], []
    without: dict[tuple[str, ...], list[str]] = {}
    for row, given in zip(arrays["inspectors"], arrays["audit_given"], strict=True):
        classes = tuple(names[never_flagged(given)].tolist())
        without.setdefault(classes, []).append(str(members["member"].iloc[row]))
    for classes, networks in without.items():
        if classes:
            whose = "" if len(without) == 1 else f" by {', '.join(networks)}"
            notes.append(
                f"labels of {len(classes)} of {len(names)} classes are never flagged{whose}, because cleanlab does not "
                f"flag the only label of a class: {', '.join(classes)}; audit more images (audit_images)"
            )
    audited = arrays["audit_given"].shape[1]
    if audited < ENOUGH_LABELS * len(names):
        notes.append(
            f"{audited} audited labels are few for {len(names)} classes: the estimated noise rates and transition "
            "matrices are rough; audit more images (audit_images)"
        )
    if len(names) > FEW_CLASSES:
        notes.append(f"the transition matrices of {len(names)} classes are not listed, only the distance between them")
    return tuple(notes)


def _out_of_sample(member: str, labels: int, clean: bool, overlap: int, excess: float) -> Check:
    where = "of images held out of training"
    if clean:
        where = "by a network trained on the true labels of these images: an upper bound"
    passed = overlap == 0 and excess < CONTAMINATED
    detail = f"{labels} labels audited, {where}"
    if overlap:
        detail += f", but {overlap} of them were used in training"
    elif not passed:
        detail += (
            f", but the network predicts the wrong labels more often than chance allows ({excess:.1f} standard "
            "deviations), so it was trained on them"
        )
    return Check("labels audited out of sample", passed, detail, member=member, metrics=AUDIT)
