"""The metrics of the fidelity evaluation."""

from robustkd.evaluations.fidelity.class_groups import GROUPS
from robustkd.results.metric import Metric

BY_ANSWER = "where the teacher is right or wrong"

PROBABILITIES = "of probabilities"

TRAINING = "on training images"

CLASS_GROUPS = "of groups of classes"


def with_excess(metric: Metric, control: bool = True) -> tuple[Metric, ...]:
    """Return a metric with its difference to the independent baseline, and to a student of another teacher.

    Args:
        metric: The metric.
        control: Whether the difference to a student of another teacher is reported too.
    """
    unit = "points" if metric.unit == "fraction" else metric.unit

    def difference(suffix: str, title: str, meaning: str, reference: str) -> Metric:
        return Metric(
            f"{metric.name}_{suffix}",
            f"{metric.title}{',' if ',' in metric.title else ''} {title}",
            unit,
            metric.higher_is_better,
            meaning,
            difference_of=metric.name,
            reference="control" if reference == "control" else "baseline",
            of_teacher=True,
            table=metric.table,
        )

    excess = difference(
        "excess", "in excess", f"{metric.title} minus the independent baseline's with the same teacher.", "baseline"
    )
    if not control:
        return metric, excess
    over = difference(
        "over_control",
        "over control",
        f"{metric.title} minus that of a student of another teacher, with the same teacher.",
        "control",
    )
    return metric, excess, over


METRICS = (
    *with_excess(
        Metric(
            "agreement",
            "Agreement",
            "fraction",
            True,
            "Share of the test images for which the network and the teacher predict the same class.",
            of_teacher=True,
            subject="agreement with the teacher",
        )
    ),
    *with_excess(
        Metric(
            "kl",
            "KL from teacher",
            "nats",
            False,
            "Mean KL divergence KL(teacher ‖ network) of the predictions at temperature 1; 0 for equal predictions.",
            of_teacher=True,
        )
    ),
    *with_excess(
        Metric(
            "error_consistency",
            "Error consistency κ",
            "",
            True,
            "Agreement on which images are classified correctly, beyond what the accuracies imply; 0 is chance, 1 "
            "means errors on the same images.",
            of_teacher=True,
        ),
        control=False,
    ),
    *with_excess(
        Metric(
            "agreement_right",
            "Agreement, teacher right",
            "fraction",
            True,
            "Agreement on the test images that the teacher classifies correctly.",
            of_teacher=True,
            table=BY_ANSWER,
        )
    ),
    *with_excess(
        Metric(
            "agreement_wrong",
            "Agreement, teacher wrong",
            "fraction",
            None,
            "Agreement on the test images that the teacher classifies wrongly: the share of its errors that the "
            "network repeats.",
            of_teacher=True,
            table=BY_ANSWER,
        )
    ),
    *with_excess(
        Metric(
            "same_wrong",
            "Same wrong class",
            "fraction",
            None,
            "Share of the test images that both classify wrongly for which both predict the same class.",
            of_teacher=True,
            table=BY_ANSWER,
        )
    ),
    *with_excess(
        Metric(
            "js",
            "JS divergence",
            "nats",
            False,
            "Mean Jensen–Shannon divergence of the predictions, 0 to ln 2; 0 for equal predictions.",
            of_teacher=True,
            table=PROBABILITIES,
        ),
        control=False,
    ),
    *with_excess(
        Metric(
            "tv",
            "Total variation",
            "fraction",
            False,
            "Mean total variation distance of the predictions, half the sum of absolute differences.",
            of_teacher=True,
            table=PROBABILITIES,
        ),
        control=False,
    ),
    *with_excess(
        Metric(
            "kappa_p",
            "Probabilistic consistency κ_p",
            "",
            True,
            "Agreement of predictions drawn from the probabilities, beyond what the mean probabilities of the true "
            "class imply; 0 is chance.",
            of_teacher=True,
            table=PROBABILITIES,
        ),
    ),
    *with_excess(
        Metric(
            "rank_correlation",
            "Rank correlation of wrong classes",
            "",
            True,
            "Mean over images of Spearman's correlation of the probabilities of all classes but the true one; 0 is "
            "chance.",
            of_teacher=True,
            table=PROBABILITIES,
        )
    ),
    *with_excess(
        Metric(
            "agreement_train",
            "Agreement on training images",
            "fraction",
            True,
            "Share of a sample of the training images for which the network and the teacher predict the same class.",
            of_teacher=True,
            table=TRAINING,
        ),
        control=False,
    ),
    *with_excess(
        Metric(
            "kl_across_groups",
            "KL across groups",
            "nats",
            False,
            "The part of the KL divergence that is about the probabilities of the groups of classes.",
            of_teacher=True,
            table=CLASS_GROUPS,
        ),
        control=False,
    ),
    *(
        each
        for group in GROUPS
        for each in with_excess(
            Metric(
                f"kl_{group}",
                f"KL within the {group}",
                "nats",
                False,
                f"The part of the KL divergence that is about the classes of the {group}, weighted by the teacher's "
                "probability of that group.",
                of_teacher=True,
                table=CLASS_GROUPS,
            ),
            control=False,
        )
    ),
    Metric(
        "ece",
        "ECE",
        "fraction",
        False,
        "Expected calibration error in ten bins of equal width, for comparison with the agreement; it has its "
        "intervals in the evaluation of calibration.",
    ),
)
