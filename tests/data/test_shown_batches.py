"""Batches that show more than the training set with its crops and flips."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from robustkd.data import Augmentation, Batch, ImageSet, TrainingBatches, batches, load_dataset
from robustkd.data.augmentation import draw
from robustkd.data.batches import UNLABELLED
from robustkd.data.distillation_data import DistillationData, ExtraImages
from robustkd.data.policies import apply_policy

NOTHING = Augmentation()
SHIFTED = Augmentation(crop_padding=2, horizontal_flip=True)
VIEWS = ("auto_augment",)
PLAIN = DistillationData()
EVERYTHING = DistillationData(
    rotation=20, vertical_flip=True, colour_jitter=0.3, policy="rand_augment", mixing="cutmix", mixing_draw="per_image"
)


def numbered_images(count: int, first: int = 0) -> ImageSet:
    """Image i has the value `first` + i everywhere, and the label i % 3."""
    values = torch.arange(first, first + count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return ImageSet(values.expand(count, 1, 8, 8).clone(), torch.arange(count) % 3, ("a", "b", "c"))


def random_images(count: int, seed: int = 0) -> ImageSet:
    pixels = torch.randint(256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % 2, ("a", "b"))


def pixels_of(images: ImageSet) -> Tensor:
    assert isinstance(images.images, Tensor)
    return images.images


def whole(parts: list[Batch]) -> Batch:
    """One batch of all."""
    first = parts[0]

    def joined(name: str) -> Tensor | None:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else torch.cat(values)

    mixture = None
    if first.mixture is not None:
        held = [part.mixture for part in parts]
        mixture = replace(held[0], labels=torch.cat([e.labels for e in held]), share=torch.cat([e.share for e in held]))
    views = {name: torch.cat([part.views[name] for part in parts]) for name in first.views}
    own = {name: joined(name) for name in ("pixels", "labels", "indices", "temperature")}
    return Batch(**own, mixture=mixture, complete=first.complete, views=views)


def epoch_of(
    images: ImageSet,
    data: DistillationData = PLAIN,
    batch_size: int = 8,
    augmentation: Augmentation = NOTHING,
    extra: Tensor | None = None,
    views: tuple[str, ...] = (),
    seed: int = 0,
) -> list[Batch]:
    made = TrainingBatches(images, batch_size, augmentation, seed, data=data, extra=extra, views=views)
    return list(made.epoch())


def values(pixels: Tensor) -> list[int]:
    return (pixels[:, 0, 0, 0] * 255).round().int().tolist()


@given(count=st.integers(1, 60), beside=st.integers(1, 60), batch_size=st.integers(1, 40))
def test_every_image_and_every_extra_image_is_shown_once_in_an_epoch(count: int, beside: int, batch_size: int) -> None:
    images, extra = numbered_images(count), pixels_of(numbered_images(beside, first=100))

    parts = epoch_of(images, batch_size=batch_size, extra=extra)

    shown = whole(parts)
    assert sorted(values(shown.pixels)) == [*range(count), *range(100, 100 + beside)]
    assert [len(part.labels) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert len(parts) == -(-(count + beside) // batch_size)


def test_extra_images_have_no_label_and_places_beyond_the_training_set() -> None:
    images, extra = numbered_images(20), pixels_of(numbered_images(15, first=100))

    for batch in epoch_of(images, extra=extra):
        numbers = values(batch.pixels)
        assert batch.indices.tolist() == [number if number < 100 else 20 + number - 100 for number in numbers]
        assert batch.labels.tolist() == [number % 3 if number < 100 else UNLABELLED for number in numbers]
        assert batch.labelled.tolist() == [number < 100 for number in numbers]
        assert not batch.complete


def test_extra_images_come_among_the_others() -> None:
    shown = whole(epoch_of(numbered_images(50), extra=pixels_of(numbered_images(50, first=100))))

    first_half = sum(number >= 100 for number in values(shown.pixels)[:50])
    assert 10 < first_half < 40


def test_extra_images_are_cropped_and_flipped_too() -> None:
    extra = pixels_of(random_images(1))

    parts = epoch_of(random_images(1, seed=1), augmentation=SHIFTED, extra=extra, batch_size=2, seed=3)

    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(2, generator=generator)
    place = order.tolist().index(1)
    shifts = draw(SHIFTED, 2, generator)
    top, left, flipped = (int(each[place]) for each in (shifts.top, shifts.left, shifts.flipped))
    padded = np.pad(extra[0].numpy(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
    expected = padded[:, 2 + top : 10 + top, 2 + left : 10 + left]
    expected = expected[:, :, ::-1] if flipped else expected
    np.testing.assert_allclose(parts[0].pixels[place].numpy() * 255, expected, atol=1e-4)


def test_extra_images_ask_for_their_temperature_and_others_for_none() -> None:
    data = DistillationData(extra=ExtraImages("noise", 1.0, temperature=7.5))

    shown = whole(epoch_of(numbered_images(10), data, extra=pixels_of(numbered_images(10, first=100))))

    assert shown.temperature is not None
    assert shown.temperature.dtype == torch.float32
    for temperature, number in zip(shown.temperature, values(shown.pixels), strict=True):
        assert temperature.item() == 7.5 if number >= 100 else temperature.isnan()


@pytest.mark.parametrize("extra", [None, ExtraImages("noise", 1.0)])
def test_without_a_temperature_of_its_own_no_image_asks_for_one(extra: ExtraImages | None) -> None:
    beside = pixels_of(numbered_images(10, first=100)) if extra is not None else None

    for batch in epoch_of(numbered_images(10), DistillationData(extra=extra), extra=beside):
        assert batch.temperature is None


def test_a_training_set_alone_is_labelled_throughout() -> None:
    for batch in epoch_of(numbered_images(20)):
        assert batch.complete
        assert batch.labelled.all()
        assert (batch.mixture, batch.temperature, batch.views) == (None, None, {})


@pytest.mark.parametrize("draw_of", ["per_batch", "per_image"])
@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_a_mixture_carries_the_labels_of_both_images(mixing: str, draw_of: str) -> None:
    """Both images have one grey each: where the two are known, so is every pixel."""
    images = numbered_images(30)
    data = DistillationData(mixing=mixing, mixing_draw=draw_of, mixing_alpha=0.8)

    for batch in epoch_of(images, data, batch_size=10):
        assert batch.mixture is not None
        first, share = batch.indices, batch.mixture.share.double()
        assert batch.labels.tolist() == (first % 3).tolist()
        seen = share < 0.999  # of the others nothing or too little is seen
        # the mean of a mixture is λ·i + (1 − λ)·j in both ways of mixing
        mean = batch.pixels.double().mean(dim=(1, 2, 3)) * 255
        second = ((mean - share * first) / (1 - share))[seen].round().long()
        assert len(set(second.tolist())) == len(second) > 5
        assert set(second.tolist()) <= set(first.tolist())
        assert batch.mixture.labels[seen].tolist() == (second % 3).tolist()
        if draw_of == "per_batch" and mixing == "mixup":
            assert len(set(batch.mixture.share.tolist())) == 1


def test_a_mixture_with_an_extra_image_has_a_label_for_one_of_them() -> None:
    data = DistillationData(mixing="mixup", extra=ExtraImages("noise", 1.0))

    shown = whole(epoch_of(numbered_images(20), data, extra=pixels_of(numbered_images(20, first=100))))

    assert shown.mixture is not None
    for labels in (shown.labels, shown.mixture.labels):
        assert (labels == UNLABELLED).sum() == 20
    without = [(labels == UNLABELLED).tolist() for labels in (shown.labels, shown.mixture.labels)]
    assert len(set(zip(*without, strict=True))) == 4


@pytest.mark.parametrize("policy", ["auto_augment", "rand_augment"])
def test_a_policy_changes_what_crops_and_flips_show(policy: str) -> None:
    images = random_images(12)

    shown = whole(epoch_of(images, DistillationData(policy=policy), augmentation=SHIFTED))

    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(12, generator=generator)
    shifts = draw(SHIFTED, 12, generator)
    numbers = torch.rand((12, 6), generator=generator)
    cropped = []
    for place, image in enumerate(pixels_of(images)[order].numpy()):
        top, left, flipped = (int(each[place]) for each in (shifts.top, shifts.left, shifts.flipped))
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="reflect")
        seen = padded[:, 2 + top : 10 + top, 2 + left : 10 + left]
        cropped.append(seen[:, :, ::-1] if flipped else seen)
    expected = apply_policy(torch.from_numpy(np.stack(cropped)), policy, numbers)
    np.testing.assert_allclose(shown.pixels.numpy() * 255, expected.numpy(), atol=1e-4)


def test_half_of_the_images_are_upside_down_if_asked() -> None:
    ramp = torch.arange(8, dtype=torch.uint8).view(1, 1, 8, 1).expand(1_000, 1, 8, 8).clone()
    images = ImageSet(ramp, torch.zeros(1_000).long(), ("a",))

    shown = whole(epoch_of(images, DistillationData(vertical_flip=True), batch_size=500))

    down = int((shown.pixels[:, 0, 0, 0] > 0).sum())
    assert abs(down - 500) < 5 * np.sqrt(250)


@pytest.mark.parametrize("views", [("auto_augment",), ("rand_augment", "auto_augment")])
def test_views_are_other_pictures_of_the_same_images(views: tuple[str, ...]) -> None:
    images = random_images(30)

    for batch in epoch_of(images, views=views):
        assert tuple(batch.views) == views
        for view in batch.views.values():
            assert view.shape == batch.pixels.shape
            assert view.dtype == torch.float32
            assert view.min() >= 0
            assert view.max() <= 1
            assert not torch.equal(view, batch.pixels)
    # AutoAugment leaves some images alone: these show which image it is
    shown = whole(epoch_of(images, views=("auto_augment",)))
    alike = [torch.equal(*pair) for pair in zip(shown.pixels, shown.views["auto_augment"], strict=True)]
    assert any(alike)


def test_views_leave_the_images_themselves_as_they_are() -> None:
    plain = whole(epoch_of(random_images(30), augmentation=SHIFTED))
    seen = whole(epoch_of(random_images(30), augmentation=SHIFTED, views=("rand_augment",)))

    assert torch.equal(plain.pixels, seen.pixels)
    assert torch.equal(plain.labels, seen.labels)


def equal(first: Batch, second: Batch) -> bool:
    def tensors(batch: Batch) -> list[Tensor]:
        mixture = [batch.mixture.labels, batch.mixture.share] if batch.mixture is not None else []
        own = [batch.pixels, batch.labels, batch.indices]
        own += [batch.temperature.nan_to_num(-1)] if batch.temperature is not None else []
        return [*own, *mixture, *batch.views.values()]

    return all(torch.equal(*pair) for pair in zip(tensors(first), tensors(second), strict=True))


@pytest.mark.parametrize(
    "data",
    [
        DistillationData(policy="auto_augment"),
        EVERYTHING,
        replace(EVERYTHING, mixing="mixup", extra=ExtraImages("noise", 0.5, temperature=2.0)),
    ],
    ids=["a policy", "everything", "everything and extra images"],
)
def test_how_many_batches_are_prepared_at_once_changes_no_bit(
    data: DistillationData, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = pixels_of(random_images(25, seed=1)) if data.extra is not None else None
    found = []
    for steps in (1, 3, 8, 100):
        monkeypatch.setattr(batches, "STEPS_WITH_POLICY", steps)
        made = TrainingBatches(random_images(50), 7, SHIFTED, 0, data=data, extra=extra, views=VIEWS)
        found.append([batch for _ in range(2) for batch in made.epoch()])

    for other in found[1:]:
        assert all(equal(*pair) for pair in zip(found[0], other, strict=True))


def test_images_on_disk_are_shown_as_those_in_memory(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for split in ("train", "test"):
            (tmp_path / split / label).mkdir(parents=True)
            for index in range(5):
                pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / split / label / f"{index}.png")
    on_disk = load_dataset(f"folder:{tmp_path}").training
    extra = pixels_of(random_images(5))
    data = replace(EVERYTHING, extra=ExtraImages("noise", 0.5, temperature=2.0))

    first, second = (epoch_of(images, data, 4, SHIFTED, extra, VIEWS) for images in (on_disk, on_disk.in_memory()))

    assert all(equal(*pair) for pair in zip(first, second, strict=True))


def test_the_batch_size_may_change_between_epochs_of_mixtures() -> None:
    made = TrainingBatches(random_images(30), 8, SHIFTED, 0, data=EVERYTHING, views=VIEWS)
    list(made.epoch())

    made.batch_size = 16

    assert [len(batch.labels) for batch in made.epoch()] == [16, 14]


def test_the_generators_state_determines_all_that_is_shown() -> None:
    first, second = (
        TrainingBatches(random_images(30), 8, SHIFTED, seed, data=EVERYTHING, views=VIEWS) for seed in (0, 1)
    )
    list(first.epoch())

    second.generator.set_state(first.generator.get_state())

    assert all(equal(*pair) for pair in zip(first.epoch(), second.epoch(), strict=True))


def test_different_epochs_show_different_pictures() -> None:
    made = TrainingBatches(random_images(1), 1, NOTHING, 0, data=DistillationData(rotation=90))

    (first,), (second,) = made.epoch(), made.epoch()

    assert not torch.equal(first.pixels, second.pixels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"policy": "auto"}, "policy must be one of none, auto_augment, rand_augment, got 'auto'"),
        ({"mixing": "mix"}, "mixing must be one of none, mixup, cutmix, got 'mix'"),
        ({"mixing_draw": "each"}, "mixing_draw must be one of per_batch, per_image, got 'each'"),
        ({"rotation": 181}, "rotation must be 0 to 180"),
        ({"rotation": float("nan")}, "rotation must be 0 to 180"),
        ({"colour_jitter": 1.1}, "colour_jitter 0 to 1"),
        ({"mixing_alpha": 0}, "mixing_alpha above 0"),
        ({"mixing_alpha": float("inf")}, "mixing_alpha above 0"),
    ],
)
def test_data_that_nobody_can_show_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DistillationData(**wrong)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["ratio", "temperature"])
def test_ratio_and_temperature_of_extra_images_are_finite_and_above_0(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="ratio and temperature of extra images must be"):
        ExtraImages(**{"data": "noise", "ratio": 1.0, name: value})


def test_only_mixtures_and_extra_images_have_other_than_one_label() -> None:
    single = [
        replace(PLAIN, **{field.name: getattr(EVERYTHING, field.name)})
        for field in fields(PLAIN)
        if field.name not in ("mixing", "extra")
    ]

    assert all(data.has_one_label_each for data in single)
    assert not EVERYTHING.has_one_label_each
    assert not DistillationData(extra=ExtraImages("noise", 1.0)).has_one_label_each


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_does_not_change_which_images_are_mixed() -> None:
    data = DistillationData(mixing="mixup", extra=ExtraImages("noise", 0.5, temperature=2.0), policy="rand_augment")
    extra = pixels_of(random_images(15, seed=1))
    on_cpu, on_gpu = (
        whole(list(TrainingBatches(random_images(30), 8, SHIFTED, 0, device, data=data, extra=extra).epoch()))
        for device in ("cpu", "cuda")
    )

    torch.testing.assert_close(on_gpu.pixels.cpu(), on_cpu.pixels, rtol=0, atol=2 / 255)
    assert torch.equal(on_gpu.labels.cpu(), on_cpu.labels)
    assert torch.equal(on_gpu.mixture.labels.cpu(), on_cpu.mixture.labels)
