"""What each number of the evaluation of spurious borders means."""

from robustkd.results.metric import Metric


def _against_baseline(name: str, title: str, of: str, higher: bool) -> Metric:
    return Metric(name, title, "points", higher, "The same minus the independent baseline's.", difference_of=of)


METRICS = (
    Metric(
        "follows_border",
        "Follows the border",
        "fraction",
        False,
        "Share of the test images with the border of another class that are taken for the class of the border.",
        subject="following a spurious border",
    ),
    _against_baseline("follows_border_excess", "Follows the border in excess", "follows_border", False),
    Metric(
        "border_effect",
        "Border effect",
        "points",
        False,
        "That share minus the share of the same images that are taken for this class without the border.",
    ),
    _against_baseline("border_effect_excess", "Border effect in excess", "border_effect", False),
    Metric(
        "accuracy_loss",
        "Accuracy loss",
        "points",
        False,
        "Accuracy on the test images without a border minus that with the border of another class.",
    ),
    _against_baseline("accuracy_loss_excess", "Accuracy loss in excess", "accuracy_loss", False),
    Metric("clean_accuracy", "Accuracy", "fraction", True, "Accuracy on the test images without a border."),
    _against_baseline("clean_accuracy_gain", "Accuracy gain", "clean_accuracy", True),
)
