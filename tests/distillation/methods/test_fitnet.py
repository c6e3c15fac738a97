from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.fitnet import hint_loss
from robustkd.errors import ModelError
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def reference(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((student - teacher) ** 2).sum() / student.size)


@given(seed=st.integers(0, 999), channels=st.integers(1, 3), height=st.integers(1, 3))
def test_value_and_gradient_follow_the_formula(
    seed: int, channels: int, height: int, assert_loss: Callable[..., None]
) -> None:
    student, teacher = np.random.default_rng(seed).normal(size=(2, 2, channels, height, 2))

    assert_loss(hint_loss, reference, student, teacher)


def test_maps_of_different_size_meet_at_the_smaller() -> None:
    student, teacher = torch.arange(4.0).view(1, 1, 2, 2), torch.tensor([[[[3.5]]]])

    # the student's mean is 1.5
    assert hint_loss(student, teacher).item() == pytest.approx(4)
    assert hint_loss(teacher, student).item() == pytest.approx(4)


def test_the_original_takes_half_the_sum_over_channels() -> None:
    student = torch.zeros(2, 3, 4, 4)
    teacher = torch.arange(1.0, 4.0)[None, :, None, None].expand(2, 3, 4, 4)

    assert hint_loss(student, teacher, variant="original").item() == pytest.approx((1 + 4 + 9) / 2)


def test_equally_wide_blocks_are_compared_as_they_are(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_wrn_10_2", "cifar_wrn_16_2")
    method = METHODS["fitnet"](student, teacher, hint_weight=3.0).eval()
    method.begin_epoch("initialisation", 0, 1)

    losses = method(batch).losses

    blocks = [model.outputs(batch.pixels).blocks[2].detach().double().numpy() for model in (student, teacher)]
    assert losses.keys() == {"hint"}
    assert losses["hint"].item() == pytest.approx(3 * reference(*blocks), rel=1e-5)
    assert isinstance(method.regressor, nn.Identity)


@pytest.mark.parametrize(("student", "variant"), [("cifar_wrn_10_1", "sarfraz2020"), ("cifar_wrn_10_2", "original")])
def test_a_linear_regressor_brings_the_student_to_the_teachers_width(
    student: str, variant: str, networks: Networks, batch: Batch
) -> None:
    method = METHODS["fitnet"](*networks(student, "cifar_wrn_16_2"), variant=variant).eval()
    method.begin_epoch("initialisation", 0, 1)

    loss = method(batch).losses["hint"]

    block = method.student.outputs(batch.pixels).blocks[2].detach().numpy()
    weight, bias = (each.detach().numpy() for each in method.regressor.parameters())
    regressed = np.einsum("oc,bchw->bohw", weight[:, :, 0, 0], block) + bias[:, None, None]
    target = method.teacher.outputs(batch.pixels).blocks[2].numpy()
    channels = {"sarfraz2020": 1, "original": target.shape[1] / 2}
    assert loss.item() == pytest.approx(channels[variant] * reference(regressed, target), rel=1e-4)
    # a rectifier at its end could not follow the teacher's
    assert regressed.min() < 0 < regressed.max()
    assert target.min() < 0


def test_the_regressor_is_the_same_for_the_same_student(networks: Networks) -> None:
    torch.manual_seed(1)
    first = METHODS["fitnet"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))
    torch.manual_seed(2)
    second = METHODS["fitnet"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))

    assert all(map(torch.equal, first.regressor.parameters(), second.regressor.parameters()))


@pytest.mark.parametrize(("hint_block", "last"), [(1, "stage1"), (2, "stage2"), (3, "stage3")])
def test_the_first_stage_trains_the_student_up_to_the_block_and_the_regressor(
    hint_block: int, last: str, networks: Networks
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["fitnet"](student, teacher, hint_block=hint_block)

    trained = set(map(id, method.trained("initialisation")))

    names = {name.split(".")[0] for name, parameter in student.module.named_parameters() if id(parameter) in trained}
    assert names == {part for part in ("stem", "stage1", "stage2", "stage3") if part in ("stem",) or part <= last}
    assert set(map(id, method.regressor.parameters())) < trained


def test_a_network_that_does_not_say_its_channels_is_refused(networks: Networks) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    del student.module.feature_info

    with pytest.raises(ModelError, match="cifar_resnet8 does not state the channels of its blocks"):
        METHODS["fitnet"](student, teacher)
