"""The metrics of the localisation evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "map_cosine",
        "Map similarity",
        "",
        True,
        "Mean cosine of the network's and the teacher's Grad-CAM of the true class, from 0 to 1.",
        of_teacher=True,
    ),
    Metric(
        "map_cosine_excess",
        "Map similarity in excess",
        "",
        True,
        "Map similarity minus the independent baseline's with the same teacher.",
        difference_of="map_cosine",
        subject="attribution maps like the teacher's",
        of_teacher=True,
    ),
    Metric(
        "map_closer",
        "Map closer than baseline's",
        "fraction",
        True,
        "Share of the images whose map of the teacher is closer, by cosine, to the network's than to the independent "
        "baseline's; 50% is chance. Ties count one half. The baseline's own row compares a second baseline with the "
        "first.",
        against_baseline=True,
        of_teacher=True,
    ),
    Metric(
        "map_cosine_shuffled",
        "Map similarity, shuffled",
        "",
        None,
        "Map similarity with the teacher's maps of other images: what chance and the middle of the image give.",
        of_teacher=True,
    ),
    Metric(
        "map_cosine_between_baselines",
        "Map similarity between baselines",
        "",
        None,
        "Mean cosine of the maps of two independent baselines.",
    ),
    Metric(
        "deletion_auc",
        "Deletion AUC",
        "fraction",
        None,
        "Mean probability of the true class while cells of the image are deleted, those that the map marks first.",
    ),
    Metric(
        "deletion_gain",
        "Deletion gain",
        "points",
        True,
        "Deletion AUC of a random order of the cells minus that of the map; positive where the map shows what the "
        "network needs.",
    ),
)
