"""How often the verdicts of the package find a difference in pools in which there is none."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from robustkd.results.mean_over_images import MeanOverImages
from robustkd.statistics.significance import significant_signs
from robustkd.statistics.studentised import OverImages, Side, t_test

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"


def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("false_alarms", BENCHMARKS / "false_alarms.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["false_alarms"] = module
    spec.loader.exec_module(module)
    return module


SIMULATED = simulation()


@pytest.mark.slow
@pytest.mark.parametrize("students", [2, 11])
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("kind", SIMULATED.KINDS)
def test_without_an_effect_at_most_one_pool_in_twenty_has_a_significant_difference(
    kind: str, seeds: int, students: int
) -> None:
    """5.5 %, and three standard errors of the simulation."""
    for images in (100, 500):
        for spread in (0.0, 0.03, 0.1, 0.3) if seeds > 1 else (0.0,):
            pools = 100 if kind in SIMULATED.RESAMPLED else 1000
            setting = SIMULATED.Setting(kind, students, seeds, images, 0.1, spread)

            below, bold, _, _ = SIMULATED.false_alarms(setting, pools)

            assert max(below, bold) <= 0.055 + 3 * (0.055 * 0.945 / pools) ** 0.5, setting


@pytest.mark.slow
@pytest.mark.parametrize("students", [5, 11])
@pytest.mark.parametrize("ratio", [1.0, 3.0, 6.0, 12.0])
def test_trainings_that_vary_more_than_images_are_not_taken_for_differences(ratio: float, students: int) -> None:
    """Normal means of three trainings; their variance is a multiple of that of the images. At most 5.5 %, as above."""
    random, pools, below, not_bold = np.random.default_rng(0), 3000, 0, 0
    images = OverImages(1.0, 400.0)
    for _ in range(pools):
        values = random.normal(size=(students + 1, 1)) / np.sqrt(2)
        values = values + np.sqrt(1.5 * ratio) * random.normal(size=(students + 1, 3))
        sides, means = [Side(each, 0.0, 0.0) for each in values], values.mean(axis=1)
        best = int(means.argmax())
        for against, pairs in ((0, None), (best, students * (students + 1) // 2)):
            others = [row for row in range(students + 1) if row != against]
            gains = [float(means[row] - means[against]) for row in others]
            tests = [
                t_test(gain, images, (sides[row], sides[against])) for row, gain in zip(others, gains, strict=True)
            ]
            signs = significant_signs(gains, [test.p_value for test in tests], pairs)
            below += pairs is None and bool(signs.any())
            not_bold += pairs is not None and bool((signs < 0).any())

    assert max(below, not_bold) / pools <= 0.055 + 3 * (0.055 * 0.945 / pools) ** 0.5


def test_six_images_that_only_one_of_eleven_students_gets_right_prove_nothing() -> None:
    """The rule of version 0.1 gave 6 to 0 a p-value of .0033; exact it is .031, times 11."""
    right = np.zeros((12, 100), dtype=bool)
    right[1, :6] = True
    found = MeanOverImages(right)

    p_values = [found.of_difference(np.array([row]), np.array([0])).p_value for row in range(1, 12)]

    assert p_values[0] == pytest.approx(2 / 2**6)
    assert significant_signs([0.06, *[0.0] * 10], p_values).tolist() == [0] * 11


def test_a_clear_difference_is_found() -> None:
    setting = SIMULATED.Setting("accuracy", 2, 3, 500, 0.3, 0.1)

    _, _, _, found = SIMULATED.false_alarms(setting, 20, better=1.0)

    assert found == 1
