"""The metrics of shape bias."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "shape_bias",
        "Shape bias",
        "fraction",
        None,
        "Of the decisions for the class of the shape or of the texture of an image, the share for that of the shape.",
    ),
    Metric(
        "shape_bias_gain",
        "Shape bias, against baseline",
        "points",
        None,
        "Shape bias minus the independent baseline's, on the same images.",
        difference_of="shape_bias",
        subject="shape bias",
    ),
    Metric(
        "cue_decisions",
        "Decided by a cue",
        "fraction",
        None,
        "Share of the images that are classified as the class of their shape or of their texture; the others do not "
        "enter the shape bias.",
    ),
    Metric(
        "conflict_consensus",
        "Consensus on cue conflicts",
        "fraction",
        True,
        "Share of the cue conflicts for which the network and the teacher decide the same.",
        of_teacher=True,
    ),
    Metric(
        "conflict_consensus_excess",
        "Consensus on cue conflicts, in excess",
        "points",
        True,
        "Consensus on cue conflicts minus the independent baseline's with the same teacher.",
        difference_of="conflict_consensus",
        of_teacher=True,
    ),
    Metric(
        "conflict_consensus_over_control",
        "Consensus on cue conflicts, over control",
        "points",
        True,
        "Consensus on cue conflicts minus that of the control, a student of another teacher, with the same teacher.",
        difference_of="conflict_consensus",
        reference="control",
        of_teacher=True,
    ),
    Metric(
        "congruent_accuracy",
        "Accuracy, both cues of one class",
        "fraction",
        True,
        "Control: share of the images that are classified correctly where shape and texture are of one class, mixed in "
        "the same way.",
    ),
)
