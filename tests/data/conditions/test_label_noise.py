from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from robustkd.data import CONDITIONS, ImageSet
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.errors import DataError

FLIP_ALL = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
ASYMMETRIC = ((0.7, 0.3, 0.0), (0.0, 1.0, 0.0), (0.1, 0.1, 0.8))


def of_labels(labels: np.ndarray, classes: int) -> ImageSet:
    images = torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8)
    return ImageSet(images, torch.from_numpy(labels.astype(np.int64)), tuple(str(label) for label in range(classes)))


def images(count: int = 20_000, classes: int = 10) -> ImageSet:
    return of_labels(np.arange(count) % classes, classes)


def realised(condition: LabelNoise, train: ImageSet, seed: int = 0) -> float:
    conditioned = condition.apply(train, seed)
    return float((conditioned.images.labels != conditioned.true_labels).double().mean())


@pytest.mark.parametrize(
    ("rate", "replaced", "first"),
    [
        (0.2, 10_092, [2, 12, 13, 29, 30, 33]),
        (0.4, 20_016, [1, 2, 3, 12, 13, 14]),
        (0.6, 29_947, [1, 2, 3, 4, 5, 12]),
    ],
)
@pytest.mark.parametrize("held_out", [0.0, 0.1])
def test_the_fixed_symmetric_draw_is_that_of_the_authors_bit_for_bit(
    rate: float, replaced: int, first: list[int], held_out: float
) -> None:
    # the authors' generator knows nothing of the true labels: what differs from either of two was replaced
    drawn = []
    for label in (0, 1):
        conditioned = LabelNoise(rate=rate, held_out=held_out).apply(of_labels(np.full(50_000, label), 10), seed=7)
        given = torch.empty(50_000, dtype=torch.int64)
        given[conditioned.indices] = conditioned.images.labels
        given[conditioned.held_out] = conditioned.held_out_labels
        drawn.append(given.numpy())
    mask = (drawn[0] != 0) | (drawn[1] != 1)

    assert mask.sum() == replaced
    assert np.flatnonzero(mask)[:6].tolist() == first
    assert drawn[0][mask][:6].tolist() == [3, 2, 7, 4, 5, 4]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (LabelNoise(rate=0.4), 0.36),
        (LabelNoise(rate=1.0), 0.9),
        (LabelNoise(rate=0.4, kind="symmetric_exclusive"), 0.4),
        (LabelNoise(rate=0.4, kind="pair_flip"), 0.4),
        (LabelNoise(rate=0.4, kind="random_matrix"), 0.4),
    ],
)
@pytest.mark.parametrize("draw", ["fixed", "per_seed"])
def test_the_realised_rate_is_the_expected_one(condition: LabelNoise, expected: float, draw: str) -> None:
    condition = LabelNoise(condition.rate, condition.kind, draw)

    assert condition.expected_rate(images()) == pytest.approx(expected)
    assert realised(condition, images()) == pytest.approx(expected, abs=0.015)


def test_true_labels_and_images_are_kept() -> None:
    train = images()
    before = train.labels.clone()

    conditioned = LabelNoise(rate=0.5).apply(train, 0)

    assert torch.equal(train.labels, before)
    assert torch.equal(conditioned.true_labels, before)
    assert conditioned.images.images is train.images


def test_at_rate_0_no_label_changes() -> None:
    for kind in ("symmetric", "symmetric_exclusive", "pair_flip", "random_matrix"):
        assert realised(LabelNoise(0.0, kind), images()) == 0


def test_pair_flip_gives_the_next_class_and_the_last_the_first() -> None:
    conditioned = LabelNoise(1.0, "pair_flip").apply(images(10), 0)

    assert conditioned.images.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


@given(st.integers(2, 12), st.integers(0, 100))
def test_exclusive_noise_at_rate_1_leaves_no_label_right(classes: int, seed: int) -> None:
    assert realised(LabelNoise(1.0, "symmetric_exclusive", "per_seed"), images(200, classes), seed) == 1


def test_a_matrix_has_its_true_classes_in_rows() -> None:
    train = images(30_000, 3)

    all_flipped = LabelNoise(kind="matrix", matrix=FLIP_ALL).apply(train, 0).images.labels
    given = LabelNoise(kind="matrix", matrix=ASYMMETRIC).apply(train, 0).images.labels.numpy()

    assert torch.equal(all_flipped, (train.labels + 1) % 3)
    for true, row in enumerate(ASYMMETRIC):
        shares = np.bincount(given[train.labels.numpy() == true], minlength=3) / 10_000
        np.testing.assert_allclose(shares, row, atol=0.015)
    assert LabelNoise(kind="matrix", matrix=ASYMMETRIC).expected_rate(train) == pytest.approx((0.3 + 0 + 0.2) / 3)


def test_the_random_matrix_is_cleanlabs_and_leaves_the_global_generator_alone() -> None:
    np.random.seed(4)
    expected = np.random.rand()
    np.random.seed(4)

    first = LabelNoise(0.3, "random_matrix").apply(images(), 0).images.labels

    assert np.random.rand() == expected
    assert torch.equal(first, LabelNoise(0.3, "random_matrix").apply(images(), 5).images.labels)


def test_a_fixed_draw_is_one_for_all_seeds_and_a_draw_per_seed_is_not() -> None:
    train = images()
    fixed = [LabelNoise(0.4).apply(train, seed).images.labels for seed in (0, 1)]
    drawn = [LabelNoise(0.4, draw="per_seed").apply(train, seed).images.labels for seed in (0, 0, 1)]

    assert torch.equal(*fixed)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], fixed[0])


def test_held_out_images_are_the_same_for_all_seeds_and_none_is_lost() -> None:
    condition = LabelNoise(0.4, draw="per_seed", held_out=0.1)
    first, second = (condition.apply(images(), seed) for seed in (0, 1))

    assert len(first.held_out) == len(first.held_out_labels) == 2_000
    assert torch.equal(first.held_out, second.held_out)
    assert torch.equal(torch.cat([first.indices, first.held_out]).sort().values, torch.arange(20_000))
    assert len(first.images) == len(first.true_labels) == 18_000


def test_labels_of_people_are_read_from_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "people.npy", np.array([2, 1, 0, 0], dtype=np.uint8))
    condition = LabelNoise(kind="human", labels=str(tmp_path / "people.npy"))

    assert condition.apply(of_labels(np.array([2, 1, 0, 1]), 3), 0).images.labels.tolist() == [2, 1, 0, 0]
    assert condition.expected_rate(images(4, 3)) is None


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros(3, dtype=np.uint8), "must hold 4 whole numbers"),
        (np.zeros(4), "must hold 4 whole numbers"),
        (np.array([0, 1, 2, 3]), "from 0 to 2, found 0 to 3"),
        (None, "not a readable .npy file of labels"),
    ],
)
def test_files_that_are_no_labels_of_this_set_are_refused(labels: np.ndarray | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "people.npy"
    if labels is not None:
        np.save(path, labels)

    with pytest.raises(DataError, match=said):
        LabelNoise(kind="human", labels=str(path)).apply(images(4, 3), 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rate": 1.2}, "rate must be from 0 to 1"),
        ({"held_out": 1.0}, "held_out must be"),
        ({"kind": "matrix"}, "kind matrix needs the key matrix"),
        ({"kind": "human"}, "kind human needs the key labels"),
        ({"rate": 0.2, "labels": "people.npy"}, "the key labels is only for kind human, got kind symmetric; remove it"),
        ({"rate": 0.2, "kind": "matrix", "matrix": FLIP_ALL}, "remove rate"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        LabelNoise(**settings)


@pytest.mark.parametrize(
    ("condition", "classes", "said"),
    [
        (LabelNoise(kind="matrix", matrix=FLIP_ALL), 4, "must have 4 rows of 4"),
        (LabelNoise(kind="matrix", matrix=((0.5, 0.6), (0.0, 1.0))), 2, "sum to 1"),
        (LabelNoise(kind="matrix", matrix=((0.5, 0.5), (1.0,))), 2, "must have 2 rows of 2"),
        (LabelNoise(0.5, "pair_flip"), 1, "two classes"),
        (LabelNoise(0.95, "random_matrix"), 3, "matrix"),
        (LabelNoise(0.2, held_out=0.999), 4, "leaves no image"),
    ],
)
def test_noise_that_does_not_fit_the_set_is_refused(condition: LabelNoise, classes: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        condition.apply(images(40, classes), 0)


def test_a_random_matrix_of_a_class_without_images_is_refused_with_the_right_fix() -> None:
    train = of_labels(np.array([0, 1, 3] * 20), 4)

    with pytest.raises(DataError, match=r"image of every class, but has none of class 2 .*remove such classes"):
        LabelNoise(0.2, "random_matrix").apply(train, 0)


def test_labels_say_what_differs() -> None:
    conditions = [
        LabelNoise(0.4),
        LabelNoise(0.4, "pair_flip"),
        LabelNoise(0.4, draw="per_seed"),
        LabelNoise(0.4, held_out=0.1),
        LabelNoise(kind="matrix", matrix=FLIP_ALL),
        LabelNoise(kind="matrix", matrix=ASYMMETRIC),
        LabelNoise(kind="human", labels="people/worse.npy"),
    ]
    labels = [condition.label for condition in conditions]

    assert labels[:4] == [
        "label noise 40%",
        "label noise 40% pair_flip",
        "label noise 40% per seed",
        "label noise 40%, 10% held out",
    ]
    assert labels[-1] == "label noise human worse"
    assert len(set(labels)) == len(labels)


def test_its_fields_are_keys_of_a_study() -> None:
    adapter = TypeAdapter(CONDITIONS["label_noise"])

    assert adapter.validate_python({"rate": 0.4, "draw": "per_seed"}) == LabelNoise(0.4, draw="per_seed")
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        adapter.validate_python({"rate": 4})


@pytest.mark.parametrize(
    ("name", "rate"), [("aggre_label", 0.0901), ("random_label1", 0.1723), ("worse_label", 0.4021)]
)
def test_human_noise_of_cifar10n_has_its_published_rate(
    name: str, rate: float, human_labels: Path, data_root: Path
) -> None:
    with np.load(data_root / "cifar10.npz") as archive:
        train = of_labels(archive["y_train"], 10)

    found = realised(LabelNoise(kind="human", labels=str(human_labels / f"cifar10n_{name}.npy")), train)

    assert found == pytest.approx(rate, abs=5e-5)


@pytest.mark.parametrize(("name", "classes"), [("noisy_fine", 100), ("noisy_coarse", 20)])
def test_labels_of_cifar100n_are_given_in_the_order_of_the_training_images(
    name: str, classes: int, human_labels: Path
) -> None:
    path = human_labels / f"cifar100n_{name}.npy"

    noisy = LabelNoise(kind="human", labels=str(path)).apply(of_labels(np.arange(50_000) % classes, classes), 0)

    np.testing.assert_array_equal(noisy.images.labels, np.load(path))


def test_numbered_draws_differ_from_each_other_and_serve_all_seeds() -> None:
    first, second = (LabelNoise(rate=0.4, draw=number) for number in (0, 1))

    drawn = [noise.apply(images(), seed).images.labels for noise in (first, second) for seed in (3, 4)]

    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[2], drawn[3])
    assert not torch.equal(drawn[0], drawn[2])
    assert (first.label, second.label) == ("label noise 40% draw 0", "label noise 40% draw 1")
    assert not first.per_seed
