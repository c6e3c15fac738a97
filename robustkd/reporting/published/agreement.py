"""How well the numbers of a run agree with those of a paper: the ranking, and the signs of the gains."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robustkd.reporting.published.matching import Match
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.statistics.intervals import Interval
from robustkd.statistics.kendall import kendall_interval, kendall_p_value, kendall_tau
from robustkd.statistics.sign_agreement import SignAgreement, sign_agreement

FEWEST_RANKED = 3
"""The fewest numbers whose ranking is compared: of two, τ is 1 or −1 by chance alone."""

_DRAWS = 2000


class Ranking(NamedTuple):
    """How the order of the measured numbers of a setting agrees with the published order.

    Attributes:
        setting: The setting.
        ranked: The number of numbers that are ranked.
        tau: Kendall's τ-b; NaN where all numbers of one list are equal.
        interval: Its 95% interval over trainings, or over test images for methods with few; None where it is undefined.
        p_value: The two-sided p-value of no association; None where there is no test.
    """

    setting: str
    ranked: int
    tau: float
    interval: Interval | None
    p_value: float | None = None


class Gain(NamedTuple):
    """The difference of a method to the baseline of its setting, in the unit of the table.

    Attributes:
        match: The method.
        measured: Its difference to the baseline in this run.
        published: The same in the paper.
        measured_std: The standard deviation of the difference of two trainings of this run; NaN where it is unknown.
        published_std: The same in the paper.
        significant: Whether the 95% interval of the difference in this run excludes 0; None where it is not known.
    """

    match: Match
    measured: float
    published: float
    measured_std: float
    published_std: float
    significant: bool | None


def rankings(matched: Sequence[Match]) -> list[Ranking]:
    """Compare the ranking of each setting with `FEWEST_RANKED` valid numbers or more.

    The interval of τ is a basic bootstrap over `_DRAWS` draws. A method of `SEEDS_TO_RANK` networks or more is drawn by
    its networks, with replacement; one of fewer from the normal distribution of its mean over test images. A published
    mean is drawn from a normal distribution with the published standard deviation, divided by the root of the number of
    trainings; it stays as it is where the paper gives none.

    Args:
        matched: The matches of a table.
    """
    valid = [match for match in matched if not match.void]
    settings = dict.fromkeys(match.cell.setting for match in valid)
    by_setting = {setting: [match for match in valid if match.cell.setting == setting] for setting in settings}
    return [_ranking(setting, found) for setting, found in by_setting.items() if len(found) >= FEWEST_RANKED]


def gains(matched: Sequence[Match]) -> list[Gain]:
    """Return the differences of all valid methods to the baseline of their setting, where that is valid too."""
    baselines = {match.cell.setting: match for match in matched if match.cell.is_baseline and not match.void}
    found = []
    for match in matched:
        baseline = baselines.get(match.cell.setting)
        if baseline is None or match.cell.is_baseline or match.void:
            continue
        found.append(
            Gain(
                match,
                match.mean - baseline.mean,
                match.cell.mean - baseline.cell.mean,
                float(np.hypot(match.std, baseline.std)),
                float(np.hypot(match.cell.std, baseline.cell.std)),
                None if np.isnan(match.gain_low) else match.gain_low > 0 or match.gain_high < 0,
            )
        )
    return found


def signs(found: Sequence[Gain]) -> SignAgreement | None:
    """Count the gains with the published sign; None where there is none to agree with."""
    measured, published = ([gain.measured for gain in found], [gain.published for gain in found])
    return sign_agreement(np.array(measured), np.array(published))


def _ranking(setting: str, found: Sequence[Match]) -> Ranking:
    random = np.random.default_rng(0)
    measured = np.array([match.mean for match in found])
    published = np.array([match.cell.mean for match in found])
    tau = float(kendall_tau(measured, published))
    if np.isnan(tau):
        return Ranking(setting, len(found), tau, None)
    here = np.stack([_drawn(match, random) for match in found], axis=1)
    there = np.stack([_drawn_as_published(match, random) for match in found], axis=1)
    p_value = kendall_p_value(measured, published)
    return Ranking(setting, len(found), tau, kendall_interval(tau, here, there), p_value)


def _drawn(match: Match, random: np.random.Generator) -> np.ndarray:
    """Draws of the mean of a method, float64 (R,)."""
    seeds = len(match.values)
    if seeds >= SEEDS_TO_RANK:
        return np.asarray(match.values[random.integers(seeds, size=(_DRAWS, seeds))].mean(axis=1))
    return random.normal(match.mean, match.image_error, _DRAWS)


def _drawn_as_published(match: Match, random: np.random.Generator) -> np.ndarray:
    """Draws of a published mean, float64 (R,)."""
    known = match.cell.trainings > 0 and not np.isnan(match.cell.std)
    error = match.cell.std / np.sqrt(match.cell.trainings) if known else 0.0
    return random.normal(match.cell.mean, error, _DRAWS)
