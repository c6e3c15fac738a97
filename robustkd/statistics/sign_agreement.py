"""How many of the differences of one list have the sign that they have in another."""

from typing import NamedTuple

import numpy as np

from robustkd.statistics.intervals import ROUNDING, Interval, wilson


class SignAgreement(NamedTuple):
    """The number of differences with the expected sign.

    Attributes:
        same: The number with the same sign.
        total: The number that were compared.
        interval: Wilson's interval of the share, which takes the differences as independent.
    """

    same: int
    total: int
    interval: Interval


def sign_agreement(measured: np.ndarray, expected: np.ndarray) -> SignAgreement | None:
    """Count the differences that have the expected sign.

    Args:
        measured: Differences, float (N,). One of exactly 0 does not have the expected sign.
        expected: The same differences as another source states them, float (N,). One of exactly 0 has no sign to agree
            with, and is left out.

    Returns:
        The count; None where no expected difference has a sign.
    """
    signed = np.abs(expected) > ROUNDING
    if not signed.any():
        return None
    known = np.where(np.abs(measured) > ROUNDING, np.sign(measured), 0)
    same, total = int((known == np.sign(expected))[signed].sum()), int(signed.sum())
    return SignAgreement(same, total, wilson(same, total))
