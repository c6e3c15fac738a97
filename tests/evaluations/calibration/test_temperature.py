import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations.calibration.temperature import fitted_temperature


@given(st.floats(0.2, 5), st.integers(0, 1000))
def test_scaling_the_logits_scales_the_fitted_temperature(scale: float, seed: int) -> None:
    labels = np.arange(400) % 3
    z = np.random.default_rng(seed).normal(0, 1, (400, 3)) + 1.5 * np.eye(3)[labels]

    assert fitted_temperature(z * scale, labels) == pytest.approx(scale * fitted_temperature(z, labels), rel=1e-4)


def test_the_fitted_temperature_is_that_of_logistic_regression_without_an_intercept() -> None:
    # with two classes the margin is the only feature, and its coefficient is 1/T
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 500)
    z = np.stack([np.zeros(500), 3 * random.normal(0, 1, 500) + 2 * (2 * labels - 1)], axis=1)

    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(z[:, 1:], labels)

    assert fitted_temperature(z, labels) == pytest.approx(1 / regression.coef_[0, 0], rel=1e-4)
