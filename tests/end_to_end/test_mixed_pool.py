"""One pool mixes a transformer for 224 pixels with networks for 32: every evaluation measures all of them."""

from typing import Any

import pytest

import robustkd as rk
from robustkd.data import Dataset
from robustkd.models import ModelPool
from robustkd.studies import SUITES
from robustkd.studies.evaluated import Evaluated

pytestmark = pytest.mark.slow

FEW: dict[str, dict[str, Any]] = {
    "fidelity": {"train_images": 8},
    "knowledge": {},
    "similarity": {"images": 8, "neighbours": 2},
    "localisation": {"images": 8, "deletion_images": 4, "deletion_steps": 2, "grid": 4},
    "decision_boundary": {"planes": 2, "resolution": 4},
    "invariance": {"colour": (0.2,), "crop": (0.6,), "shift": (2,), "rotation": (15.0,), "blur": (1.0,), "images": 8},
    "domains": {"corruptions": ("contrast",), "images": 8},
    "ood": {"images": 8},
    "shape_bias": {"images": 8},
    "corruption": {"corruptions": ("contrast", "brightness"), "severities": (1, 3), "images": 8},
    "adversarial_inheritance": {"epsilons": (), "images": 8, "steps": 2},
    "transferability": {"images": 8, "steps": 2, "square_images": 2, "square_queries": 2},
}
"""Options that keep the number of passes through the transformer small."""


@pytest.fixture(scope="module")
def evaluated(cifar10: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    transformer = rk.create_model("vit_tiny_patch16_224", num_classes=10, seed=0)
    baseline, student = (rk.create_model("cifar_resnet8", num_classes=10, seed=seed) for seed in (1, 2))
    pool = ModelPool(transformer, baseline, {"student": student})
    out = tmp_path_factory.mktemp("mixed") / "run"
    return rk.evaluate(pool, cifar10, "full", options=FEW, limit=20, out=out, device="cpu")


@pytest.mark.parametrize("name", sorted({*SUITES["full"]} - {"course", "groups"}))
def test_every_network_is_measured(name: str, evaluated: Evaluated) -> None:
    frame = evaluated.results[name]

    compared = {"student"} if name in {"provenance", "adversarial_inheritance"} else {"baseline", "student"}
    assert compared <= set(frame["role"])
    assert frame["value"].notna().any()


def test_nothing_is_missing_from_the_report(evaluated: Evaluated) -> None:
    assert evaluated.missing == {}
    assert "vit_tiny_patch16_224" in evaluated.page.read_text(encoding="utf-8")
