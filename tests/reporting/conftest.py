from pathlib import Path

import pytest

import robustkd as rk
from robustkd.evaluations import EVALUATIONS


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three untrained networks through every evaluation; one name would be markup if it were not escaped."""
    teacher, baseline, student = (
        rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in range(3)
    )
    pool = rk.ModelPool(teacher, baseline, {"<b>at</b> & |co_": student})
    options = {name: {} for name in EVALUATIONS.names()}
    options |= {"transferability": {"images": 10, "steps": 1}, "corruption": {"images": 10, "severities": [1]}}
    out = tmp_path_factory.mktemp("runs") / "run"
    return rk.evaluate(pool, rk.load_dataset("digits"), options=options, limit=40, out=out, device="cpu").path
