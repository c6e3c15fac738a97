from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from robustkd.data import Dataset, ImageSet
from robustkd.evaluations.ood import Ood, OodOptions, rows
from robustkd.evaluations.ood.scores import SCORES, scores_of
from robustkd.models import ModelPool
from robustkd.results.predictions import PredictionCache, Predictions
from robustkd.results.records import Records

from ...conftest import network
from ..constructed import Network, PredictWith, brightness, constant


def sure_of_flat_images(pixels: Tensor) -> Tensor:
    """The surer, the less the pixels of the image vary."""
    return torch.stack([-20 * pixels.std(dim=(1, 2, 3)), *[torch.full((len(pixels),), -9.0)] * 2], dim=1)


def unsure_of_flat_images(pixels: Tensor) -> Tensor:
    return torch.stack([20 * pixels.std(dim=(1, 2, 3)), *[torch.full((len(pixels),), -9.0)] * 2], dim=1)


@pytest.fixture
def flat() -> Dataset:
    """Forty images of one colour each, almost."""
    levels = torch.arange(40) * 6
    noise = torch.randint(0, 9, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    images = (levels[:, None, None, None] + noise).to(torch.uint8)
    return Dataset("flat", None, ImageSet(images, torch.arange(40) % 3, ("a", "b", "c")))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "RESAMPLES", 200)


def measured(data: Dataset, networks: dict[str, Network], **options: object) -> tuple[Records, pd.DataFrame]:
    pool = ModelPool(network(0), network(1), {"at": network(2)})
    evaluation = Ood(OodOptions(**options))  # type: ignore[arg-type]
    records = evaluation.measure(pool, data, PredictWith(data, networks))
    return records, evaluation.summarise(records)


def values_of(frame: pd.DataFrame, metric: str, part: str | None = None) -> dict[str, float]:
    found = frame[(frame["metric"] == metric) & (frame["level"] == ("detail" if part else "method"))]
    found = found[found["part"] == part] if part else found
    return dict(zip(found["member"], found["value"], strict=True))


def test_scores_are_those_of_scipy() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, 5)).astype(np.float32)

    msp, largest, energy = scores_of(Predictions(logits, np.zeros(20, dtype=int)))

    np.testing.assert_allclose(np.exp(msp), softmax(logits.astype(float), axis=1).max(axis=1))
    np.testing.assert_allclose(largest, logits.max(axis=1))
    np.testing.assert_allclose(energy, logsumexp(logits.astype(float), axis=1))


def test_a_network_that_is_sure_of_every_image_alike_detects_nothing(flat: Dataset) -> None:
    networks = {"teacher": sure_of_flat_images, "baseline": constant, "at": constant}

    records, frame = measured(flat, networks)

    for score in SCORES:
        assert values_of(frame, f"{score}_auroc")["at"] == 0.5
        assert values_of(frame, f"{score}_fpr95")["at"] == 1.0
        assert values_of(frame, f"{score}_aupr")["at"] == 0.5
    assert [note for note in records.notes if "at is the same for every image" in note]


def test_a_network_that_knows_flat_images_detects_noise_and_its_opposite_takes_it_for_its_own(flat: Dataset) -> None:
    networks = {"teacher": sure_of_flat_images, "baseline": constant, "at": unsure_of_flat_images}

    _, frame = measured(flat, networks)

    noise = values_of(frame, "msp_auroc", "uniform noise (generated)")
    assert (noise["teacher"], noise["baseline"], noise["at"]) == (1.0, 0.5, 0.0)


def test_a_student_that_is_its_teacher_has_its_ranks_and_the_opposite_the_reversed(flat: Dataset) -> None:
    networks = {"teacher": sure_of_flat_images, "baseline": unsure_of_flat_images, "at": sure_of_flat_images}

    _, frame = measured(flat, networks)

    found = values_of(frame, "max_logit_correlation", "shuffled patches (generated)")
    assert found == {"baseline": pytest.approx(-1), "at": pytest.approx(1)}
    assert values_of(frame, "max_logit_correlation_excess")["at"] == pytest.approx(2)


def test_areas_and_correlations_are_those_of_sklearn_and_scipy(pool: ModelPool, data: Dataset) -> None:
    evaluation = Ood()
    records = evaluation.measure(pool, data, PredictionCache(data))
    frame = evaluation.summarise(records)

    inside, names = records.arrays["inside"], [str(name) for name in records.arrays["sets"]]
    outside = [records.arrays[f"outside_{place}"] for place in range(len(names))]
    truth = np.repeat([1, 0], 40)
    for at, score in enumerate(SCORES):
        both = [np.concatenate([inside[2, at], each[2, at]]) for each in outside]
        auroc = values_of(frame, f"{score}_auroc")["at"]
        assert auroc == pytest.approx(np.mean([roc_auc_score(truth, each) for each in both]))
        aupr = values_of(frame, f"{score}_aupr")["at"]
        assert aupr == pytest.approx(np.mean([average_precision_score(truth, each) for each in both]))
        for name, each in zip(names, outside, strict=True):
            found = values_of(frame, f"{score}_correlation", name)["at"]
            assert found == pytest.approx(spearmanr(each[2, at], each[0, at]).statistic)
    assert inside.shape == (4, 3, 40)


def test_other_data_sets_are_near_or_far_as_they_are_named(flat: Dataset, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("near", "far"):
        pixels = random.integers(0, 256, (25, 8, 8), dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", x_test=pixels, y_test=np.arange(25) % 2)
    sets = {"sets": (f"npz:{tmp_path / 'near.npz'}",), "far_sets": (f"npz:{tmp_path / 'far.npz'}",)}
    networks = {"teacher": sure_of_flat_images, "baseline": constant, "at": brightness}

    records, frame = measured(flat, networks, images=20, **sets)

    assert [str(name) for name in records.arrays["sets"]][-2:] == [sets["sets"][0], sets["far_sets"][0]]
    assert records.arrays["near"].tolist() == [True, True, False, False, True, False]
    assert records.arrays["outside_4"].shape == (3, 3, 20)
    assert values_of(frame, "msp_auroc", sets["sets"][0])["teacher"] == 1.0


def test_a_set_that_cannot_be_used_is_left_out_in_one_line(flat: Dataset, tmp_path: Path) -> None:
    pixels = flat.test.read(torch.arange(40))[:, 0].numpy()
    np.savez(tmp_path / "same.npz", x_test=pixels, y_test=np.arange(40) % 2)
    networks = dict.fromkeys(("teacher", "baseline", "at"), brightness)

    records, _ = measured(flat, networks, sets=(f"npz:{tmp_path / 'same.npz'}", "npz:/not/there.npz"))

    assert len(records.arrays["sets"]) == 4
    said = [note for note in records.notes if note.startswith("Left out")]
    assert len(said) == 2
    assert "40 of its 40 images are test images of the data" in said[0]
    assert "there.npz" in said[1]


def test_logits_that_are_not_finite_void_the_numbers_of_that_network_alone(flat: Dataset) -> None:
    def overflowing(pixels: Tensor) -> Tensor:
        return torch.where(pixels.std(dim=(1, 2, 3))[:, None] > 0.2, torch.inf, brightness(pixels))

    networks = {"teacher": brightness, "baseline": brightness, "at": overflowing}

    records, frame = measured(flat, networks)

    assert [(check.member, check.passed) for check in records.checks] == [("at", False)]
    assert np.isfinite(values_of(frame, "energy_auroc")["baseline"])


def test_without_teacher_and_baseline_detection_is_still_measured(flat: Dataset) -> None:
    evaluation = Ood()

    records = evaluation.measure(
        ModelPool(students={"at": network(0)}), flat, PredictWith(flat, {"at": sure_of_flat_images})
    )

    frame = evaluation.summarise(records)
    assert {name.split("_")[-1] for name in frame["metric"]} == {"auroc", "aupr", "fpr95"}
    assert "There is no teacher, so no score is compared with its score" in records.notes
    (sentence,) = evaluation.headline(frame)
    assert "no independent baseline" in sentence


def test_the_headline_names_detection_and_likeness(flat: Dataset) -> None:
    networks = {"teacher": sure_of_flat_images, "baseline": unsure_of_flat_images, "at": sure_of_flat_images}
    _, frame = measured(flat, networks)

    first, second = Ood().headline(frame)

    assert first.startswith("The at network tells the test images from images of no class with an AUROC of")
    assert second.startswith("Rank correlation with the teacher's score on near images of no class against the indep")


def test_the_picture_shows_the_first_images_of_each_set(flat: Dataset) -> None:
    records, _ = measured(flat, dict.fromkeys(("teacher", "baseline", "at"), brightness))

    (picture,) = Ood().pictures(records)

    assert [row.label for row in picture.rows] == [
        "test images",
        "blur",
        "shuffled patches",
        "uniform noise",
        "Gaussian noise",
    ]
    assert {len(row.tiles) for row in picture.rows} == {6}
    first = picture.rows[0].tiles[0]
    assert first is not None
    np.testing.assert_array_equal(first.pixels, flat.test.read(torch.tensor([0]))[0, 0])


def test_the_chart_shows_every_set(flat: Dataset) -> None:
    records, frame = measured(flat, dict.fromkeys(("teacher", "baseline", "at"), brightness))

    drawn = str(Ood().chart(frame).to_dict())

    assert all(str(name) in drawn for name in records.arrays["sets"])
