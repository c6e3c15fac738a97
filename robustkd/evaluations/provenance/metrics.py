"""What each number of the evaluation of provenance means."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "agreement_on_errors",
        "Agreement on errors",
        "fraction",
        None,
        "Share of the images that an independent baseline gets wrong on which the network predicts the teacher's class"
        ", averaged over the baselines; for a baseline, over the other ones.",
        of_teacher=True,
    ),
    Metric(
        "agreement_on_errors_excess",
        "Agreement on errors in excess",
        "points",
        None,
        "Agreement on errors minus the independent baseline's.",
        difference_of="agreement_on_errors",
        of_teacher=True,
    ),
    Metric(
        "agreement_on_errors_control",
        "Agreement on errors beyond control",
        "points",
        None,
        "Agreement on errors minus that of the same method with another teacher.",
        difference_of="agreement_on_errors",
        reference="control",
        of_teacher=True,
    ),
    Metric(
        "provenance_auroc",
        "AUROC of provenance",
        "fraction",
        None,
        "Share of pairs of a student and an independent network in which the student agrees more; 50% is chance.",
        against_baseline=True,
        of_teacher=True,
    ),
)
