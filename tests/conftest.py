import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings

from robustkd import plugins
from robustkd.data import Dataset, ImageSet, load_dataset
from robustkd.evaluations import Predict
from robustkd.models import Member, ModelPool, PixelModel, create_model
from robustkd.results.predictions import Predictions

torch.set_num_threads(1)
settings.register_profile("robustkd", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("robustkd")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder that holds real data sets."""
    given = os.environ.get("ROBUSTKD_DATA")
    if not given:
        pytest.skip("needs real images: set ROBUSTKD_DATA to the folder that holds cifar10.npz")
    root = Path(given).expanduser()
    if not any((root / name).exists() for name in ("cifar10.npz", "cifar-10-batches-py")):
        pytest.skip(f"needs real images: ROBUSTKD_DATA ({root}) holds neither cifar10.npz nor cifar-10-batches-py/")
    return root


@pytest.fixture(scope="session")
def cifar10(data_root: Path) -> Dataset:
    """The first 300 training and 200 test images of CIFAR-10."""
    whole = load_dataset("cifar10", data_root)
    train, test = whole.training.subset(torch.arange(300)), whole.test.subset(torch.arange(200))
    return Dataset("cifar10", train, test, whole.augmentation)


@pytest.fixture(scope="session")
def human_labels() -> Path:
    """The folder with human labels of CIFAR's images."""
    beside = [Path(__file__).parents[2] / "shared" / "data" / "human_labels"]
    given = os.environ.get("ROBUSTKD_DATA")
    if given:
        beside.insert(0, Path(given).expanduser() / "human_labels")
    for folder in beside:
        if (folder / "cifar10n_worse_label.npy").is_file():
            return folder
    pytest.skip(f"needs human labels: none of {', '.join(map(str, beside))} holds cifar10n_worse_label.npy")


@pytest.fixture
def own_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget afterwards what code a test has loaded: it is no plugin of later tests."""
    for name in ("_loaded", "_tried"):
        monkeypatch.setattr(plugins, name, dict(getattr(plugins, name)))
    monkeypatch.setattr(plugins, "SOURCES", list(plugins.SOURCES))


def network(seed: int, num_classes: int = 3) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=num_classes, in_chans=1, seed=seed)


def members(*rows: tuple[str, str, str, int | None]) -> pd.DataFrame:
    """Return the frame of members given as (role, method, architecture, seed)."""
    frame = pd.DataFrame(
        [
            {
                "member": method if seed is None else f"{method}-{seed}",
                "role": role,
                "method": method,
                "architecture": architecture,
                "seed": seed,
                "condition": "clean",
            }
            for role, method, architecture, seed in rows
        ]
    )
    return frame.astype({"seed": "Int64"})


@pytest.fixture
def data() -> Dataset:
    """Forty random images of three classes."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Dataset("random", None, ImageSet(images, torch.arange(40) % 3, ("a", "b", "c")))


@pytest.fixture
def pool() -> ModelPool:
    """A teacher, a baseline and two students, untrained."""
    return ModelPool(network(0), network(1), {"at": network(2), "sp": network(3)})


@pytest.fixture
def predict_as() -> Callable[[dict[str, np.ndarray], np.ndarray], Predict]:
    """Make members predict given logits."""

    def make(logits: dict[str, np.ndarray], labels: np.ndarray) -> Predict:
        def predict(member: Member) -> Predictions:
            return Predictions(logits[member.name].astype(np.float32), labels)

        return predict

    return make
