from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.data import Augmentation, Batch, Dataset, load_dataset
from robustkd.distillation import Method, Recipe, Stage, Supervision
from robustkd.models import PixelModel, create_model

Wave = Callable[..., Tensor]
Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]
AssertLoss = Callable[..., None]


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """70 training and 50 test images of the digits, 8×8, shifted by up to a pixel and mirrored while training."""
    whole = load_dataset("digits")
    train, test = whole.training.subset(torch.arange(70)), whole.test.subset(torch.arange(50))
    return Dataset("digits", train, test, Augmentation(crop_padding=1, horizontal_flip=True))


@pytest.fixture
def two_stages() -> type[Method]:
    return TwoStages


class TwoStages(Method):
    """First an adaptor alone learns, then the student alone; both losses draw random numbers."""

    needs_teacher = False

    def __init__(self, student: PixelModel, teacher: PixelModel | None = None, *, scale: float = 1.0) -> None:
        super().__init__(student, teacher)
        self.scale = scale
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.adaptor = nn.Linear(10, 10)
        self.begun: list[tuple[str, int, int]] = []

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        return Stage("adaptor", Recipe(epochs=2, batch_size=50, learning_rate=0.01)), Stage("training", recipe)

    def trained(self, stage: str) -> list[nn.Parameter]:
        return list((self.adaptor if stage == "adaptor" else self.student).parameters())

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        super().begin_epoch(stage, epoch, epochs)
        self.begun.append((stage, epoch, epochs))

    def forward(self, batch: Batch) -> Supervision:
        logits = self.student(batch.pixels)
        loss = F.cross_entropy(self.scale * self.adaptor(logits), batch.labels)
        return Supervision(logits, {self.stage: loss * torch.rand(())})


@pytest.fixture(scope="session")
def wave() -> Wave:
    """(shape, a, b, k) → k · sin(a · n + b) for n = 0, 1, …, in float64."""

    def make(shape: tuple[int, ...], a: float, b: float, k: float = 1.0) -> Tensor:
        return torch.from_numpy((k * np.sin(a * np.arange(np.prod(shape)) + b)).reshape(shape))

    return make


@pytest.fixture(scope="session")
def networks() -> Networks:
    """Two architectures → an untrained student and teacher for ten classes, which differ even where these do not."""

    def make(student: str, teacher: str) -> tuple[PixelModel, PixelModel]:
        made = [
            create_model(
                architecture,
                num_classes=10,
                seed=seed,
                options={"img_size": 32} if architecture.startswith("vit") else None,
            )
            for seed, architecture in enumerate((student, teacher))
        ]
        return made[0], made[1]

    return make


@pytest.fixture(scope="session")
def batch() -> Batch:
    """Eight images of 8×8."""
    generator = torch.Generator().manual_seed(0)
    pixels, labels = torch.rand(8, 3, 8, 8, generator=generator), torch.randint(10, (8,), generator=generator)
    return Batch(pixels, labels, torch.arange(8), views={"auto_augment": pixels.flip(2)})


@pytest.fixture(scope="session")
def assert_loss() -> AssertLoss:
    """Hold a loss, and its gradient to the first argument, against a function of NumPy arrays."""

    def check(loss: Callable[..., Tensor], reference: Callable[..., float], *arrays: np.ndarray) -> None:
        student, *others = arrays
        tensor = torch.from_numpy(student).requires_grad_()
        value = loss(tensor, *map(torch.from_numpy, others))
        value.backward()
        slopes = np.empty_like(student)
        for place in np.ndindex(student.shape):
            step = np.zeros_like(student)
            step[place] = 1e-6
            slopes[place] = (reference(student + step, *others) - reference(student - step, *others)) / 2e-6
        assert value.ndim == 0
        np.testing.assert_allclose(value.item(), reference(student, *others), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(tensor.grad, slopes, rtol=1e-5, atol=1e-7 * max(1.0, abs(value.item())))

    return check
