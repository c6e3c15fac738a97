from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from robustkd.data import Dataset, ImageSet
from robustkd.data.alterations.textures import partners
from robustkd.evaluations.shape_bias import ShapeBias, ShapeBiasOptions
from robustkd.evaluations.shape_bias.conflicts import CONTROL
from robustkd.models import ModelPool
from robustkd.results.records import Records

from ...conftest import network
from ..constructed import Network, PredictWith, constant

SMOOTH, SILHOUETTE = "smooth shape, shuffled detail (generated)", "silhouette, shuffled patches (generated)"


@pytest.fixture
def planted() -> Dataset:
    """Sixty grey images of which the left or the right half is brighter, and that are of a colour: class 0 or 1.

    Class 0 is brighter on the left, and reddish; class 1 on the right, and bluish.
    """
    labels = torch.arange(60) % 2
    columns = torch.arange(16)
    left = torch.where(columns < 8, 160, 90)
    level = torch.where(labels[:, None] == 0, left, left.flip(0))[:, None, None, :].expand(60, 3, 16, 16).clone()
    level[:, 0] += torch.where(labels == 0, 40, 0)[:, None, None]
    level[:, 2] += torch.where(labels == 1, 40, 0)[:, None, None]
    noise = torch.randint(0, 5, level.shape, generator=torch.Generator().manual_seed(0))
    return Dataset("planted", None, ImageSet((level + noise).to(torch.uint8), labels, ("cat", "truck", "ship")))


def two_classes(score: Tensor) -> Tensor:
    return torch.stack([score, -score, torch.full_like(score, -99)], dim=1)


def by_shape(pixels: Tensor) -> Tensor:
    """Where the image is brighter."""
    return two_classes((pixels[..., :8] - pixels[..., 8:]).mean(dim=(1, 2, 3)))


def by_texture(pixels: Tensor) -> Tensor:
    """Which colour the image has: half of what is planted as texture."""
    return two_classes((pixels[:, 0] - pixels[:, 2]).mean(dim=(1, 2)))


def measured(
    data: Dataset, networks: dict[str, Network], pool: ModelPool | None = None, **options: object
) -> tuple[Records, pd.DataFrame]:
    pool = pool or ModelPool(network(0), network(1), {"at": network(2)})
    evaluation = ShapeBias(ShapeBiasOptions(**options))  # type: ignore[arg-type]
    records = evaluation.measure(pool, data, PredictWith(data, networks))
    return records, evaluation.summarise(records)


def values_of(frame: pd.DataFrame, metric: str, part: str | None = None) -> dict[str, float]:
    found = frame[(frame["metric"] == metric) & (frame["level"] == ("detail" if part else "method"))]
    found = found[found["part"] == part] if part else found
    return dict(zip(found["member"], found["value"], strict=True))


def test_a_network_that_follows_a_planted_texture_has_no_shape_bias(planted: Dataset) -> None:
    _, frame = measured(planted, {"teacher": by_shape, "baseline": by_shape, "at": by_texture})

    assert values_of(frame, "shape_bias") == {"teacher": 1.0, "baseline": 1.0, "at": 0.0}
    assert values_of(frame, "shape_bias_gain") == {"at": -1.0}
    assert values_of(frame, "cue_decisions") == {"teacher": 1.0, "baseline": 1.0, "at": 1.0}


def test_the_control_has_both_cues_of_one_class(planted: Dataset) -> None:
    records, frame = measured(planted, {"teacher": by_shape, "baseline": constant, "at": by_texture})

    assert str(records.arrays["sets"][-1]) == CONTROL
    assert values_of(frame, "congruent_accuracy") == {"teacher": 1.0, "baseline": 0.5, "at": 1.0}


def test_a_student_that_is_its_teacher_decides_like_it(planted: Dataset) -> None:
    _, frame = measured(planted, {"teacher": by_texture, "baseline": by_shape, "at": by_texture})

    assert values_of(frame, "conflict_consensus") == {"baseline": 0.0, "at": 1.0}
    assert values_of(frame, "conflict_consensus_excess") == {"at": 1.0}
    assert set(values_of(frame, "conflict_consensus", SILHOUETTE)) == {"baseline", "at"}


def test_decisions_for_neither_cue_do_not_count(planted: Dataset) -> None:
    def neither(pixels: Tensor) -> Tensor:
        return torch.tensor([[0.0, 0.0, 1.0]]).expand(len(pixels), -1)

    _, frame = measured(planted, {"teacher": by_shape, "baseline": by_shape, "at": neither})

    assert np.isnan(values_of(frame, "shape_bias")["at"])
    assert values_of(frame, "cue_decisions")["at"] == 0
    said = ShapeBias().headline(frame)
    assert said[0] == "Shape bias of at is not defined: no image is eligible."


def test_the_shape_bias_is_the_share_of_shape_decisions(planted: Dataset) -> None:
    records, frame = measured(planted, {"teacher": by_shape, "baseline": constant, "at": by_shape})

    # the constant decides for class 0: the shape where the shape is of class 0, else the texture
    shapes, textures = records.arrays["shape_0"], records.arrays["texture_0"]
    assert values_of(frame, "shape_bias")["baseline"] == pytest.approx((shapes == 0).sum() / 60)
    np.testing.assert_array_equal(textures, planted.test.labels[partners(planted.test, 0)])


def test_a_folder_comes_first_and_decisions_are_among_its_classes(planted: Dataset, tmp_path: Path) -> None:
    pixels = planted.test.read(torch.arange(2)).permute(0, 2, 3, 1).numpy()
    for place, name in enumerate(("cat1-truck1.png", "truck2-cat1.png")):
        Image.fromarray(pixels[place]).save(tmp_path / name)

    def third_class_first(pixels: Tensor) -> Tensor:
        return by_shape(pixels) + torch.tensor([0.0, 0.0, 999.0])

    records, frame = measured(
        planted, {"teacher": by_shape, "baseline": constant, "at": third_class_first}, path=str(tmp_path)
    )

    assert [str(name) for name in records.arrays["sets"]] == [tmp_path.name, SMOOTH, SILHOUETTE, CONTROL]
    # among cat and truck, the third class is no choice
    assert values_of(frame, "shape_bias") == {"teacher": 1.0, "baseline": 0.5, "at": 1.0}
    assert values_of(frame, "cue_decisions", SMOOTH)["at"] == 0.0
    assert tmp_path.name in ShapeBias().headline(frame)[-1]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (lambda count: torch.zeros(count), "Generated cue conflicts are left out: "),
        (lambda count: torch.arange(count), "The control is left out: "),
    ],
)
def test_data_without_textures_of_other_images_are_said(
    planted: Dataset, labels: Callable[[int], Tensor], said: str
) -> None:
    count = 3
    few = planted.test.subset(torch.arange(count))
    data = Dataset("few", None, ImageSet(few.read(torch.arange(count)), labels(count).long(), few.class_names))

    records, frame = measured(data, {"teacher": by_shape, "baseline": by_shape, "at": by_texture})

    assert [note for note in records.notes if note.startswith(said)]
    assert ShapeBias().headline(frame)


def test_a_missing_folder_is_said_and_the_others_are_measured(planted: Dataset) -> None:
    records, _ = measured(planted, {"teacher": by_shape, "baseline": by_shape, "at": by_texture}, path="/not/there")

    assert records.notes == ("Left out as cue conflicts: /not/there: there is no such folder",)
    assert len(records.arrays["sets"]) == 3


def test_without_teacher_and_baseline_the_bias_is_still_measured(planted: Dataset) -> None:
    pool = ModelPool(students={"at": network(0)})

    records, frame = measured(planted, {"at": by_shape}, pool)

    assert values_of(frame, "shape_bias") == {"at": 1.0}
    assert records.notes == ("There is no teacher, so it is unknown whether its bias was taken over",)
    assert "no independent baseline" in ShapeBias().headline(frame)[0]


def test_headline_chart_and_picture(planted: Dataset) -> None:
    records, frame = measured(planted, {"teacher": by_shape, "baseline": by_texture, "at": by_shape})

    first, second = ShapeBias().headline(frame)
    assert first.startswith(
        "The at network decides by shape in 100.0% of its decisions between shape and texture, +100.0"
    )
    assert second == f"The teacher's share is 100.0%; the cue conflicts are: {SMOOTH}."
    assert SILHOUETTE in str(ShapeBias().chart(frame).to_dict())
    (picture,) = ShapeBias().pictures(records)
    assert [row.label for row in picture.rows] == [
        "test images",
        "smooth shape",
        "silhouette",
        "both cues of one class",
    ]
