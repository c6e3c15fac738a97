import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from robustkd.statistics.detection import auroc, average_precision, false_positive_rate, ranked
from robustkd.statistics.rank_correlation import rank_correlation


def counts_of(inside: np.ndarray, outside: np.ndarray, *weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    once = np.ones((1, len(inside))), np.ones((1, len(outside)))
    return ranked(inside, outside).counts(*(weights or once))


@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 30), st.sampled_from([3, 1000]))
def test_areas_and_rates_are_those_of_sklearn(seed: int, first: int, second: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    inside, outside = random.integers(0, levels, first) + 0.5, random.integers(0, levels, second) + 0.5
    truth, scores = np.repeat([1, 0], [first, second]), np.concatenate([inside, outside])

    above, below = counts_of(inside, outside)

    assert auroc(above, below)[0] == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(above, below)[0] == pytest.approx(average_precision_score(truth, scores))
    alarms, hits, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert false_positive_rate(above, below)[0] == pytest.approx(alarms[np.argmax(hits >= 0.95)])


@given(st.integers(0, 2**31))
def test_an_image_that_counts_twice_is_as_good_as_two(seed: int) -> None:
    random = np.random.default_rng(seed)
    inside, outside = random.integers(0, 6, 12).astype(float), random.integers(0, 6, 9).astype(float)
    weights = random.integers(0, 3, 12), random.integers(0, 3, 9)
    weights[0][0] = weights[1][0] = 1

    above, below = counts_of(inside, outside, weights[0][None], weights[1][None])

    repeated = counts_of(np.repeat(inside, weights[0]), np.repeat(outside, weights[1]))
    for measure in (auroc, average_precision, false_positive_rate):
        assert measure(above, below)[0] == pytest.approx(measure(*repeated)[0])


def test_a_constant_score_says_nothing() -> None:
    above, below = counts_of(np.ones(30), np.ones(10))

    assert (auroc(above, below)[0], average_precision(above, below)[0], false_positive_rate(above, below)[0]) == (
        0.5,
        30 / 40,
        1.0,
    )


def test_a_perfect_score_has_no_false_alarm() -> None:
    above, below = counts_of(np.arange(20) + 5.0, np.arange(5.0))

    assert (auroc(above, below)[0], average_precision(above, below)[0], false_positive_rate(above, below)[0]) == (
        1,
        1,
        0,
    )


@given(st.integers(0, 2**31), st.sampled_from([3, 1000]))
def test_rank_correlation_is_that_of_scipy(seed: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    first = random.integers(0, levels, 25)
    second = first + random.integers(0, levels, 25)
    weights = random.integers(0, 3, (2, 25))

    found = rank_correlation(first, second, weights)

    for row, value in zip(weights, found, strict=True):
        expected = spearmanr(np.repeat(first, row), np.repeat(second, row)).statistic
        assert value == pytest.approx(expected, nan_ok=True)


def test_a_constant_has_no_rank_correlation() -> None:
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4), np.ones((1, 4)))[0])
