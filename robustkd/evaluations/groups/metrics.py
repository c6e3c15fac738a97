"""What each number of the evaluation of groups means."""

from robustkd.results.metric import Metric


def _measure(name: str, title: str, higher: bool, meaning: str, subject: str = "") -> tuple[Metric, Metric]:
    """A measure and its difference to the baseline's."""
    gain = Metric(
        f"{name}_change",
        f"{title}, change",
        "points",
        higher,
        f"{title} minus the independent baseline's.",
        difference_of=name,
    )
    return Metric(name, title, "fraction", higher, meaning, subject=subject), gain


METRICS = (
    *_measure(
        "worst_group_accuracy",
        "Worst group",
        True,
        "Accuracy on the group on which the network is least accurate.",
        subject="accuracy on the worst group",
    ),
    *_measure(
        "accuracy_spread",
        "Accuracy spread",
        False,
        "Accuracy on the best group minus accuracy on the worst; 0 if it is the same for all groups.",
        subject="gap between the best and the worst group",
    ),
    *_measure(
        "demographic_parity_difference",
        "Demographic parity difference",
        False,
        "The largest difference between groups in how often a class is predicted, over all classes; 0 if every class "
        "is predicted equally often in all groups.",
    ),
    *_measure(
        "equalised_odds_difference",
        "Equalised odds difference",
        False,
        "The largest difference between groups in how often images of a class are taken for a class, over all pairs of "
        "classes; 0 if the rates are the same in all groups.",
    ),
    Metric("group_accuracy", "Accuracy", "fraction", True, "Accuracy on the images of a group."),
    Metric(
        "group_gain",
        "Accuracy gain",
        "points",
        True,
        "Accuracy on the images of a group minus the independent baseline's.",
        difference_of="group_accuracy",
    ),
)
