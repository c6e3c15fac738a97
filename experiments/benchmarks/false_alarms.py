"""Simulate pools in which no method differs from the baseline, and count those with a significant difference.

    python experiments/benchmarks/false_alarms.py --pools 1000

A pool has one baseline and several students, drawn from the same distribution: each image has a difficulty, each
network an ability, and each network and image an independent part. Without any effect, at most 5 % of the pools may
have a significant difference. The verdicts are those of the package (`significant_signs` of the tests that `Measured`
returns). For methods with one network, these are claims about the networks over images, so their ability does not vary;
from three seeds on, they are claims about methods.

The column *bold* is the share of pools in which a method is significantly worse than the best, that is, not bold. The
column *interval* is the rule of version 0.1 for comparison: a normal distribution whose standard error is that of
the images alone. The column *found* is the share of pools in which the first student is found to be better when it
really is, by three standard errors of a comparison of accuracies over images alone.

A setting with more than 5.5 % is simulated again with ten times as many other pools, because among hundreds of settings
some exceed it by chance; the table shows the second result.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.measured import Measured
from robustkd.statistics.resampling import Observed, resampled
from robustkd.statistics.significance import significant_signs


@dataclass(frozen=True)
class Setting:
    """A kind of pool.

    Attributes:
        kind: The kind of measure, a key of `KINDS`.
        students: The number of students.
        seeds: The number of networks of each method.
        images: The number of test images.
        errors: The share of errors, for measures that count them.
        spread: The standard deviation of the ability of a network, in units of that of the difficulty of an image.
    """

    kind: str
    students: int
    seeds: int
    images: int
    errors: float = 0.1
    spread: float = 0.0


def accuracy(setting: Setting, better: float, random: np.random.Generator) -> Measured:
    """Yes and no: whether a network is right."""
    return MeanOverImages(_margins(setting, better, random) > 0)


def log_likelihood(setting: Setting, better: float, random: np.random.Generator) -> Measured:
    """Numbers with a heavy tail, as the negative log-likelihood has."""
    return MeanOverImages(np.exp(-_margins(setting, better, random)), share=False)


def share(setting: Setting, better: float, random: np.random.Generator) -> Measured:
    """Numbers between 0 and 1, as the mean accuracy over corruptions."""
    return MeanOverImages(1 / (1 + np.exp(-_margins(setting, better, random))))


def balanced_accuracy(setting: Setting, better: float, random: np.random.Generator) -> Measured:
    """A mean of the recalls of an ordinary and a rare class, which resampling judges."""
    right = _margins(setting, better, random) > 0
    rare = np.arange(setting.images) % 10 == 0
    networks = [Observed(_recalls(each, rare), {"recalls": np.where(rare, each + 2.0, each)}) for each in right]
    return resampled(networks, setting.images)["recalls"]


def calibration_error(setting: Setting, better: float, random: np.random.Generator) -> Measured:
    """The difference between confidence and accuracy in five bins, which resampling judges."""
    margins = _margins(setting, better, random)
    confidence = 1 / (1 + np.exp(-margins))
    right = random.random(confidence.shape) < confidence
    sure = np.maximum(confidence, 1 - confidence)
    right = np.where(confidence > 0.5, right, ~right)
    networks = [Observed(_bins(each, seen), {"ece": each}) for each, seen in zip(sure, right, strict=True)]
    return resampled(networks, setting.images, biased=("ece",))["ece"]


KINDS: dict[str, Callable[[Setting, float, np.random.Generator], Measured]] = {
    "accuracy": accuracy,
    "log-likelihood": log_likelihood,
    "share": share,
    "balanced accuracy": balanced_accuracy,
    "calibration error": calibration_error,
}
SUSPICIOUS = 0.055

RESAMPLED = ("balanced accuracy", "calibration error")


def false_alarms(setting: Setting, pools: int, better: float = 0.0, seed: int = 0) -> tuple[float, float, float, float]:
    """Simulate pools.

    Args:
        setting: The kind of pool.
        pools: The number of pools.
        better: By how much the first student is better than all others, in units of the difficulty of an image.
        seed: The seed of the pools.

    Returns:
        The shares of pools with a significant difference to the baseline, and with one to the best method; the first by
        the rule of version 0.1; and the share in which the difference of the first student is significant.
    """
    random = np.random.default_rng(seed)
    now = bold = before = first = 0
    for _ in range(pools):
        found = KINDS[setting.kind](setting, better, random)
        rows = np.arange((setting.students + 1) * setting.seeds).reshape(-1, setting.seeds)
        tests = [found.of_difference(each, rows[0]) for each in rows[1:]]
        values = [float(found.values[each].mean() - found.values[rows[0]].mean()) for each in rows[1:]]
        signs = significant_signs(values, [np.nan if test is None else test.p_value for test in tests])
        now, first = now + bool(signs.any()), first + bool(signs[0])
        bold += bool(_worse_than_best(found, rows).any())
        old = [_of_images_alone(found, each, rows[0]) for each in rows[1:]]
        before += bool(significant_signs(values, old).any())
    return now / pools, bold / pools, before / pools, first / pools


def _worse_than_best(found: Measured, rows: np.ndarray) -> np.ndarray:
    """Whether each method is significantly worse than the best, corrected for all pairs as in `results/marks.py`."""
    means = found.values[rows].mean(axis=1)
    best = int(means.argmax())
    others = [row for row in range(len(rows)) if row != best]
    tests = [found.of_difference(rows[row], rows[best]) for row in others]
    p_values = [np.nan if test is None else test.p_value for test in tests]
    pairs = len(rows) * (len(rows) - 1) // 2
    return significant_signs([float(means[row] - means[best]) for row in others], p_values, pairs) < 0


def _margins(setting: Setting, better: float, random: np.random.Generator) -> np.ndarray:
    """How far each network is from an error on each image, (networks, images)."""
    networks = (setting.students + 1) * setting.seeds
    difficulty = random.normal(0, 1, setting.images)
    ability = random.normal(0, setting.spread, (networks, 1))
    ability[setting.seeds : 2 * setting.seeds] += better
    own = random.normal(0, 0.7, (networks, setting.images))
    return float(-norm.ppf(setting.errors)) * np.sqrt(1.49) + difficulty + ability + own


def _recalls(right: np.ndarray, rare: np.ndarray) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = [weights @ (right & group) / (weights @ group) for group in (rare, ~rare)]
        return {"recalls": (recalls[0] + recalls[1]) / 2}

    return statistics


def _bins(confidence: np.ndarray, right: np.ndarray) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    place = np.minimum((confidence * 10).astype(int) - 5, 4)
    gaps = np.stack([(place == index) * (confidence - right) for index in range(5)], axis=1)

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"ece": np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)}

    return statistics


def _of_images_alone(found: Measured, rows: np.ndarray, others: np.ndarray) -> float:
    """The p-value of a normal distribution with the standard error over images; 1 below six differing images."""
    if isinstance(found, MeanOverImages):
        differences = found.seen[rows].mean(axis=0) - found.seen[others].mean(axis=0)
        error, value = float(differences.std() / np.sqrt(len(differences))), float(differences.mean())
        enough = np.count_nonzero(differences) >= 6
    else:
        samples = np.nanmean(found.samples[rows], axis=0) - np.nanmean(found.samples[others], axis=0)
        error, value = float(np.nanstd(samples)), float(found.values[rows].mean() - found.values[others].mean())
        enough = True
    return float(2 * norm.sf(abs(value) / error)) if enough and error > 0 else 1.0


def settings() -> Iterator[Setting]:
    """All settings of the table."""
    for kind in KINDS:
        for students in (2, 11):
            for seeds, spreads in {1: (0.0,), 3: (0.0, 0.03, 0.1, 0.3), 5: (0.0, 0.03, 0.1, 0.3)}.items():
                for images in (100, 500) if kind in RESAMPLED else (100, 500, 10_000):
                    for errors in (0.02, 0.1, 0.3) if kind == "accuracy" else (0.1,):
                        for spread in spreads:
                            yield Setting(kind, students, seeds, images, errors, spread)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--pools",
        type=int,
        default=1000,
        help="pools of each setting; half of them with 10,000 images, a tenth where images are resampled",
    )
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS])
    given = parser.parse_args()
    print("| measure | students | seeds | images | errors | spread of seeds | ▼ % | bold % | interval % | found % |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for each in settings():
        if each.kind not in given.kinds:
            continue
        pools = given.pools // (10 if each.kind in RESAMPLED else 2 if each.images > 1000 else 1)
        now, bold, before, _ = false_alarms(each, pools)
        if max(now, bold) > SUSPICIOUS:
            now, bold, before, _ = false_alarms(each, 10 * pools, seed=1)
        power = 3 * 1.2 * np.sqrt(2 / each.images / each.seeds)
        found = false_alarms(each, max(pools // 5, 1), better=power)[3]
        print(
            f"| {each.kind} | {each.students} | {each.seeds} | {each.images:,} | {each.errors:g} | {each.spread:g} | "
            f"{100 * now:.1f} | {100 * bold:.1f} | {100 * before:.1f} | {100 * found:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
