"""Scores that are meant to be higher for images of the classes that a network was trained on."""

from __future__ import annotations

import numpy as np

from robustkd.results.predictions import Predictions

SCORES = {"msp": "MSP", "max_logit": "max logit", "energy": "energy"}
"""The scores by name, and their names in tables."""


def scores_of(predictions: Predictions) -> np.ndarray:
    """Compute the scores of each image, in the order of `SCORES`.

    * MSP: the largest probability max_k p_k (Hendrycks and Gimpel 2017, section 2); its logarithm, which has the same
      order and is not rounded to 1 for confident networks.
    * Max logit: max_k z_k (Hendrycks et al. 2022, section 4).
    * Energy: −E(x) = log Σ_k exp z_k at temperature 1 (Liu et al. 2020, equation 4).

    Args:
        predictions: The predictions for N images.

    Returns:
        float64 (3, N); NaN for an image whose logits are not all finite.
    """
    finite = np.isfinite(predictions.logits).all(axis=1)
    logits = np.where(finite[:, None], predictions.logits, 0).astype(np.float64)
    highest = logits.max(axis=1)
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return np.where(finite, np.stack([highest - energy, highest, energy]), np.nan)
