import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from robustkd.data import Dataset, load_dataset

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
    """The folder that holds labels that people gave to CIFAR's images."""
    beside = [Path(__file__).parents[2] / "shared" / "data" / "human_labels"]
    given = os.environ.get("ROBUSTKD_DATA")
    if given:
        beside.insert(0, Path(given).expanduser() / "human_labels")
    for folder in beside:
        if (folder / "cifar10n_worse_label.npy").is_file():
            return folder
    pytest.skip(f"needs human labels: none of {', '.join(map(str, beside))} holds cifar10n_worse_label.npy")
