"""The metrics of the corruption evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "corruption_accuracy",
        "Accuracy, corrupted",
        "fraction",
        True,
        "Share of the corrupted test images that are classified correctly, averaged over corruptions and severities.",
    ),
    Metric(
        "corruption_accuracy_gain",
        "Corrupted, against baseline",
        "points",
        True,
        "Accuracy on corrupted images minus the independent baseline's, on the same images.",
        difference_of="corruption_accuracy",
        subject="accuracy on corrupted images",
    ),
    Metric(
        "mce",
        "mCE",
        "fraction",
        False,
        "Mean corruption error: the error under each corruption relative to the independent baseline's, averaged over "
        "corruptions; 100% means as many errors as the baseline.",
        against_baseline=True,
    ),
    Metric(
        "relative_mce",
        "Relative mCE",
        "fraction",
        False,
        "Mean corruption error of the errors that corruption adds to those on clean images.",
        against_baseline=True,
    ),
    Metric(
        "flip_rate",
        "Flips",
        "fraction",
        False,
        "Share of steps from one severity to the next, beginning with the clean image, at which the prediction "
        "changes, averaged over corruptions.",
    ),
    Metric(
        "flip_rate_difference",
        "Flips, against baseline",
        "points",
        False,
        "Flip rate minus the independent baseline's, on the same images.",
        difference_of="flip_rate",
    ),
    Metric(
        "mean_flip_rate",
        "mFR",
        "fraction",
        False,
        "Mean flip rate: the flips under each corruption relative to the independent baseline's, averaged over "
        "corruptions; 100% means as many flips as the baseline.",
        against_baseline=True,
    ),
    Metric(
        "corruption_agreement",
        "Agreement, corrupted",
        "fraction",
        True,
        "Share of the corrupted test images for which the network and the teacher predict the same class.",
        of_teacher=True,
    ),
    Metric(
        "corruption_agreement_excess",
        "Agreement, corrupted, in excess",
        "points",
        True,
        "Agreement with the teacher on corrupted images minus the independent baseline's with the same teacher.",
        difference_of="corruption_agreement",
        of_teacher=True,
    ),
)
