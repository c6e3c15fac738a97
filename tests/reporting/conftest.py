from pathlib import Path

import pytest
import torch

import robustkd as rk
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting import compose
from robustkd.reporting.report import Report


def network(seed: int) -> rk.PixelModel:
    return rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def taught(seed: int, digits: rk.Dataset) -> rk.PixelModel:
    """A network of random features whose last layer is fitted to the training digits by least squares."""
    model = network(seed).eval()
    images = digits.train
    assert images is not None
    with torch.inference_mode():
        features = model.outputs(images.pixels(0, len(images), "cpu")).pooled
        ones = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        targets = 5 * torch.nn.functional.one_hot(images.labels.cpu(), 10).float()
        weights = torch.linalg.lstsq(ones, targets).solution
    last = model.module.get_classifier()
    last.weight.data, last.bias.data = weights[:-1].T.clone(), weights[-1].clone()
    return model


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four networks, one of them untrained, through every evaluation; one name would be markup unescaped."""
    digits = rk.load_dataset("digits")
    teacher, baseline, student = (taught(seed, digits) for seed in range(3))
    pool = rk.ModelPool(teacher, baseline, {"<b>at</b> & |co_": student, "untrained": network(3)})
    for model, last in ((student, 0.8), (pool.members[-1].model, 0.1)):
        shares = [0.1, 0.3, 0.5, last]
        model.lineage["course"] = {"epoch": [1, 2, 3, 4], **dict.fromkeys(("accuracy", "agreement", "kl"), shares)}
    options = {name: {} for name in EVALUATIONS.names()}
    options |= {
        "transferability": {"images": 10, "steps": 3, "square_queries": 20},
        "corruption": {"images": 10, "severities": [1]},
        "adversarial_inheritance": {"images": 10, "steps": 2},
        "decision_boundary": {"planes": 3, "resolution": 5},
        "localisation": {"images": 10, "deletion_images": 4},
        **{name: {"images": 20} for name in ("domains", "fidelity", "invariance", "ood", "shape_bias", "similarity")},
    }
    out = tmp_path_factory.mktemp("runs") / "run"
    return rk.evaluate(pool, digits, options=options, limit=40, out=out, device="cpu").path


@pytest.fixture(scope="session")
def composed(run: Path) -> Report:
    """The report of that run."""
    return compose(run)
