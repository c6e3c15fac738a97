"""The metrics of the adversarial inheritance evaluation."""

from robustkd.results.metric import Metric

FROM_FOREIGN = "attacks on a foreign source"
"""The table of the control."""

TO_TEACHER = "attacks on the network, shown to the teacher"
"""The table of the reverse."""

FROM_TEACHER_METRICS = (
    Metric(
        "fooling_rate",
        "Fooling rate",
        "fraction",
        None,
        "Of the images on which the attack on the teacher changes the teacher's prediction, the share on which it "
        "changes the network's too (ojha2023).",
        of_teacher=True,
    ),
    Metric(
        "fooling_rate_excess",
        "Fooling rate, in excess",
        "points",
        None,
        "Fooling rate minus the independent baseline's, for the same attack on the same images.",
        difference_of="fooling_rate",
        subject="fooled by the images that fool the teacher",
        of_teacher=True,
    ),
    Metric(
        "transfer_success",
        "Transfer success",
        "fraction",
        None,
        "Of the images that teacher and network both classify correctly, the share that the network misclassifies "
        "after the attack on the teacher (sarfraz2020).",
        of_teacher=True,
    ),
    Metric(
        "transfer_success_excess",
        "Transfer success, in excess",
        "points",
        None,
        "Transfer success minus the independent baseline's.",
        difference_of="transfer_success",
        subject="misled by attacks on the teacher",
        of_teacher=True,
    ),
    Metric(
        "specific_fooling",
        "Teacher less foreign",
        "points",
        None,
        "Fooling rate by the attack on the teacher minus that by the attack on the foreign source. A foreign source of "
        "the network's own architecture fools it more than another one does, so only the difference to the baseline's "
        "says what is inherited.",
        of_teacher=True,
    ),
    Metric(
        "specific_fooling_excess",
        "Teacher less foreign, in excess",
        "points",
        None,
        "Fooling rate by the teacher minus that by the foreign source, minus the same difference of the independent "
        "baseline: what is left after a network that is easier to fool by any attack is accounted for.",
        difference_of="specific_fooling",
        of_teacher=True,
    ),
)

FROM_FOREIGN_METRICS = (
    Metric(
        "foreign_fooling_rate",
        "Fooling rate",
        "fraction",
        None,
        "Fooling rate by attacks on the foreign source, a network that is no teacher of the students.",
        table=FROM_FOREIGN,
    ),
    Metric(
        "foreign_fooling_rate_excess",
        "Fooling rate, in excess",
        "points",
        None,
        "Fooling rate by attacks on the foreign source minus the independent baseline's.",
        difference_of="foreign_fooling_rate",
        table=FROM_FOREIGN,
    ),
    Metric(
        "foreign_transfer_success",
        "Transfer success",
        "fraction",
        None,
        "Transfer success of attacks on the foreign source (sarfraz2020's counting).",
        table=FROM_FOREIGN,
    ),
    Metric(
        "foreign_transfer_success_excess",
        "Transfer success, in excess",
        "points",
        None,
        "Transfer success of attacks on the foreign source minus the independent baseline's.",
        difference_of="foreign_transfer_success",
        table=FROM_FOREIGN,
    ),
)

TO_TEACHER_METRICS = (
    Metric(
        "reverse_fooling_rate",
        "Fooling rate of the teacher",
        "fraction",
        None,
        "Of the images on which the attack on the network changes the network's prediction, the share on which it "
        "changes the teacher's too.",
        of_teacher=True,
        table=TO_TEACHER,
    ),
    Metric(
        "reverse_fooling_rate_excess",
        "Fooling rate of the teacher, in excess",
        "points",
        None,
        "Fooling rate of the teacher by attacks on the network minus that by attacks on the independent baseline.",
        difference_of="reverse_fooling_rate",
        of_teacher=True,
        table=TO_TEACHER,
    ),
    Metric(
        "reverse_transfer_success",
        "Transfer success on the teacher",
        "fraction",
        None,
        "Of the images that network and teacher both classify correctly, the share that the teacher misclassifies "
        "after the attack on the network.",
        of_teacher=True,
        table=TO_TEACHER,
    ),
    Metric(
        "reverse_transfer_success_excess",
        "Transfer success on the teacher, in excess",
        "points",
        None,
        "Transfer success on the teacher of attacks on the network minus that of attacks on the independent baseline.",
        difference_of="reverse_transfer_success",
        of_teacher=True,
        table=TO_TEACHER,
    ),
)

ATTACK_SUCCESS = Metric(
    "attack_success",
    "Attack success",
    "fraction",
    None,
    "Share of the images on which the attack on a network changes its own prediction; fooling rates count these.",
    table=TO_TEACHER,
)

FOOLING_AUROC = Metric(
    "fooling_auroc",
    "AUROC of fooling",
    "fraction",
    None,
    "Share of pairs of a student and an independent network in which the student is fooled more by the teacher's "
    "attacks (less the foreign source's, where there is one); 50% is chance.",
    against_baseline=True,
    of_teacher=True,
)

METRICS = (*FROM_TEACHER_METRICS, *FROM_FOREIGN_METRICS, *TO_TEACHER_METRICS, ATTACK_SUCCESS, FOOLING_AUROC)
