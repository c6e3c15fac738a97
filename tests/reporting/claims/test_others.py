from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def changed(share: float, half_of_classes: float, seeds: int = 3) -> list[Row]:
    """Five classes whose accuracy does not change on average, each known to ± half."""
    about = {"evaluation": "knowledge", "method": "hinton", "n_seeds": seeds}
    classes = [
        {**about, "metric": "class_accuracy_gain", "value": 0.0, "half": half_of_classes, "part": f"class {number}"}
        for number in range(5)
    ]
    gain = {"evaluation": "generalization", "metric": "accuracy_gain", "method": "hinton", "value": 0.0, "half": 0.01}
    return [{**about, "metric": "changed_classes", "value": share, "half": 0.0}, *classes, gain]


@pytest.mark.parametrize(
    ("verdict", "rows"),
    [
        ("holds", changed(0.4, 0.03)),
        ("does not hold", changed(0.0, 0.03)),
        ("undecided", changed(0.0, 0.09)),
        ("undecided", changed(0.4, 0.03, seeds=2)),
    ],
)
def test_verdict(judge: Judge, verdict: str, rows: list[Row]) -> None:
    assert judge("P8", rows).verdict == verdict


def test_not_asked_says_what_is_missing(judge: Judge) -> None:
    assert "the evaluation knowledge" in judge("P8", changed(0.4, 0.03)[-1:]).missing
