"""The metrics of out-of-distribution detection: the same for each score."""

from __future__ import annotations

from robustkd.evaluations.ood.scores import SCORES
from robustkd.results.metric import Metric


def _of(score: str, title: str) -> tuple[Metric, ...]:
    return (*_detection(score, title, f"by {title}"), *_likeness(score, title, f"by {title}"))


def _detection(score: str, title: str, table: str) -> tuple[Metric, ...]:
    return (
        Metric(
            f"{score}_auroc",
            f"AUROC, {title}",
            "fraction",
            True,
            f"Probability that a test image has a higher score ({title}) than an image of no class, averaged over the "
            "sets of such images; 50% is chance.",
            table=table,
            subject=f"detection of unknown images ({title})",
        ),
        Metric(
            f"{score}_auroc_gain",
            f"AUROC, {title}, against baseline",
            "points",
            True,
            "AUROC minus the independent baseline's, on the same images.",
            difference_of=f"{score}_auroc",
            table=table,
        ),
        Metric(
            f"{score}_aupr",
            f"AUPR, {title}",
            "fraction",
            True,
            "Area under the precision–recall curve with the test images as positives, averaged over the sets; chance "
            "is the share of test images, 50% where both sets are of one size.",
            table=table,
        ),
        Metric(
            f"{score}_fpr95",
            f"FPR at 95% TPR, {title}",
            "fraction",
            False,
            "Share of the images of no class that are accepted at the threshold that accepts 95% of the test images, "
            "averaged over the sets; 95% is chance.",
            table=table,
        ),
    )


def _likeness(score: str, title: str, table: str) -> tuple[Metric, ...]:
    return (
        Metric(
            f"{score}_correlation",
            f"Rank correlation, {title}",
            "ρ",
            True,
            f"Spearman's rank correlation of the network's score ({title}) with the teacher's over the images of no "
            "class, averaged over the near sets: over noise, scores hardly vary.",
            of_teacher=True,
            table=table,
            subject=f"scores of unknown images like the teacher's ({title})",
        ),
        Metric(
            f"{score}_correlation_excess",
            f"Rank correlation, {title}, in excess",
            "ρ",
            True,
            "Rank correlation with the teacher's score minus the independent baseline's.",
            difference_of=f"{score}_correlation",
            of_teacher=True,
            table=table,
        ),
        Metric(
            f"{score}_correlation_over_control",
            f"Rank correlation, {title}, over control",
            "ρ",
            True,
            "Rank correlation with the teacher's score minus that of the control, a student of another teacher.",
            difference_of=f"{score}_correlation",
            reference="control",
            of_teacher=True,
            table=table,
        ),
    )


METRICS = tuple(metric for score, title in SCORES.items() for metric in _of(score, title))
