from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.models import Member, ModelPool, PixelModel
from robustkd.models.batch_size import images_at_once
from robustkd.results import predictions as predictions_file
from robustkd.results.predictions import PredictionCache, Predictions, predict

from ..conftest import network


class Counting(nn.Module):
    """Counts the images it sees."""

    num_classes = 3

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 3)
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return self.linear(x.flatten(1))


@pytest.fixture
def member() -> Member:
    torch.manual_seed(0)
    return Member(PixelModel(Counting()), "student", "counting")


def test_log_probabilities_are_the_log_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (4, 3)).astype(np.float32)

    found = Predictions(logits, np.zeros(4, dtype=np.int64)).log_probabilities

    expected = np.log(np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_large_logits_stay_finite() -> None:
    found = Predictions(np.array([[1e4, 0, -1e4]], dtype=np.float32), np.array([2])).log_probabilities

    np.testing.assert_allclose(found, [[0, -1e4, -2e4]])


def test_a_member_sees_each_image_once_whatever_asks(member: Member, data: Dataset, tmp_path: Path) -> None:
    cache = PredictionCache(data, folder=tmp_path)

    for _ in range(3):
        cache(member)

    assert member.model.module.seen == 40


def test_predictions_are_found_again_on_disk(member: Member, data: Dataset, tmp_path: Path) -> None:
    first = PredictionCache(data, folder=tmp_path)(member)

    second = PredictionCache(data, folder=tmp_path)(member)

    assert member.model.module.seen == 40
    np.testing.assert_array_equal(first.logits, second.logits)


def test_other_weights_under_the_same_name_are_not_confused(data: Dataset, tmp_path: Path) -> None:
    members = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        members.append(Member(PixelModel(Counting()), "student", "counting"))

    predictions = [PredictionCache(data, folder=tmp_path)(member) for member in members]

    assert not np.array_equal(predictions[0].logits, predictions[1].logits)


def test_a_damaged_file_is_computed_anew(member: Member, data: Dataset, tmp_path: Path) -> None:
    PredictionCache(data, folder=tmp_path)(member)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])

    PredictionCache(data, folder=tmp_path)(member)

    assert member.model.module.seen == 80


def test_predicting_uses_evaluation_mode_and_restores_the_mode(pool: ModelPool, data: Dataset) -> None:
    model = pool.members[0].model.train()
    statistics = model.module.norm.running_mean.clone()

    predict(model, data.test)

    assert model.training
    assert torch.equal(model.module.norm.running_mean, statistics)


class Read:
    """Images on disk that count how often each is read."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels, self.seen = pixels, torch.zeros(len(pixels), dtype=torch.int64)
        self.shape = tuple(pixels.shape)

    def read(self, indices: Tensor) -> Tensor:
        self.seen[indices] += 1
        return self.pixels[indices]

    def subset(self, indices: Tensor) -> "Read":
        return Read(self.pixels[indices])

    def fingerprint(self) -> str:
        return "the same images"

    def in_memory(self) -> "Read":
        return self


def test_images_on_disk_are_read_once_for_several_members(data: Dataset, tmp_path: Path) -> None:
    pixels = data.test.read(torch.arange(len(data.test)))
    images = Read(pixels)
    on_disk = Dataset("on disk", None, ImageSet(images, data.test.labels, data.test.class_names))
    torch.manual_seed(0)
    members = [Member(PixelModel(Counting()), "student", f"s{index}") for index in range(3)]

    cache = PredictionCache(on_disk, folder=tmp_path)
    cache.together(members)
    found = [cache(member).logits for member in members]

    assert images.seen.tolist() == [1] * len(pixels)
    alone = [predict(member.model, data.test).logits for member in members]
    assert np.array_equal(np.stack(found), np.stack(alone))
    assert [PredictionCache(on_disk, folder=tmp_path)(member).logits.shape for member in members]
    assert images.seen.tolist() == [1] * len(pixels)


@pytest.mark.parametrize(
    ("size", "device", "gradients", "expected"),
    [(32, "cpu", False, 100), (224, "cpu", False, 16), (512, "cpu", True, 3), (224, "cuda:0", False, 500)],
)
def test_large_images_come_in_smaller_batches(size: int, device: str, gradients: bool, expected: int) -> None:
    assert images_at_once(500, (3, size, size), device, gradients=gradients) == expected


def test_predictions_used_longest_ago_are_forgotten_when_memory_is_full(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits_of_two = 2 * 3 * (40 * 3 * 4)  # three times the float32 logits of 40 images and 3 classes
    monkeypatch.setattr(predictions_file, "MEMORY", logits_of_two)
    members = [Member(network(seed), "student", f"s{seed}") for seed in range(3)]
    cache = PredictionCache(data)

    first = cache(members[0])
    second = cache(members[1])
    cache(members[0])
    cache(members[2])

    assert cache(members[0]) is first
    assert cache(members[1]) is not second
    np.testing.assert_array_equal(cache(members[1]).logits, second.logits)


def test_what_a_long_evaluation_computed_is_read_from_disk_the_next_time(data: Dataset, tmp_path: Path) -> None:
    member = Member(network(0), "student", "s")
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"seen": np.arange(3)}

    found = [PredictionCache(data, folder=tmp_path).kept("mine", [member], {"steps": 5}, compute) for _ in range(2)]

    assert len(calls) == 1
    assert [list(each) for each in found] == [["seen"], ["seen"]]
    assert found[1]["seen"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("change", ["name", "member", "settings", "images"])
def test_it_is_computed_again_when_anything_that_determines_it_changes(
    data: Dataset, tmp_path: Path, change: str
) -> None:
    member = Member(network(0), "student", "s")
    PredictionCache(data, folder=tmp_path).kept("mine", [member], {"steps": 5}, lambda: {"seen": np.zeros(1)})
    other = replace(data, test=data.test.subset(torch.arange(20))) if change == "images" else data

    found = PredictionCache(other, folder=tmp_path).kept(
        "other" if change == "name" else "mine",
        [Member(network(1), "student", "s")] if change == "member" else [member],
        {"steps": 6} if change == "settings" else {"steps": 5},
        lambda: {"seen": np.ones(1)},
    )

    assert found["seen"] == 1


def test_a_damaged_file_of_a_long_evaluation_is_computed_again(data: Dataset, tmp_path: Path) -> None:
    member = Member(network(0), "student", "s")
    PredictionCache(data, folder=tmp_path).kept("mine", [member], {}, lambda: {"seen": np.zeros(1)})
    (file,) = tmp_path.glob("mine-*.npz")
    file.write_bytes(file.read_bytes()[:50])

    found = PredictionCache(data, folder=tmp_path).kept("mine", [member], {}, lambda: {"seen": np.ones(1)})

    assert found["seen"] == 1
