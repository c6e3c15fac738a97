import numpy as np
import pandas as pd
import pytest

from robustkd.presentation.by_part import dots_by_part
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.results.metric import Metric

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "The share that is right.")


def test_each_part_has_a_dot_in_percent_for_each_method() -> None:
    rows = [
        {
            "level": level,
            "method": method,
            "metric": "accuracy",
            "part": part,
            "value": value,
            "ci_low": value,
            "ci_high": value,
        }
        for level, method, part, value in [
            ("method", "at", None, 0.5),
            ("detail", "at", "grey", 0.25),
            ("detail", "sp", "grey", 0.75),
            ("detail", "at", "edges", np.nan),
        ]
    ]
    frame = pd.DataFrame(rows).assign(interval="", role="student")

    drawn = dots_by_part(frame, ACCURACY).to_dict()

    values = drawn["data"]["values"]
    assert [(each["method"], each["part"], each["value"]) for each in values] == [
        ("at", "grey", 25),
        ("sp", "grey", 75),
    ]


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 4)), (3, (4, 4, 3))])
def test_rows_of_fewer_images_end_in_gaps(channels: int, shape: tuple[int, ...]) -> None:
    whole, short = (np.zeros((count, 4, 4, channels), dtype=np.uint8) for count in (3, 2))

    picture = rows_of_images("sets", "Sets", "The first.", ["a", "b"], [whole, short])

    assert [len(row.tiles) for row in picture.rows] == [3, 3]
    assert picture.rows[1].tiles[2] is None
    first = picture.rows[0].tiles[0]
    assert first is not None
    assert first.pixels.shape == shape
