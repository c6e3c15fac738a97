import pytest
import torch

from robustkd.attacks.decisions import decided_classes, margins_of
from robustkd.models import create_model


def test_a_margin_is_the_lead_of_the_largest_logit_as_a_share_of_the_range() -> None:
    logits = torch.tensor([[3.0, 1.0, -1.0], [0.0, 0.5, 0.0], [2.0, 2.0, 0.0]])

    assert margins_of(logits).tolist() == [0.5, 1.0, 0.0]


def test_on_a_cpu_the_network_decides() -> None:
    model = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0).eval()
    pixels = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    assert torch.equal(decided_classes(model, pixels), model(pixels).argmax(1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("images", [3, 1000])
def test_on_cuda_the_decisions_are_those_of_float32(images: int) -> None:
    from robustkd.arithmetic import tensor_float32

    model = create_model("cifar_wrn_16_2", num_classes=10, seed=0).eval().cuda()
    pixels = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(0)).cuda()

    with tensor_float32(False), torch.no_grad():
        expected = model(pixels).argmax(1)

    assert torch.equal(decided_classes(model, pixels), expected)
