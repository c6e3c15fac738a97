"""The metrics of the calibration evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric("nll", "NLL", "nats", False, "Mean negative log-likelihood of the true class."),
    Metric("brier", "Brier score", "", False, "Mean squared distance of the probabilities from the truth, 0 to 2."),
    Metric(
        "ece",
        "ECE",
        "fraction",
        False,
        "Mean distance of confidence from accuracy, over bins of the confidence of equal width.",
    ),
    Metric(
        "ece_difference",
        "ECE against baseline",
        "points",
        False,
        "ECE minus the independent baseline's, on the same images.",
        difference_of="ece",
    ),
    Metric(
        "ece_equal_mass",
        "ECE, equal mass",
        "fraction",
        False,
        "The same over bins that hold equally many images.",
    ),
    Metric(
        "confidence_gap",
        "Confidence − accuracy",
        "points",
        None,
        "Mean confidence minus accuracy: above 0 overconfident, below 0 underconfident.",
    ),
    Metric(
        "temperature",
        "Fitted temperature",
        "",
        None,
        "What the logits must be divided by to be most likely, on half of the test images; above 1, they were too "
        "large. Absent where it is beyond 0.01 or 100; the metrics after it are those at that end.",
        table="with the fitted temperature",
    ),
    Metric(
        "ece_after",
        "ECE after",
        "fraction",
        False,
        "ECE with the fitted temperature, on the other half of the test images.",
        table="with the fitted temperature",
    ),
    Metric(
        "nll_after",
        "NLL after",
        "nats",
        False,
        "NLL with the fitted temperature, on the other half of the test images.",
        table="with the fitted temperature",
    ),
)
