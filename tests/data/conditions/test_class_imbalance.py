import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from robustkd.data import CONDITIONS, ImageSet, load_dataset
from robustkd.data.conditions.class_imbalance import ClassImbalance, class_sizes, constants
from robustkd.errors import DataError

LAWS = ("power_law", "power_law_rising", "exponential", "step")


def images(sizes: list[int]) -> ImageSet:
    """Images of the classes in turn, as mixed as in CIFAR; each shows its place."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    pixels = torch.from_numpy(np.stack([np.arange(len(labels)) // 256, np.arange(len(labels)) % 256], axis=1))
    names = tuple(str(label) for label in range(len(sizes)))
    return ImageSet(pixels.to(torch.uint8)[:, :, None, None], torch.from_numpy(labels), names)


@pytest.mark.parametrize(
    ("gamma", "a", "b", "sizes"),
    [
        (0.2, 153.919261, -0.969216, [5000, 858, 557, 439, 375, 333, 304, 282, 264, 250]),
        (0.6, 784.492554, -0.843101, [5000, 1166, 720, 539, 440, 376, 331, 297, 271, 250]),
        (1.0, 2368.421053, -0.526316, [5000, 1607, 957, 682, 529, 433, 366, 317, 280, 250]),
        (2.0, 26052.631579, 4.210526, [5000, 3173, 1972, 1289, 892, 648, 490, 382, 306, 250]),
    ],
)
def test_the_power_law_has_the_papers_class_sizes_on_cifar10(
    gamma: float, a: float, b: float, sizes: list[int]
) -> None:
    train = images([5000] * 10)

    conditioned = ClassImbalance(gamma=gamma).apply(train, 0)

    assert torch.bincount(conditioned.images.labels).tolist() == sizes
    assert constants("power_law", 10, 5000, 250, gamma) == pytest.approx((a, b), abs=1e-6)
    assert ClassImbalance(gamma=gamma).description(train).endswith(f"{' '.join(map(str, sizes))}, {sum(sizes)} images")


@pytest.mark.parametrize(("gamma", "total"), [(0.2, 15_201), (0.6, 18_029), (1.0, 21_452), (2.0, 30_695)])
def test_the_rising_power_law_is_the_other_reading_of_the_misprint(gamma: float, total: int) -> None:
    sizes = class_sizes("power_law_rising", 10, 5000, 250, gamma)

    assert (sizes[0], sizes[-1], sizes.sum()) == (250, 5000, total)


def test_the_laws_of_the_long_tail_literature() -> None:
    # 1000·0.1^(c/9) by hand
    assert class_sizes("exponential", 10, 1000, 100).tolist() == [1000, 774, 599, 464, 359, 278, 215, 167, 129, 100]
    assert class_sizes("step", 5, 500, 25).tolist() == [500, 500, 500, 25, 25]


@pytest.mark.parametrize(
    ("law", "gamma", "sizes"),
    [
        ("power_law", math.inf, [100, 100, 100, 5]),
        ("power_law", 1e6, [100, 100, 100, 5]),
        ("power_law_rising", math.inf, [5, 100, 100, 100]),
        ("power_law", 0.0, [100, 10, 6, 5]),  # 1/n = 0.01 + 0.19·ln c/ln 4
    ],
)
def test_gamma_may_go_to_its_limits(law: str, gamma: float, sizes: list[int]) -> None:
    assert class_sizes(law, 4, 100, 5, gamma).tolist() == sizes
    assert ClassImbalance(law, gamma).apply(images([100] * 4), 0).images.labels.bincount().tolist() == sizes
    assert str(sum(sizes)) in ClassImbalance(law, gamma).description(images([100] * 4))


@pytest.mark.parametrize(
    ("law", "gamma", "written"),
    [
        ("exponential", None, "n_c = 100·(5/100)^((c−1)/(K−1)): 100 37 14 5, 156 images"),
        ("step", None, "n_c = 100 or 5: 100 100 5 5, 210 images"),
        # a = 3/(1/5 − 1/100), b = a/100 − 1; then a = −0.75/(1/100 − 1/5), b = a/5 − 1
        ("power_law", 1.0, "n_c = 15.7895/(-0.842105 + c^1): 100 14 7 5, 126 images"),
        ("power_law_rising", 1.0, "n_c = 3.94737/(-0.210526 + c^-1): 5 13 32 100, 150 images"),
        ("power_law", 0.0, "power_law, γ = 0: 100 10 6 5, 121 images"),
        ("power_law", 1e-9, "power_law, γ = 1e-09: 100 10 6 5, 121 images"),
        ("power_law", 300.0, "power_law, γ = 300: 100 100 100 5, 305 images"),
        ("power_law_rising", math.inf, "power_law_rising, γ = ∞: 5 100 100 100, 305 images"),
    ],
)
def test_every_law_is_written_with_its_sizes(law: str, gamma: float | None, written: str) -> None:
    assert ClassImbalance(law, gamma).description(images([100] * 4)) == written


@given(
    st.sampled_from(LAWS),
    st.integers(1, 60),
    st.integers(1, 5000),
    st.floats(0.01, 1),
    st.floats(0, 1e4, allow_subnormal=False),
)
def test_every_law_runs_monotonically_from_one_end_to_the_other(
    law: str, classes: int, n_max: int, share: float, gamma: float
) -> None:
    n_min = max(1, int(share * n_max))

    sizes = class_sizes(law, classes, n_max, n_min, gamma)

    ends = [n_max] if classes == 1 else [n_min, n_max]
    assert sorted({int(sizes[0]), int(sizes[-1])}) == sorted(set(ends))
    steps = np.diff(sizes) * (1 if law == "power_law_rising" else -1)
    assert (steps >= 0).all()


def test_the_first_images_of_each_class_stay_in_their_order() -> None:
    train = images([40, 40, 40])
    labels = train.labels.numpy()

    conditioned = ClassImbalance("step", n_min=10).apply(train, 0)

    expected = np.sort(np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate((40, 40, 10))]))
    np.testing.assert_array_equal(conditioned.indices, expected)
    assert torch.equal(conditioned.images.images, train.images[conditioned.indices])
    assert torch.equal(conditioned.true_labels, conditioned.images.labels)
    assert len(conditioned.held_out) == 0


def test_random_draws_have_the_same_sizes_and_depend_on_the_seed_only_if_asked_to() -> None:
    train = images([60, 60, 60])
    fixed = [ClassImbalance(gamma=1.0, draw="fixed").apply(train, seed) for seed in (0, 1)]
    drawn = [ClassImbalance(gamma=1.0, draw="per_seed").apply(train, seed) for seed in (0, 0, 1)]

    for conditioned in (*fixed, *drawn):
        assert conditioned.images.labels.bincount().tolist() == class_sizes("power_law", 3, 60, 3, 1.0).tolist()
        assert len(set(conditioned.indices.tolist())) == len(conditioned.indices)
    assert torch.equal(fixed[0].indices, fixed[1].indices)
    assert torch.equal(drawn[0].indices, drawn[1].indices)
    assert not torch.equal(drawn[0].indices, drawn[2].indices)


def test_other_data_sets_get_their_own_ends_and_small_classes_keep_all_images() -> None:
    train = load_dataset("digits").training
    available = train.labels.bincount()

    sizes = ClassImbalance(gamma=0.2).sizes(train)

    assert sizes[-1] == round(int(available.max()) / 20)
    assert (sizes <= available.numpy()).all()
    assert ClassImbalance("step", n_max=20, n_min=4).sizes(images([30, 2])).tolist() == [20, 2]


@pytest.mark.parametrize("draw", ["first", "fixed"])
def test_classes_without_images_stay_without(draw: str) -> None:
    assert ClassImbalance("step", draw=draw).apply(images([40, 0, 40]), 0).images.labels.bincount().tolist() == [
        40,
        0,
        2,
    ]
    assert ClassImbalance("step", n_max=5, draw=draw).apply(images([0, 40]), 0).images.labels.tolist() == [1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "needs gamma"),
        ({"law": "step", "gamma": 1.0}, "no gamma"),
        ({"gamma": -1.0}, "negative"),
        ({"gamma": math.nan}, "negative"),
        ({"gamma": 1.0, "n_max": 3, "n_min": 4}, "n_min ≤ n_max"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ClassImbalance(**settings)


@pytest.mark.parametrize(
    ("n_max", "n_min", "said"),
    [(99, None, "n_max must be at most .*, got 99"), (None, 41, "n_min must be at most n_max .*, got 41")],
)
def test_ends_that_the_set_does_not_reach_are_refused(n_max: int | None, n_min: int | None, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ClassImbalance(gamma=1.0, n_max=n_max, n_min=n_min).apply(images([40, 40]), 0)


def test_labels_say_what_differs() -> None:
    conditions = [
        ClassImbalance(gamma=0.2),
        ClassImbalance(gamma=math.inf),
        ClassImbalance("power_law_rising", 0.2),
        ClassImbalance("step"),
        ClassImbalance("step", n_min=50),
        ClassImbalance(gamma=0.2, draw="per_seed"),
    ]

    assert [condition.label for condition in conditions] == [
        "imbalance γ=0.2",
        "imbalance γ=∞",
        "imbalance rising γ=0.2",
        "imbalance step",
        "imbalance step n_min=50",
        "imbalance γ=0.2 random per seed",
    ]


def test_its_fields_are_keys_of_a_study() -> None:
    adapter = TypeAdapter(CONDITIONS["class_imbalance"])

    assert adapter.validate_python({"law": "power_law", "gamma": 0.2}) == ClassImbalance(gamma=0.2)
