"""Corruption errors relative to the independent baseline's (Hendrycks and Dietterich 2019, section 4)."""

from __future__ import annotations

import numpy as np

from robustkd.evaluations.corruption.images import GENERATED
from robustkd.results.groups import groups_of
from robustkd.results.records import Check, Records

HANDFUL = 5
"""The fewest errors of the baseline that others' errors can be related to."""

KINDS = {"mce": "errors", "relative_mce": "additional errors", "mean_flip_rate": "flips"}
"""What each metric relates to the baseline's."""

_LESS_THAN_ANY_IMAGE = 1e-9
"""A smaller error rate is what float arithmetic leaves of the difference of two equal rates."""


def errors_of(records: Records) -> dict[str, np.ndarray]:
    """Return the errors that each metric relates to the baseline's.

    Args:
        records: The records of the corruption evaluation.

    Returns:
        For ``mce`` the errors, for ``relative_mce`` those that corruption adds to the clean ones, and for
        ``mean_flip_rate`` the flips, float64 (M, C, N): member, corruption and image, averaged over severities.
    """
    arrays = records.arrays
    correct = arrays["corrupted"] == arrays["label"]
    clean_wrong = arrays["clean"] != arrays["label"]
    wrong = 1 - correct.mean(axis=2, dtype=np.float64)
    return {"mce": wrong, "relative_mce": wrong - clean_wrong[:, None], "mean_flip_rate": flips_of(records)}


def flips_of(records: Records) -> np.ndarray:
    """Return how often the prediction changes from each severity to the next, the first of them being the clean image.

    Args:
        records: The records of the corruption evaluation.

    Returns:
        The share of changes, float64 (M, C, N): member, corruption and image.
    """
    seen = records.arrays["corrupted"]
    clean = np.broadcast_to(records.arrays["clean"][:, None, None], (*seen.shape[:2], 1, seen.shape[-1]))
    frames = np.concatenate([clean, seen], axis=2)
    return np.asarray((frames[:, :, 1:] != frames[:, :, :-1]).mean(axis=2, dtype=np.float64))


def mean_corruption_error(errors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Divide errors by a reference's, corruption by corruption, and average (Hendrycks and Dietterich 2019, section 4).

    Args:
        errors: The errors of each corruption, float64 (..., C): sums or means over severities, less the clean error for
            the relative mCE.
        reference: The same for the reference, float64 (..., C).

    Returns:
        The mean over the corruptions whose reference is positive, float64 (...,); NaN if there is none.
    """
    defined = reference > _LESS_THAN_ANY_IMAGE
    ratios = np.where(defined, errors, 0) / np.where(defined, reference, 1)
    count = defined.sum(axis=-1)
    return np.asarray(np.where(count > 0, ratios.sum(axis=-1) / np.maximum(count, 1), np.nan))


def reference_checks(records: Records) -> list[Check]:
    """Check that each baseline makes enough errors under every corruption for others' errors to be divided by them.

    Args:
        records: The records of the corruption evaluation.

    Returns:
        For each baseline a check of its errors, and one of those that corruption adds; none where there are no errors.
    """
    names, severities = records.arrays["corruptions"], len(records.arrays["severities"])
    checks = []
    for group in groups_of(records.members):
        for metric, errors in errors_of(records).items() if group.who["role"] == "baseline" else ():
            made = errors[group.rows].mean(axis=0).sum(axis=-1) * severities
            related = np.where(made > _LESS_THAN_ANY_IMAGE, made, np.inf)
            fewest, where = round(float(related.min()), 6), str(names[related.argmin()]).removesuffix(GENERATED)
            if np.isinf(fewest):
                continue
            kind = KINDS[metric]
            detail = f"{group.method} makes the fewest {kind} under {where}: {fewest:.3g}"
            detail += f", {'enough' if fewest >= HANDFUL else 'too few'} for a ratio of {kind.split()[-1]}"
            member = str(records.members["member"].iloc[group.rows[0]])
            checks.append(Check("baseline makes enough errors", fewest >= HANDFUL, detail, member, (metric,)))
    return checks
