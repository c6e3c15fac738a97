"""What a reader must know about calibration measured on few images."""

from collections.abc import Mapping, Sequence

import numpy as np

from robustkd.statistics.calibration_error import bin_of

ENOUGH_IN_BIN = 50
"""The images per bin from which chance has little part in a calibration error."""


def notes_on(
    names: Sequence[str], networks: Sequence[Mapping[str, np.ndarray]], fitted: np.ndarray, bins: int
) -> list[str]:
    """Write what few images do to the numbers.

    Args:
        names: The names of the members.
        networks: What `seen` recorded of each.
        fitted: The images that the temperature is fitted on, bool (N,).
        bins: The number of bins of the confidence.

    Returns:
        Sentences without their full stop: the calibration error that chance alone gives, the networks without a
        temperature, and those whose log-likelihood it makes worse.
    """
    about_fits = [
        note for name, one in zip(names, networks, strict=True) for note in _on_temperature(name, one, fitted)
    ]
    return [*_on_chance([one["confidence"] for one in networks], bins), *about_fits]


def error_by_chance(confidence: np.ndarray, bins: int) -> float:
    """Return the calibration error to be expected of a network that is right exactly as often as its confidence says.

    In each bin, accuracy minus confidence then has mean 0 and variance Σ c(1−c)/n²; the mean absolute value of a normal
    number is √(2/π) standard deviations. Roelofs, Cain, Shlens, Mozer, *Mitigating Bias in Calibration Error
    Estimation* (AISTATS 2022), measure this bias.

    Args:
        confidence: The largest probability of each image, float (N,).
        bins: The number of bins, of equal width.
    """
    variance = np.bincount(bin_of(confidence, bins), weights=confidence * (1 - confidence), minlength=bins)
    return float(np.sqrt(2 / np.pi) * np.sqrt(variance).sum() / len(confidence))


def _on_chance(confidences: Sequence[np.ndarray], bins: int) -> list[str]:
    images = len(confidences[0])
    if images >= ENOUGH_IN_BIN * bins:
        return []
    expected = [f"{100 * error_by_chance(confidence, bins):.1f}" for confidence in confidences]
    low, high = min(expected, key=float), max(expected, key=float)
    size = f"{high}%" if low == high else f"{low} to {high}%"
    return [
        f"{images} images are few for {bins} bins: by chance alone, perfectly calibrated networks of the same "
        f"confidence would show an ECE of about {size}"
    ]


def _on_temperature(name: str, network: Mapping[str, np.ndarray], fitted: np.ndarray) -> list[str]:
    count = int(fitted.sum())
    if not count:
        return []
    if np.isnan(network["temperature"]):
        return [
            f"{name} has no fitted temperature, because no temperature makes the labels of {count} images most likely: "
            "it is always right on them, or no better than guessing"
        ]
    before, after = float(network["nll"][~fitted].mean()), float(network["nll_after"].mean())
    if after <= before:
        return []
    return [
        f"The temperature of {name}, fitted on {count} images, makes the NLL of the others larger, {after:.3f} instead "
        f"of {before:.3f} nats"
    ]
