"""What each number of membership inference means."""

from robustkd.results.metric import Metric

SCORES = {"loss": ("loss", "the negative loss"), "lira": ("LiRA", "the offline likelihood ratio attack")}


def _of(score: str) -> tuple[Metric, ...]:
    title, meaning = SCORES[score]
    return (
        Metric(
            f"{score}_auc",
            f"AUC, {title}",
            "fraction",
            False,
            f"Probability that the score of {meaning} is higher for an image that only the teacher saw than for a test "
            "image; 50% is chance.",
            subject=f"membership of the teacher's training images, by {title}",
        ),
        Metric(
            f"{score}_auc_excess",
            f"AUC in excess, {title}",
            "points",
            False,
            "The same minus the independent baseline's.",
            difference_of=f"{score}_auc",
        ),
        Metric(
            f"{score}_tpr",
            f"TPR, {title}",
            "fraction",
            False,
            f"Share of the images that only the teacher saw whose score of {meaning} is above that of all test images "
            "but the allowed share of false positives (0.1% by default).",
        ),
        Metric(
            f"{score}_tpr_excess",
            f"TPR in excess, {title}",
            "points",
            False,
            "The same minus the independent baseline's.",
            difference_of=f"{score}_tpr",
        ),
    )


METRICS = (*_of("loss"), *_of("lira"))
