"""Finding wrong labels from predicted probabilities: confident learning as implemented by cleanlab.

Northcutt, Jiang, Chuang, *Confident learning: estimating uncertainty in dataset labels* (JAIR 2021). The probabilities
must be **out of sample**: from a network that was not trained on the audited labels, or from cross-fitted networks. A
network that was trained on them has learnt the wrong labels and finds none of them.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustkd.errors import EvaluationError
from robustkd.statistics.resampling import Observed, ratio, share, where


@dataclass(frozen=True)
class Audit:
    """The audit of a set of labels.

    Attributes:
        quality: The predicted probability of each given label, float64 (N,); low values are suspicious.
        flagged: The labels that are classified as wrong (pruning by noise rate), bool (N,).
        transition: The estimated P(given label | true class), float64 (K, K), true classes in rows; NaN for a class
            that is estimated to have no image.
        noise_rate: The estimated share of wrong labels.
    """

    quality: np.ndarray
    flagged: np.ndarray
    transition: np.ndarray
    noise_rate: float


def audit(labels: np.ndarray, probabilities: np.ndarray) -> Audit:
    """Audit labels with out-of-sample probabilities.

    Args:
        labels: The given labels, right or wrong, int (N,).
        probabilities: The probabilities from networks that were not trained on these labels, float (N, K); each row
            sums to 1.

    Returns:
        The audit.

    Raises:
        EvaluationError: The shapes do not match, or these are not class labels or probabilities.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    _refuse_unusable(labels, probabilities)
    transition, noise_rate = _estimated(labels, probabilities)
    return Audit(probabilities[np.arange(len(labels)), labels], _flagged(labels, probabilities), transition, noise_rate)


def never_flagged(labels: np.ndarray) -> np.ndarray:
    """Return the classes whose labels `audit` never flags, because it does not flag the only label of a class.

    Args:
        labels: The given labels, int (N,).

    Returns:
        The classes, int (C,), in ascending order; if there is only one class, this class.
    """
    classes, counts = np.unique(labels, return_counts=True)
    return classes[counts == 1] if len(classes) > 1 else classes


def transition_matrix(true: np.ndarray, given: np.ndarray, classes: int) -> np.ndarray:
    """Return P(given label | true class), float64 (K, K), true classes in rows; NaN for a class without images."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (true, given), 1)
    return ratio(counts, counts.sum(axis=1, keepdims=True))


def transition_error(estimated: np.ndarray, true: np.ndarray) -> float:
    """Return the mean total variation distance between the rows of two transition matrices.

    Args:
        estimated: The estimated matrix, float (K, K).
        true: The true matrix, float (K, K).

    Returns:
        The mean over the rows that both matrices define, 0 to 1; NaN if there is no such row.
    """
    distance = np.abs(estimated - true).sum(axis=1) / 2
    known = distance[~np.isnan(distance)]
    return float(known.mean()) if len(known) else float("nan")


def detection(quality: np.ndarray, wrong: np.ndarray, flagged: np.ndarray) -> Observed:
    """Score how well wrong labels are found.

    Args:
        quality: The quality of each label, float (N,); low values are suspicious.
        wrong: The labels that are wrong, bool (N,).
        flagged: The labels that the audit flags, bool (N,).

    Returns:
        ``audit_auroc``, ``audit_precision`` and ``audit_recall``, as functions of how often each image counts.
    """
    area = area_under_curve(quality, wrong)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        return {
            "audit_auroc": area(weights),
            "audit_precision": share(wrong, flagged, weights),
            "audit_recall": share(flagged, wrong, weights),
        }

    answers = {
        "audit_auroc": where(rarer(wrong), quality),
        "audit_precision": where(flagged, wrong),
        "audit_recall": where(wrong, flagged),
    }
    return Observed(statistics, answers)


def estimation(labels: np.ndarray, true: np.ndarray, probabilities: np.ndarray) -> Observed:
    """Estimate the share of wrong labels and their transition matrix in resamples of the images.

    Args:
        labels: The given labels, int (N,).
        true: The true labels of the same images, int (N,).
        probabilities: The probabilities that `audit` takes, float (N, K).

    Returns:
        ``estimated_rate`` and ``transition_error``, as functions of how often each image counts.
    """
    classes = probabilities.shape[1]

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        rates, errors = np.empty((2, len(weights)))
        for row, often in enumerate(weights):
            drawn = np.repeat(np.arange(len(labels)), often.astype(np.int64))
            transition, rates[row] = _estimated(labels[drawn], probabilities[drawn])
            errors[row] = transition_error(transition, transition_matrix(true[drawn], labels[drawn], classes))
        return {"estimated_rate": rates, "transition_error": errors}

    own = probabilities[np.arange(len(labels)), labels]
    return Observed(statistics, {"estimated_rate": own, "transition_error": own})


def agreement_beyond_chance(true: np.ndarray, given: np.ndarray, predicted: np.ndarray) -> float:
    """Return how much more often wrong labels are predicted than by a network that never saw them.

    A wrong label that was drawn at random is independent of its image, once the true class is known. So among the
    wrongly labelled images of a class the labels could change places, and a network that never saw them would agree as
    often. Agreement is compared with its mean and deviation over all such permutations (Hoeffding, *A combinatorial
    central limit theorem*, 1951, equations 4 and 10).

    Args:
        true: int (N,), true labels.
        given: int (N,), labels as given.
        predicted: int (N,).

    Returns:
        Standard deviations above the mean; 0 where there is nothing to permute.
    """
    surplus, variance = 0.0, 0.0
    classes = int(max(given.max(), predicted.max())) + 1
    for label in np.unique(true):
        wrong = (true == label) & (given != true)
        count = int(wrong.sum())
        if count < 2:
            continue
        labelled, answered = (np.bincount(some[wrong], minlength=classes) / count for some in (given, predicted))
        expected = float(labelled @ answered)
        surplus += int((given == predicted)[wrong].sum()) - count * expected
        # agreement of each pair of a label and an answer, without what rows and columns have in common
        centred = np.eye(classes) - answered[:, None] - labelled + expected
        variance += count**2 / (count - 1) * float(labelled @ centred**2 @ answered)
    return float(surplus / np.sqrt(variance)) if variance > 0 else 0.0


def auroc(quality: np.ndarray, wrong: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The chance that a wrong label has a lower quality than a right one, ties counted half (Hanley, McNeil 1982).

    Args:
        quality: (N,).
        wrong: bool (N,).
        weights: (B, N), how often each image counts.

    Returns:
        float64 (B,); NaN where there is no wrong label, or no right one.
    """
    return area_under_curve(quality, wrong)(weights)


def rarer(wrong: np.ndarray) -> np.ndarray:
    """Return the rarer of the wrong and the right labels, bool (N,): their number limits the precision of an AUROC."""
    return wrong if 2 * wrong.sum() <= len(wrong) else ~wrong


def area_under_curve(quality: np.ndarray, wrong: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return `auroc` as a function of the weights; the labels are sorted only once.

    Args:
        quality: The quality of each label, float (N,).
        wrong: The labels that are wrong, bool (N,).

    Returns:
        A function from weights (B, N) to areas (B,).
    """
    wrongs, rights = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    rights = rights[np.argsort(quality[rights], kind="stable")]
    below, up_to = (np.searchsorted(quality[rights], quality[wrongs], side) for side in ("left", "right"))

    def area(weights: np.ndarray) -> np.ndarray:
        by_image = np.ascontiguousarray(weights.T)
        heaped = np.zeros((len(rights) + 1, len(weights)), dtype=by_image.dtype)
        np.cumsum(by_image[rights], axis=0, out=heaped[1:])
        found = by_image[wrongs]
        pairs = found.sum(axis=0, dtype=np.float64) * heaped[-1]
        # all are whole numbers below 2²⁴, which float32 represents exactly
        lost = (found * (heaped[below] + heaped[up_to])).sum(axis=0, dtype=np.float64) / 2
        return ratio(pairs - lost, pairs)

    return area


def _estimated(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, float]:
    """The transition matrix and the share of wrong labels, by cleanlab's estimate of their joint distribution."""
    from cleanlab.count import estimate_joint

    present, compact, some = _present_only(labels, probabilities)
    joint = np.zeros((probabilities.shape[1],) * 2)  # given labels in rows, as in cleanlab
    joint[np.ix_(present, present)] = estimate_joint(compact, some) if len(present) > 1 else 1.0
    return ratio(joint.T, joint.sum(axis=0)[:, None]), float(1 - np.trace(joint))


def _flagged(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    from cleanlab.filter import find_label_issues

    present, compact, some = _present_only(labels, probabilities)
    if len(present) == 1:
        return np.zeros(len(labels), dtype=bool)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "May not flag all label issues")  # reported by `never_flagged`
        # without n_jobs=1 it forks, which crashes a process that uses a GPU
        return np.asarray(find_label_issues(compact, some, n_jobs=1, verbose=False))


def _present_only(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, Any, Any]:
    """The classes that have a label, and the labels and probabilities of only these: cleanlab warns about others."""
    present, compact = np.unique(labels, return_inverse=True)
    some = probabilities[:, present]
    total = some.sum(axis=1, keepdims=True)
    # a network that is certain of an absent class gives no information on the others
    return present, compact, np.where(total > 0, ratio(some, total), 1 / len(present))


def _refuse_unusable(labels: np.ndarray, probabilities: np.ndarray) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise EvaluationError(
            f"an audit needs labels (N,) and probabilities (N, K), got {labels.shape} and {probabilities.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise EvaluationError(f"audited labels must be whole numbers from 0 to {probabilities.shape[1] - 1}")
    if not np.isfinite(probabilities).all():
        raise EvaluationError("audited probabilities must be finite; some are not")
    if probabilities.min() < 0 or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise EvaluationError("audited probabilities must not be negative and sum to 1 in each row; are they logits?")
