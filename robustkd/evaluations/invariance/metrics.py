"""The metrics of invariances."""

from __future__ import annotations

from robustkd.results.metric import Metric

MEAN = (
    Metric(
        "invariance",
        "Invariance",
        "fraction",
        None,
        "Share of the images whose predicted class a change of the image leaves the same, averaged over the strengths "
        "of each kind of change, then over kinds.",
    ),
    Metric(
        "invariance_gain",
        "Invariance, against baseline",
        "points",
        None,
        "Invariance minus the independent baseline's, on the same changed images.",
        difference_of="invariance",
        subject="invariance to changes of the image",
    ),
    Metric(
        "teacher_share",
        "Share of the teacher's difference",
        "fraction",
        None,
        "How much of the teacher's difference to the independent baseline the network has taken over, over all kinds "
        "and strengths: 0% as invariant as the baseline, 100% as the teacher. Absent where these two hardly differ.",
        against_baseline=True,
        of_teacher=True,
    ),
)


def _of(kind: str, title: str, change: str) -> tuple[Metric, Metric]:
    name, table = f"{kind}_invariance", "by kind of change"
    meaning = f"Share of the images whose predicted class stays the same under {change}, averaged over strengths."
    return (
        Metric(name, title, "fraction", None, meaning, table=table),
        Metric(
            f"{name}_gain",
            f"{title}, against baseline",
            "points",
            None,
            f"{title} minus the independent baseline's, on the same changed images.",
            difference_of=name,
            table=table,
        ),
    )


METRICS = (
    *MEAN,
    *_of("colour", "Colour invariance", "colour jitter"),
    *_of("crop", "Crop invariance", "two random crops, compared with each other"),
    *_of("shift", "Shift invariance", "shifts"),
    *_of("rotation", "Rotation invariance", "rotations"),
    *_of("blur", "Blur invariance", "blur"),
)
