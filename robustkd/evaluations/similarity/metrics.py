"""The metrics of the similarity evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "cka",
        "CKA",
        "",
        True,
        "Linear CKA of the network's pooled features with the teacher's: 1 for features that are equal but for "
        "rotation, shift and scale.",
        of_teacher=True,
    ),
    Metric(
        "cka_excess",
        "CKA in excess",
        "",
        True,
        "CKA with the teacher minus the independent baseline's.",
        difference_of="cka",
        subject="features like the teacher's (CKA)",
        of_teacher=True,
    ),
    Metric(
        "mutual_knn",
        "Mutual neighbours",
        "fraction",
        True,
        "Share of an image's nearest neighbours, by cosine of the pooled features, that network and teacher have in "
        "common.",
        of_teacher=True,
    ),
    Metric(
        "mutual_knn_excess",
        "Neighbours in excess",
        "points",
        True,
        "Mutual neighbours minus the independent baseline's with the same teacher.",
        difference_of="mutual_knn",
        of_teacher=True,
    ),
    Metric(
        "cka_debiased",
        "CKA, debiased",
        "",
        True,
        "CKA with the unbiased estimator of HSIC, which is 0 on average for independent features, however many.",
        of_teacher=True,
    ),
    Metric(
        "cka_shuffled",
        "CKA, shuffled images",
        "",
        None,
        "CKA with the teacher's features of other images: what chance alone gives.",
        of_teacher=True,
    ),
    Metric(
        "cka_gnosis",
        "CKA, variant gnosis",
        "",
        True,
        "What the published code of Stanton et al. 2021 computes under this name, for the last block: a kernel CKA of "
        "the columns of the image, which is high for independent noise too.",
        of_teacher=True,
    ),
    Metric(
        "cka_between_baselines",
        "CKA between baselines",
        "",
        None,
        "Linear CKA of the pooled features of two independent baselines.",
    ),
    Metric(
        "mutual_knn_between_baselines",
        "Neighbours between baselines",
        "fraction",
        None,
        "Mutual neighbours of two independent baselines.",
    ),
)
