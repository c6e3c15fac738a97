from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations.domains import Domains, DomainsOptions
from robustkd.evaluations.domains.rows import ORIGINAL
from robustkd.models import ModelPool
from robustkd.results.records import Records

from ...conftest import network
from ..constructed import Network, PredictWith, brightness, constant

NAMES = ("dark", "middle", "light")


@pytest.fixture
def shades() -> Dataset:
    """Thirty images of one colour each, of which the mean of red, green and blue tells the class."""
    level = torch.tensor([20, 128, 235])[torch.arange(30) % 3]
    tint = torch.randint(-15, 16, (30, 3), generator=torch.Generator().manual_seed(0))
    images = (level[:, None] + tint).to(torch.uint8)[:, :, None, None].repeat(1, 1, 8, 8)
    return Dataset("shades", None, ImageSet(images, torch.arange(30) % 3, NAMES))


def redness(pixels: Tensor) -> Tensor:
    """Classes by whether red or blue is brighter; never the third."""
    difference = (pixels[:, 0] - pixels[:, 2]).mean(dim=(1, 2))
    return torch.stack([difference, -difference, torch.full_like(difference, -9)], dim=1)


def measured(data: Dataset, networks: dict[str, Network], **options: object) -> tuple[Records, pd.DataFrame]:
    pool = ModelPool(network(0), network(1), {"at": network(2)})
    evaluation = Domains(DomainsOptions(**options))  # type: ignore[arg-type]
    records = evaluation.measure(pool, data, PredictWith(data, networks))
    return records, evaluation.summarise(records)


def values_of(frame: pd.DataFrame, metric: str, part: str | None = None) -> dict[str, float]:
    found = frame[(frame["metric"] == metric) & (frame["level"] == ("detail" if part else "method"))]
    found = found[found["part"] == part] if part else found
    return dict(zip(found["member"], found["value"], strict=True))


def test_a_network_that_ignores_colour_decides_the_same_on_grey_images(shades: Dataset) -> None:
    networks = {"teacher": brightness, "baseline": redness, "at": brightness}

    _, frame = measured(shades, networks)

    assert values_of(frame, "domain_accuracy", ORIGINAL)["at"] == 1.0
    assert values_of(frame, "domain_accuracy", "grey (generated)")["at"] == 1.0
    assert values_of(frame, "consensus", "grey (generated)")["at"] == 1.0


def test_a_student_that_is_its_teacher_agrees_with_it_everywhere(shades: Dataset) -> None:
    networks = {"teacher": redness, "baseline": constant, "at": redness}

    _, frame = measured(shades, networks)

    found = frame[(frame["metric"] == "consensus") & (frame["member"] == "at")]
    assert set(found["value"]) == {1.0}
    excess = values_of(frame, "consensus_excess")["at"]
    assert excess == pytest.approx(1 - values_of(frame, "consensus")["baseline"])
    assert excess > 0


def test_edges_of_plain_images_are_white_and_so_of_the_lightest_class(shades: Dataset) -> None:
    _, frame = measured(shades, {"teacher": brightness, "baseline": brightness, "at": constant})

    found = values_of(frame, "domain_accuracy", "edges (generated)")
    assert (found["teacher"], found["at"]) == (1 / 3, 1 / 3)
    assert values_of(frame, "consensus", "edges (generated)") == {"baseline": 1.0, "at": 0.0}


def test_the_mean_is_over_versions_whatever_their_size(shades: Dataset, tmp_path: Path) -> None:
    pixels = np.full((7, 8, 8, 3), 20, dtype=np.uint8)  # dark images, of which the last three are called light
    np.savez(
        tmp_path / "mine.npz",
        x_test=pixels + np.arange(7, dtype=np.uint8)[:, None, None, None],
        y_test=[1] * 4 + [0] * 3,
        classes=["light", "Dark"],
    )
    name = f"npz:{tmp_path / 'mine.npz'}"

    records, frame = measured(shades, dict.fromkeys(("teacher", "baseline", "at"), brightness), sets=(name,))

    assert values_of(frame, "domain_accuracy", name)["at"] == pytest.approx(4 / 7)
    each = [values_of(frame, "domain_accuracy", str(part))["at"] for part in records.arrays["versions"]]
    assert values_of(frame, "domain_accuracy")["at"] == pytest.approx(np.mean(each))
    row = frame[(frame["metric"] == "domain_accuracy") & (frame["level"] == "method") & (frame["member"] == "at")].iloc[
        0
    ]
    assert row["ci_low"] < row["value"] < row["ci_high"]


def test_a_student_is_compared_with_a_student_of_another_teacher(shades: Dataset) -> None:
    pool = ModelPool(network(0), network(1), {"at": network(2)}, controls={"at": network(3)})
    student, control = (next(each.name for each in pool if each.role == role) for role in ("student", "control"))
    networks = {"teacher": redness, "baseline": brightness, student: redness, control: brightness}

    frame = Domains().summarise(Domains().measure(pool, shades, PredictWith(shades, networks)))

    found = values_of(frame, "consensus")
    assert values_of(frame, "consensus_over_control") == {student: pytest.approx(found[student] - found[control])}
    assert len(Domains().headline(frame)) == 1


def test_a_set_that_cannot_be_used_is_left_out_in_one_line(shades: Dataset, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "cats.npz", x_test=np.zeros((4, 8, 8, 3), np.uint8), y_test=[0, 1, 0, 1], classes=["cat", "dog"]
    )
    sets = (f"npz:{tmp_path / 'cats.npz'}", "npz:/not/there.npz")

    records, _ = measured(shades, dict.fromkeys(("teacher", "baseline", "at"), brightness), sets=sets)

    said = [note for note in records.notes if note.startswith("Left out as an unseen version: ")]
    assert len(said) == 2
    assert said[0].endswith("none of its classes has a name of the data's classes")
    assert not [name for name in records.arrays["versions"] if "npz" in str(name)]


def test_grey_images_of_one_class_have_fewer_versions(data: Dataset) -> None:
    one = Dataset("one", None, ImageSet(data.test.read(torch.arange(40)), torch.zeros(40).long(), ("a", "b", "c")))

    records, frame = measured(one, dict.fromkeys(("teacher", "baseline", "at"), brightness))

    named = [str(name) for name in records.arrays["versions"]]
    assert "grey (generated)" not in named
    assert "texture swap (generated)" not in named
    assert [note for note in records.notes if note.startswith("The texture swap is left out: ")]
    assert frame["value"].notna().all()


def test_without_a_teacher_accuracy_is_measured(shades: Dataset) -> None:
    evaluation = Domains()
    records = evaluation.measure(
        ModelPool(students={"at": network(0)}), shades, PredictWith(shades, {"at": brightness})
    )

    frame = evaluation.summarise(records)

    assert set(frame["metric"]) == {"domain_accuracy"}
    assert "There is no teacher, so there is no consensus, only accuracy" in records.notes
    (sentence,) = evaluation.headline(frame)
    assert "no independent baseline" in sentence
    assert "unseen versions" in str(evaluation.chart(frame).to_dict())


def test_the_headline_and_the_chart_are_about_consensus(shades: Dataset) -> None:
    _, frame = measured(shades, {"teacher": redness, "baseline": brightness, "at": redness})

    (sentence,) = Domains().headline(frame)

    assert sentence.startswith("The at network agrees with the teacher on 100.0% of the images of unseen versions, +")
    assert "silhouette (generated)" in str(Domains().chart(frame).to_dict())


def test_the_picture_has_a_row_for_each_version(shades: Dataset) -> None:
    records, _ = measured(shades, dict.fromkeys(("teacher", "baseline", "at"), brightness))

    (picture,) = Domains().pictures(records)

    assert len(picture.rows) == 1 + len(records.arrays["versions"])


def test_unknown_corruptions_are_refused() -> None:
    with pytest.raises(EvaluationError, match="did you mean contrast"):
        DomainsOptions(corruptions=("contrst",))
