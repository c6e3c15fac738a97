from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


@pytest.mark.parametrize(
    ("options", "block", "weight"),
    [({}, 2, 1), ({"hint_block": 3, "hint_weight": 2.0}, 3, 2), ({"variant": "tian2020"}, 2, 1)],
)
def test_a_projection_of_the_students_block_is_compared(
    options: dict[str, object], block: int, weight: float, networks: Networks, batch: Batch
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["hint"](student, teacher, **options).eval()

    losses = method(batch).losses

    seen, wanted = (model.outputs(batch.pixels).blocks[block].detach().double().numpy() for model in (student, teacher))
    kernel, bias = (each.detach().double().numpy() for each in method.regressor[0].parameters())
    projected = np.einsum("oc,bchw->bohw", kernel[:, :, 0, 0], seen) + bias[:, None, None]
    if "variant" in options:  # untrained batch normalisation divides by √(1 + 1e-5)
        projected = np.maximum(projected / np.sqrt(1 + 1e-5), 0)
    assert losses["hint"].item() == pytest.approx(weight * np.square(projected - wanted).mean(), rel=1e-5)
    torch.testing.assert_close(
        losses["cross_entropy"], nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )


def test_only_the_original_regressor_reaches_negative_features(networks: Networks, batch: Batch) -> None:
    lowest = {}
    for variant in ("original", "tian2020"):
        method = METHODS["hint"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"), variant=variant)
        lowest[variant] = method.regressor(method.student.outputs(batch.pixels).blocks[2]).min().item()

    assert lowest["original"] < 0
    assert lowest["tian2020"] == 0
    assert method.teacher.outputs(batch.pixels).blocks[2].min() < 0


def test_regressor_and_student_learn_together(networks: Networks) -> None:
    method = METHODS["hint"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))

    trained = set(map(id, method.trained("training")))

    assert trained == {id(each) for module in (method.student, method.regressor) for each in module.parameters()}
