"""The metrics of the minority evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "minority_accuracy",
        "Minority",
        "fraction",
        True,
        "Mean recall of the classes with the fewest training images.",
    ),
    Metric(
        "minority_gain",
        "Minority against baseline",
        "points",
        True,
        "Minority recall minus the independent baseline's, on the same images.",
        difference_of="minority_accuracy",
        subject="accuracy on rare classes",
    ),
    Metric(
        "majority_accuracy",
        "Majority",
        "fraction",
        True,
        "Mean recall of the classes with the most training images.",
    ),
    Metric(
        "majority_gain",
        "Majority against baseline",
        "points",
        True,
        "Majority recall minus the independent baseline's, on the same images.",
        difference_of="majority_accuracy",
    ),
    Metric("worst_class_accuracy", "Worst class", "fraction", True, "The smallest recall of all classes."),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "fraction",
        True,
        "Mean recall of all classes.",
        table="all classes",
    ),
    Metric(
        "balanced_accuracy_gain",
        "Balanced accuracy against baseline",
        "points",
        True,
        "Balanced accuracy minus the independent baseline's, on the same images.",
        difference_of="balanced_accuracy",
        subject="balanced accuracy",
        table="all classes",
    ),
    Metric(
        "balanced_accuracy_over_seeds",
        "Balanced accuracy over seeds",
        "fraction",
        True,
        "Balanced accuracy with the t-interval of the variation between trainings, for three seeds or more.",
        table="all classes",
    ),
    Metric(
        "g_mean",
        "G-mean",
        "fraction",
        True,
        "Geometric mean of all recalls; 0 if any recall is 0.",
        table="all classes",
    ),
    Metric(
        "classes_better",
        "Classes better",
        "fraction",
        True,
        "Share of the classes whose accuracy is significantly above the baseline's (McNemar, Holm).",
        table="all classes",
    ),
    Metric(
        "classes_worse",
        "Classes worse",
        "fraction",
        False,
        "Share of the classes whose accuracy is significantly below the baseline's (McNemar, Holm).",
        table="all classes",
    ),
    Metric(
        "prior_pull",
        "Pull to training prior",
        "",
        None,
        "0: classes are predicted as often as they occur in the test set; 1: as often as in training.",
        table="how often classes are predicted",
    ),
    Metric(
        "prior_pull_difference",
        "Pull against baseline",
        "",
        None,
        "Pull to the training prior minus the independent baseline's, on the same images.",
        difference_of="prior_pull",
        table="how often classes are predicted",
    ),
)

SKEWED_METRICS = ("minority_accuracy", "minority_gain")
"""The metrics of the headline if some classes are rare in training."""

BALANCED_METRICS = ("balanced_accuracy", "balanced_accuracy_gain")
"""The metrics of the headline if no class is rare in training."""
