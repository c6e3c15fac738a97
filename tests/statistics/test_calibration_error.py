import numpy as np
import pytest

from robustkd.statistics.calibration_error import bin_of, calibration_error


def test_the_calibration_error_by_hand() -> None:
    confidence, correct = np.array([0.95, 0.95, 0.65, 0.55]), np.array([True, False, True, True])

    wide = calibration_error(confidence, correct, bin_of(confidence, 10), 10, np.ones((1, 4)))
    one = calibration_error(confidence, correct, bin_of(confidence, 1), 1, np.ones((1, 4)))

    # bins of two, one, one: (|0.5 − 0.95|·2 + |1 − 0.65| + |1 − 0.55|)/4; all together: |0.75 − 0.775|
    assert wide[0] == pytest.approx((0.9 + 0.35 + 0.45) / 4)
    assert one[0] == pytest.approx(0.025)


def test_bins_hold_their_upper_limit() -> None:
    assert bin_of(np.array([0.0, 0.1, 0.10001, 0.5, 1.0]), 10).tolist() == [0, 0, 1, 4, 9]
