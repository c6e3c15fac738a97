"""The metrics of the calibration evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric("nll", "NLL", "nats", False, "Mean negative log-likelihood of the true class."),
    Metric(
        "brier",
        "Brier score",
        "",
        False,
        "Mean squared distance between the predicted probabilities and the true class, 0 to 2.",
    ),
    Metric(
        "ece",
        "ECE",
        "fraction",
        False,
        "Expected calibration error: mean difference between confidence and accuracy, over bins of equal width.",
    ),
    Metric(
        "ece_difference",
        "ECE against baseline",
        "points",
        False,
        "ECE minus the independent baseline's, on the same images.",
        difference_of="ece",
        subject="calibration error (ECE)",
    ),
    Metric(
        "ece_equal_mass",
        "ECE, equal mass",
        "fraction",
        False,
        "Expected calibration error over bins that hold equally many images.",
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
        "The divisor of the logits that makes the labels of half of the test images most likely; above 1, the "
        "logits are too large. Absent, with the metrics after scaling, if no temperature is the most likely one.",
        table="with the fitted temperature",
    ),
    Metric(
        "ece_after",
        "ECE after",
        "fraction",
        False,
        "ECE with the fitted temperature on the other half of the test images.",
        table="with the fitted temperature",
    ),
    Metric(
        "nll_after",
        "NLL after",
        "nats",
        False,
        "NLL with the fitted temperature on the other half of the test images.",
        table="with the fitted temperature",
    ),
)
