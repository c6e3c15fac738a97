from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from robustkd.data import Dataset, ImageSet
from robustkd.evaluations.evaluation import Predict
from robustkd.evaluations.predictions import Predictions
from robustkd.models import Member, ModelPool, PixelModel, create_model


def network(seed: int, num_classes: int = 3) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=num_classes, in_chans=1, seed=seed)


def members(*rows: tuple[str, str, str, int | None]) -> pd.DataFrame:
    """Of (role, method, architecture, seed)."""
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
