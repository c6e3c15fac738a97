import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations.invariance import Invariance, InvarianceOptions
from robustkd.evaluations.invariance.changes import KINDS
from robustkd.evaluations.invariance.share import share_taken_over
from robustkd.models import ModelPool
from robustkd.results.records import Records

from ...conftest import network
from ..constructed import Network, PredictWith, constant

FEW = {"colour": (0.2, 0.4), "crop": (0.5,), "shift": (1, 2), "rotation": (20.0,), "blur": (1.0,)}


@pytest.fixture
def noise() -> Dataset:
    """Sixty images of smooth noise in colour."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(60, 3, 4, 4, generator=random)
    images = (torch.nn.functional.interpolate(coarse, (12, 12), mode="bilinear") * 255).to(torch.uint8)
    return Dataset("noise", None, ImageSet(images, torch.arange(60) % 3, ("a", "b", "c")))


def two_classes(score: Tensor) -> Tensor:
    return torch.stack([score, -score, torch.full_like(score, -99)], dim=1)


def by_colour(pixels: Tensor) -> Tensor:
    """Whether the image is rather red than blue."""
    return two_classes((pixels[:, 0] - pixels[:, 2]).mean(dim=(1, 2)))


def by_row(pixels: Tensor) -> Tensor:
    """Whether the upper half is brighter in green than the lower, however bright it is: jitter of colour aside."""
    return two_classes(pixels[:, 1, :6].mean(dim=(1, 2)) - pixels[:, 1, 6:].mean(dim=(1, 2)))


def by_corner(pixels: Tensor) -> Tensor:
    """Whether the pixel in the corner is brighter than its neighbour."""
    return two_classes((pixels[:, :, 0, 0] - pixels[:, :, 0, 1]).mean(dim=1))


def measured(
    data: Dataset, networks: dict[str, Network], pool: ModelPool | None = None, **options: object
) -> tuple[Records, pd.DataFrame]:
    pool = pool or ModelPool(network(0), network(1), {"at": network(2)})
    evaluation = Invariance(InvarianceOptions(**(FEW | options)))  # type: ignore[arg-type]
    records = evaluation.measure(pool, data, PredictWith(data, networks))
    return records, evaluation.summarise(records)


def values_of(frame: pd.DataFrame, metric: str) -> dict[str, float]:
    found = frame[(frame["metric"] == metric) & (frame["level"] == "method")]
    return dict(zip(found["member"], found["value"], strict=True))


def test_a_network_that_ignores_colour_is_invariant_to_it_alone() -> None:
    levels = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    grey = (torch.nn.functional.interpolate(levels, (12, 12)) * 100 + 80).to(torch.uint8).repeat(1, 3, 1, 1)
    data = Dataset("grey", None, ImageSet(grey, torch.arange(60) % 3, ("a", "b", "c")))

    _, frame = measured(data, dict.fromkeys(("teacher", "baseline", "at"), by_row))

    # brightness and contrast change both halves alike, saturation and hue do nothing to grey
    assert values_of(frame, "colour_invariance")["at"] > 0.97
    assert values_of(frame, "rotation_invariance")["at"] < 1.0
    assert values_of(frame, "crop_invariance")["at"] < 0.9


def test_a_constant_network_is_invariant_to_everything(noise: Dataset) -> None:
    _, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": constant})

    assert {values_of(frame, f"{kind}_invariance")["at"] for kind in KINDS} == {1.0}
    assert values_of(frame, "invariance")["at"] == 1.0


def test_a_student_that_is_its_teacher_takes_over_the_whole_difference(noise: Dataset) -> None:
    _, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": by_colour})

    assert values_of(frame, "teacher_share") == {"at": pytest.approx(1.0)}
    row = frame[(frame["metric"] == "teacher_share") & (frame["level"] == "method")].iloc[0]
    gain = values_of(frame, "invariance")["teacher"] - values_of(frame, "invariance")["baseline"]
    assert values_of(frame, "invariance_gain")["at"] == pytest.approx(gain)
    assert row["n"] == 60


def test_a_student_that_is_the_baseline_takes_over_nothing(noise: Dataset) -> None:
    _, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": by_corner})

    assert values_of(frame, "teacher_share") == {"at": 0.0}


def test_where_teacher_and_baseline_are_alike_there_is_no_share_and_a_note(noise: Dataset) -> None:
    records, frame = measured(noise, {"teacher": by_corner, "baseline": by_corner, "at": by_colour})

    assert np.isnan(values_of(frame, "teacher_share")["at"])
    (note,) = records.notes
    assert note.startswith("The teacher's invariances differ too little")
    assert "at moved" in note


def test_a_baseline_of_several_seeds_is_compared_with_its_others(noise: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(3)], {"at": network(2)})
    networks = {"teacher": by_colour, "baseline-0": by_corner, "baseline-1": constant, "at": by_colour}

    records, frame = measured(noise, networks, pool)

    agreed = records.arrays["agreed"].mean(axis=2)  # teacher, both baselines, student
    found = frame[(frame["metric"] == "teacher_share") & (frame["level"] == "network")].set_index("member")["value"]
    assert found["baseline-0"] == pytest.approx(share_taken_over(agreed[1], agreed[0], agreed[2]))
    assert found["at"] == pytest.approx(1.0)


def test_the_share_is_the_slope_through_the_origin() -> None:
    teacher, baseline = np.array([0.9, 0.8, 0.3]), np.array([0.5, 0.6, 0.7])

    assert share_taken_over(teacher, teacher, baseline) == pytest.approx(1)
    assert share_taken_over(baseline, teacher, baseline) == 0
    assert share_taken_over(baseline + 0.25 * (teacher - baseline), teacher, baseline) == pytest.approx(0.25)
    # moved only under the first change, by 0.2 of 0.4: 0.2·0.4 / (0.4² + 0.2² + 0.4²)
    assert share_taken_over(np.array([0.7, 0.6, 0.7]), teacher, baseline) == pytest.approx(0.08 / 0.36)
    assert np.isnan(share_taken_over(teacher, baseline, baseline))


def test_agreement_is_counted_by_strength_and_averaged_by_kind(noise: Dataset) -> None:
    records, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": by_row})

    agreed = records.arrays["agreed"][2].mean(axis=1)
    strengths = frame[frame["strength"].notna() & (frame["metric"] == "invariance") & (frame["member"] == "at")]
    assert list(zip(strengths["part"], strengths["strength"], strict=True)) == [
        (KINDS["colour"], 0.2),
        (KINDS["colour"], 0.4),
        (KINDS["crop"], 0.5),
        (KINDS["shift"], 1),
        (KINDS["shift"], 2),
        (KINDS["rotation"], 20),
        (KINDS["blur"], 1),
    ]
    np.testing.assert_allclose(strengths["value"], agreed)
    kinds = [agreed[:2].mean(), agreed[2], agreed[3:5].mean(), agreed[5], agreed[6]]
    assert values_of(frame, "invariance")["at"] == pytest.approx(np.mean(kinds))
    assert values_of(frame, "colour_invariance")["at"] == pytest.approx(kinds[0])


def test_only_the_kinds_with_strengths_are_shown(noise: Dataset) -> None:
    only = dict.fromkeys(KINDS, ()) | {"shift": (3,)}

    records, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": by_row}, **only)

    assert records.arrays["kinds"].tolist() == ["shift"]
    assert not [name for name in frame["metric"].unique() if name.startswith("colour")]
    with pytest.raises(EvaluationError, match="no change of the images is left"):
        InvarianceOptions(colour=(), crop=(), shift=(), rotation=(), blur=())


@pytest.mark.parametrize("missing", ["teacher", "baseline"])
def test_what_is_missing_is_said_and_invariance_still_measured(noise: Dataset, missing: str) -> None:
    given = {"teacher": network(0), "baseline": network(1)}
    del given[missing]
    pool = ModelPool(students={"at": network(2)}, **given)
    networks = {"teacher": by_colour, "baseline": by_corner, "at": by_row}

    records, frame = measured(noise, networks, pool)

    assert len(records.notes) == 1
    assert missing in records.notes[0]
    assert "teacher_share" not in set(frame["metric"])
    assert 0 < values_of(frame, "invariance")["at"] < 1
    assert Invariance().headline(frame)


def test_grey_images_can_be_measured(data: Dataset) -> None:
    _, frame = measured(data, dict.fromkeys(("teacher", "baseline", "at"), constant))

    assert values_of(frame, "invariance")["at"] == 1.0


def test_headline_chart_and_picture(noise: Dataset) -> None:
    records, frame = measured(noise, {"teacher": by_colour, "baseline": by_corner, "at": by_colour})

    first, second = Invariance().headline(frame)
    assert first.startswith("The at network decides the same on ")
    assert second.startswith("Share of the teacher's difference to the independent baseline (0%: as invariant as ")
    assert ": at 100.0%" in second
    drawn = str(Invariance().chart(frame).to_dict())
    assert all(kind in drawn for kind in KINDS.values())
    (picture,) = Invariance().pictures(records)
    assert picture.rows[0].label == "test images"
    assert "crops 0.5, second" in {row.label for row in picture.rows}
    assert len(picture.rows) == 1 + len(KINDS) + 1
