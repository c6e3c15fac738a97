"""The metrics of the decision boundary evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "boundary_iou",
        "Boundary IoU",
        "fraction",
        True,
        "Share of the points of planes through three test images for which network and teacher predict the same class, "
        "as Somepalli et al. 2022 define it.",
        of_teacher=True,
    ),
    Metric(
        "boundary_iou_excess",
        "Boundary IoU in excess",
        "points",
        True,
        "Boundary IoU minus the independent baseline's with the same teacher.",
        difference_of="boundary_iou",
        subject="decision regions shared with the teacher",
        of_teacher=True,
    ),
    Metric(
        "boundary_class_iou",
        "Boundary IoU, variant class_mean",
        "fraction",
        True,
        "Intersection over union of the regions of a class, averaged over the classes of a plane: small regions count "
        "as much as large ones.",
        of_teacher=True,
    ),
    Metric(
        "boundary_class_iou_excess",
        "Class IoU in excess",
        "points",
        True,
        "Boundary IoU of the variant class_mean minus the independent baseline's with the same teacher.",
        difference_of="boundary_class_iou",
        of_teacher=True,
    ),
    Metric(
        "boundary_iou_shuffled",
        "Boundary IoU, other planes",
        "fraction",
        None,
        "Boundary IoU with the teacher's predictions on other planes: what chance gives.",
        of_teacher=True,
    ),
    Metric(
        "boundary_iou_between_baselines",
        "Boundary IoU between baselines",
        "fraction",
        None,
        "Boundary IoU of two independent baselines.",
    ),
)
