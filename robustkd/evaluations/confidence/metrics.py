"""The metrics of the confidence evaluation."""

from robustkd.results.metric import Metric

UNCERTAINTY = "entropy, and confidence of errors"

METRICS = (
    Metric(
        "slope",
        "Slope on the teacher's logit",
        "",
        None,
        "Slope of the line that best predicts the network's logit of the teacher's class from the teacher's own; above "
        "1, differences in the teacher's confidence are exaggerated.",
        of_teacher=True,
    ),
    Metric(
        "slope_difference",
        "Slope against baseline",
        "",
        None,
        "Slope minus that of the independent baseline, which has not seen the teacher.",
        difference_of="slope",
        subject="slope on the teacher's logit",
        trace="none",
        of_teacher=True,
    ),
    Metric(
        "offset",
        "Offset",
        "",
        None,
        "The value of that line where the teacher's logit is 0.",
        of_teacher=True,
    ),
    Metric(
        "offset_difference",
        "Offset against baseline",
        "",
        None,
        "Offset minus the independent baseline's.",
        difference_of="offset",
        of_teacher=True,
    ),
    Metric(
        "entropy",
        "Entropy",
        "nats",
        None,
        "Mean entropy of the predicted probabilities; 0 for a network that is always sure, ln K for one that never is.",
        table=UNCERTAINTY,
    ),
    Metric(
        "entropy_difference",
        "Entropy against baseline",
        "nats",
        None,
        "Entropy minus the independent baseline's, on the same images.",
        difference_of="entropy",
        table=UNCERTAINTY,
    ),
    Metric(
        "confidence_wrong",
        "Confidence where wrong",
        "fraction",
        False,
        "Mean confidence of the wrong predictions.",
        table=UNCERTAINTY,
    ),
    Metric(
        "confidence_wrong_difference",
        "Confidence where wrong against baseline",
        "points",
        False,
        "Mean confidence of the wrong predictions minus that of the independent baseline's own wrong predictions.",
        difference_of="confidence_wrong",
        subject="confidence where wrong",
        table=UNCERTAINTY,
    ),
    Metric(
        "teacher_class_logit",
        "Logit of the teacher's class",
        "",
        None,
        "Mean of the network's logit of the class that the teacher predicts; `strength` is the mean of the teacher's "
        "own for the same images.",
        of_teacher=True,
        table="of the curve",
    ),
)
