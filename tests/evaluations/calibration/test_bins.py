import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations.calibration.bins import equal_mass_bin_of


@given(st.integers(1, 200), st.integers(1, 20))
def test_bins_of_equal_mass_hold_equally_many_up_to_one(images: int, bins: int) -> None:
    counts = np.bincount(equal_mass_bin_of(np.random.default_rng(images).random(images), bins), minlength=bins)

    assert counts.sum() == images
    assert counts.max() - counts.min() <= 1
