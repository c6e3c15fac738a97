"""The metrics of the transferability evaluation."""

from robustkd.results.metric import Metric

ON_ITSELF = "attacks on the network itself"
"""The table of the metrics of single networks, in addition to that of sources and targets."""

IN_TABLES = (
    Metric(
        "transfer_success",
        "Transfer success",
        "fraction",
        None,
        "Of the images that source and target both classify correctly, the share that the target misclassifies after "
        "the attack on the source.",
    ),
    Metric(
        "mean_on_target",
        "Mean over sources",
        "fraction",
        None,
        "Transfer success on a target, averaged over all sources whose checks passed: how easily the target is fooled.",
    ),
    Metric(
        "mean_from_source",
        "Mean over targets",
        "fraction",
        None,
        "Transfer success from a source, averaged over all targets whose checks passed: how well attacks on the source "
        "transfer.",
    ),
    Metric(
        "teacher_transfer_excess",
        "From the teacher, in excess",
        "points",
        None,
        "Transfer success from the teacher minus that from the teacher to the independent baseline.",
        difference_of="transfer_success",
        subject="misled by attacks on the teacher",
        of_teacher=True,
    ),
    Metric(
        "fooling_rate",
        "Fooling rate",
        "fraction",
        None,
        "Of the images on which the attack changes the teacher's prediction, the share on which it changes the "
        "network's too (ojha2023).",
        of_teacher=True,
    ),
    Metric(
        "fooling_rate_excess",
        "Fooling rate, in excess",
        "points",
        None,
        "Fooling rate minus the independent baseline's.",
        difference_of="fooling_rate",
        of_teacher=True,
    ),
    Metric(
        "asymmetry",
        "Asymmetry",
        "points",
        None,
        "Transfer success from the network to the teacher minus that from the teacher to the network.",
        of_teacher=True,
    ),
    Metric(
        "white_box_accuracy",
        "White-box accuracy",
        "fraction",
        True,
        "Accuracy on the adversarial examples crafted on the network itself.",
        table=ON_ITSELF,
    ),
    Metric(
        "worst_case_accuracy",
        "Worst-case accuracy",
        "fraction",
        True,
        "Share of the images that the network classifies correctly, both clean and after every attack on itself.",
        table=ON_ITSELF,
    ),
    Metric(
        "worst_case_gain",
        "Worst case against baseline",
        "points",
        True,
        "Worst-case accuracy minus the independent baseline's, on the same images.",
        difference_of="worst_case_accuracy",
        subject="accuracy under attack",
        table=ON_ITSELF,
    ),
    Metric(
        "autoattack_accuracy",
        "AutoAttack accuracy",
        "fraction",
        True,
        "Share of a sample of the images that the network classifies correctly, both clean and after the standard "
        "version of AutoAttack, composed of torchattacks' attacks.",
        table=ON_ITSELF,
    ),
    Metric(
        "autoattack_gain",
        "AutoAttack against baseline",
        "points",
        True,
        "AutoAttack accuracy minus the independent baseline's, on the same images.",
        difference_of="autoattack_accuracy",
        table=ON_ITSELF,
    ),
    Metric(
        "noise_success",
        "Fooled by noise",
        "fraction",
        None,
        "Of the images that the network classifies correctly, the share that it misclassifies after random noise as "
        "large as the attack may be: what a change of this size does without any intention.",
        table=ON_ITSELF,
    ),
    Metric(
        "zero_gradients",
        "Zero gradients",
        "fraction",
        None,
        "Share of the images whose input gradient of the cross-entropy is exactly zero, so that attacks on the "
        "cross-entropy cannot change them.",
        table=ON_ITSELF,
    ),
)

IN_RESULTS_ONLY = (
    Metric(
        "transfer_success_fooled_source",
        "Transfer success, source fooled",
        "fraction",
        None,
        "Transfer success among the images on which the attack fools the source itself.",
    ),
    Metric(
        "mean_on_target_others",
        "Mean over other sources",
        "fraction",
        None,
        "Transfer success on a target, averaged over all other networks as sources.",
    ),
    Metric(
        "mean_from_source_others",
        "Mean over other targets",
        "fraction",
        None,
        "Transfer success from a source, averaged over all other networks as targets.",
    ),
    Metric(
        "white_box_accuracy_8bit",
        "White-box accuracy, 8 bit",
        "fraction",
        True,
        "Accuracy on the same adversarial examples rounded to 256 levels, as an image file stores them.",
    ),
    Metric(
        "withstood_first",
        "Withstood the first attack",
        "fraction",
        True,
        "Share of the images classified correctly, both clean and after the matrix's attack on the network itself.",
    ),
    Metric(
        "transfer_success_8bit",
        "Transfer success, 8 bit",
        "fraction",
        None,
        "Transfer success of the same examples rounded to 256 levels within ε, as an image file stores them.",
    ),
    Metric(
        "survival_8bit",
        "Successes that survive rounding",
        "fraction",
        None,
        "Of the images on which the attack on the source fools the target, the share on which it still does after the "
        "example was rounded to 256 levels within ε.",
    ),
    Metric(
        "together_excess",
        "All students together, teacher over baseline",
        "points",
        None,
        "Transfer success on the teacher minus that on an independent baseline, of the attack on the mean of the "
        "logits of all students.",
        of_teacher=True,
    ),
    Metric(
        "explained_by_accuracy",
        "Transfer explained by accuracy",
        "fraction",
        None,
        "R² over the networks besides the teacher of a line that predicts transfer success from the teacher by clean "
        "accuracy; T networks without any relation have 1/(T − 1) on average.",
        of_teacher=True,
    ),
    Metric(
        "masking",
        "Strongest transferred attack over white-box attack",
        "points",
        None,
        "Success of the attack on another network that transfers best to this one, minus that of the attack on the "
        "network itself; the interval holds for all sources together.",
    ),
)

METRICS = (*IN_TABLES, *IN_RESULTS_ONLY)
