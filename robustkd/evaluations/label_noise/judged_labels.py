"""Test labels that people judged, and how well a network finds those that they reject.

Northcutt, Athalye, Mueller, *Pervasive label errors in test sets destabilize machine learning benchmarks* (NeurIPS
2021): five people judged each test label that looked wrong. A label that no majority of them confirms is an error: 54
of 275 in CIFAR-10, 585 of 2,235 in CIFAR-100 (their Table 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustkd.errors import EvaluationError
from robustkd.evaluations.label_noise.audit import area_under_curve
from robustkd.statistics.resampling import Observed, share, where

MAJORITY = 3
"""The number of people, of five, that must confirm a label."""


@dataclass(frozen=True)
class JudgedLabels:
    """Human judgements of test labels.

    Attributes:
        judged: The labels that people judged, bool (N,).
        refused: The judged labels that fewer than three of five people confirm, bool (N,).
    """

    judged: np.ndarray
    refused: np.ndarray


def read_judged_labels(path: Path, labels: np.ndarray) -> JudgedLabels:
    """Read a file of judgements.

    Args:
        path: A ``.npy`` file of whole numbers (J, 7): test index, given label, suggested label, and how many of five
            people chose given, suggested, neither, both.
        labels: The labels of the whole test set, int64 (N,).

    Returns:
        The judgements.

    Raises:
        EvaluationError: The file has another format, or does not fit the test set.
    """
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EvaluationError(f"{path}: cannot be read as a .npy file of judged test labels: {error}") from error
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.shape[1] != 7 or table.dtype.kind not in "iu":
        raise EvaluationError(f"{path}: judged test labels must be whole numbers of shape (J, 7)")
    index, given = table[:, 0].astype(np.int64), table[:, 1]
    if not len(index) or index.min() < 0 or index.max() >= len(labels) or (labels[index] != given).any():
        raise EvaluationError(
            f"{path}: does not fit these {len(labels)} test images: judged labels need the whole test set"
        )
    images = np.arange(len(labels))
    return JudgedLabels(np.isin(images, index), np.isin(images, index[table[:, 3] < MAJORITY]))


def refused_labels_found(people: JudgedLabels, quality: np.ndarray) -> Observed:
    """Measure how well a network finds the labels that people reject.

    Args:
        people: The human judgements.
        quality: The network's probability of each test label, float (N,).

    Returns:
        ``test_error_auroc``, among the judged labels; and ``test_error_recall``, the share of the rejected labels that
        are among the least probable labels of the test set, of which as many are taken as people judged.
    """
    looked_at = np.zeros(len(quality), dtype=bool)
    looked_at[np.argsort(quality, kind="stable")[: int(people.judged.sum())]] = True
    judged = people.judged
    area = area_under_curve(quality[judged], people.refused[judged])

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        return {
            "test_error_auroc": area(weights[:, judged]),
            "test_error_recall": share(looked_at, people.refused, weights),
        }

    answers = {
        "test_error_auroc": where(people.refused, quality),
        "test_error_recall": where(people.refused, looked_at),
    }
    return Observed(statistics, answers)
