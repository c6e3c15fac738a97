"""What each number of the evaluation of backdoors means."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "attack_success",
        "Attack success",
        "fraction",
        False,
        "Share of the test images of other classes that are taken for the target class with the trigger.",
    ),
    Metric(
        "attack_success_excess",
        "Attack success in excess",
        "points",
        False,
        "Attack success minus the independent baseline's.",
        difference_of="attack_success",
        subject="success of the backdoor",
    ),
    Metric(
        "trigger_effect",
        "Trigger effect",
        "points",
        False,
        "Attack success minus the share of the same images that are taken for the target class without the trigger.",
    ),
    Metric(
        "trigger_effect_excess",
        "Trigger effect in excess",
        "points",
        False,
        "Trigger effect minus the independent baseline's.",
        difference_of="trigger_effect",
    ),
    Metric("clean_accuracy", "Accuracy", "fraction", True, "Accuracy on the test images without the trigger."),
    Metric(
        "clean_accuracy_gain",
        "Accuracy gain",
        "points",
        True,
        "Accuracy without the trigger minus the independent baseline's.",
        difference_of="clean_accuracy",
    ),
)
