"""What each number of the evaluation of provenance means."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "agreement_beyond_accuracy",
        "Agreement on errors beyond accuracy",
        "points",
        None,
        "Agreement on errors minus what the accuracies of the network and the teacher on these images imply; 0 for "
        "networks that err independently of each other.",
        of_teacher=True,
    ),
    Metric(
        "agreement_beyond_accuracy_excess",
        "The same in excess",
        "points",
        None,
        "Agreement on errors beyond accuracy minus the independent baseline's.",
        difference_of="agreement_beyond_accuracy",
        subject="wrong answers shared beyond what accuracy implies",
        of_teacher=True,
    ),
    Metric(
        "agreement_beyond_accuracy_control",
        "The same beyond control",
        "points",
        None,
        "Agreement on errors beyond accuracy minus that of the same method with another teacher.",
        difference_of="agreement_beyond_accuracy",
        reference="control",
        of_teacher=True,
    ),
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
        "provenance_auroc",
        "AUROC of provenance",
        "fraction",
        None,
        "Share of pairs of a student and an independent network in which the student agrees more; 50% is chance.",
        against_baseline=True,
        of_teacher=True,
    ),
)
