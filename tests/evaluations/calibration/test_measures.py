import numpy as np

from robustkd.evaluations.calibration.measures import brier_score


def test_the_brier_score_runs_from_0_to_2() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])

    np.testing.assert_allclose(brier_score(probabilities, np.array([0, 0, 0])), [0, 2, 0.5])
