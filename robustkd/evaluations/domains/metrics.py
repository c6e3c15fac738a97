"""The metrics on unseen versions of the data."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "consensus",
        "Consensus",
        "fraction",
        True,
        "Share of the images for which the network and the teacher predict the same class, averaged over the unseen "
        "versions.",
        of_teacher=True,
    ),
    Metric(
        "consensus_excess",
        "Consensus in excess",
        "points",
        True,
        "Consensus minus the independent baseline's consensus with the same teacher.",
        difference_of="consensus",
        subject="agreement with the teacher on changed images",
        of_teacher=True,
    ),
    Metric(
        "consensus_over_control",
        "Consensus over control",
        "points",
        True,
        "Consensus minus that of the control, a student of another teacher, with the same teacher.",
        difference_of="consensus",
        reference="control",
        of_teacher=True,
    ),
    Metric(
        "domain_accuracy",
        "Accuracy, unseen versions",
        "fraction",
        True,
        "Share of the images that are classified correctly, averaged over the unseen versions.",
    ),
    Metric(
        "domain_accuracy_gain",
        "Unseen, against baseline",
        "points",
        True,
        "Accuracy on unseen versions minus the independent baseline's, on the same images.",
        difference_of="domain_accuracy",
    ),
)
