import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from sklearn.neighbors import NearestNeighbors

from robustkd.evaluations.similarity.cka import (
    BLOCK,
    cka_by_image,
    contributions,
    debiased_cka,
    linear_cka,
)
from robustkd.evaluations.similarity.gnosis import gnosis_cka
from robustkd.evaluations.similarity.neighbours import mutual_neighbours
from robustkd.evaluations.similarity.stages import matched


def features(seed: int, images: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 2, (images, channels))


def hsic(first: np.ndarray, second: np.ndarray) -> float:
    """tr(K H L H) of explicit Gram matrices (Kornblith et al. 2019, equation 3)."""
    count = len(first)
    centring = np.eye(count) - 1 / count
    return float(np.trace(first @ first.T @ centring @ second @ second.T @ centring))


def unbiased_hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Song et al. 2012, equation 5, of explicit Gram matrices."""
    n, one = len(first), np.ones(len(first))
    k, m = first @ first.T, second @ second.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    product = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((np.trace(k @ m) + product - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3)))


def test_linear_cka_is_that_of_gram_matrices_over_more_images_than_a_block() -> None:
    first = features(0, BLOCK + 40, 5)
    second = first[:, :3] ** 2 + features(1, BLOCK + 40, 3)

    found = linear_cka(first.astype(np.float32), second.astype(np.float32))

    assert found == pytest.approx(hsic(first, second) / np.sqrt(hsic(first, first) * hsic(second, second)), rel=1e-6)


def test_debiased_cka_is_that_of_gram_matrices() -> None:
    first = features(0, 30, 5)
    second = first[:, :3] + features(1, 30, 3)

    expected = unbiased_hsic(first, second) / np.sqrt(unbiased_hsic(first, first) * unbiased_hsic(second, second))
    assert debiased_cka(first, second) == pytest.approx(expected)


def test_independent_features_have_a_debiased_cka_of_0_and_a_cka_that_grows_with_their_number() -> None:
    pairs = [(features(seed, 40, 60), features(seed + 100, 40, 60)) for seed in range(30)]

    assert np.mean([debiased_cka(*pair) for pair in pairs]) == pytest.approx(0, abs=0.02)
    assert np.mean([linear_cka(*pair) for pair in pairs]) > 0.4


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_cka_does_not_change_with_rotation_scale_and_shift(seed: int, scale: float) -> None:
    first, second = features(seed, 20, 4), features(seed + 1, 20, 4)
    rotation = ortho_group.rvs(4, random_state=seed)

    assert linear_cka(first, scale * second @ rotation - 7) == pytest.approx(linear_cka(first, second))
    assert linear_cka(first, scale * first @ rotation - 7) == pytest.approx(1)


def test_the_numbers_of_the_images_average_to_cka_and_say_what_leaving_one_out_changes() -> None:
    first = features(0, 400, 3)
    second = first + features(1, 400, 3)

    terms = (contributions(first, second), contributions(first, first), contributions(second, second))
    by_image = cka_by_image(*terms)

    assert by_image.mean() == pytest.approx(linear_cka(first, second))
    left_out = [linear_cka(np.delete(first, place, axis=0), np.delete(second, place, axis=0)) for place in range(30)]
    jackknife = 400 * linear_cka(first, second) - 399 * np.array(left_out)
    assert np.corrcoef(by_image[:30], jackknife)[0, 1] > 0.999


def test_cka_is_not_defined_for_features_that_are_the_same_for_all_images() -> None:
    assert np.isnan(linear_cka(np.full((10, 3), 0.1), features(0, 10, 3)))


def test_mutual_neighbours_are_those_of_sklearn() -> None:
    first = features(0, 300, 6).astype(np.float32)
    second = (first[:, :4] + features(1, 300, 4)).astype(np.float32)

    found = mutual_neighbours(first, second, neighbours=7)

    near = [
        NearestNeighbors(n_neighbors=7, metric="cosine").fit(each).kneighbors(return_distance=False)
        for each in (first, second)
    ]
    expected = [len(set(one) & set(other)) / 7 for one, other in zip(*near, strict=True)]
    np.testing.assert_allclose(found, expected)


def test_unrelated_features_share_neighbours_by_chance() -> None:
    found = mutual_neighbours(features(0, 500, 20), features(1, 500, 20), neighbours=10)

    assert found.mean() == pytest.approx(10 / 499, abs=0.01)


def test_the_variant_gnosis_compares_columns_of_the_image_so_noise_scores_high() -> None:
    random = np.random.default_rng(0)
    maps = [random.normal(size=(128, 64, 8, 8)) for _ in range(2)]

    found = gnosis_cka(*(each.mean(axis=(1, 2)) for each in maps))

    # the kernel matrix is 8 × 8; CKA of the same maps over images is that of chance
    assert found > 0.85
    assert abs(debiased_cka(*(each.mean(axis=(2, 3)) for each in maps))) < 0.1


def test_the_variant_gnosis_is_a_kernel_cka_of_columns() -> None:
    first, second = (np.random.default_rng(seed).normal(size=(9, 5)) for seed in (0, 1))

    kernels = []
    for columns in (first.T, second.T):
        squares = np.array([[((one - other) ** 2).sum() for other in columns] for one in columns])
        kernel = np.exp(-squares / (2 * np.median(squares[squares != 0])))
        centring = np.eye(5) - 1 / 5
        kernels.append(centring @ kernel @ centring)
    expected = (kernels[0] * kernels[1]).sum() / np.sqrt((kernels[0] ** 2).sum() * (kernels[1] ** 2).sum())
    assert gnosis_cka(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("own", "theirs", "places"),
    [
        (5, 5, [0, 1, 2, 3, 4]),
        (3, 5, [0, 3, 4]),
        (5, 3, [0, 0, 1, 1, 2]),
        (2, 5, [3, 4]),
        (1, 5, [4]),
        (3, 1, [-1, -1, 0]),
    ],
)
def test_stages_are_matched_by_relative_order_first_with_first_and_last_with_last(
    own: int, theirs: int, places: list[int]
) -> None:
    assert matched(own, theirs) == places
