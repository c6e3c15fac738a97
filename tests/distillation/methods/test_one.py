import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.blocks import paper_block
from robustkd.distillation.methods.one import ensemble_loss, gated_ensemble, ramp_up, tail
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

PAPERS = ("cifar_resnet8", "cifar_resnet14", "cifar_resnet20", "cifar_wrn_10_2", "cifar_wrn_16_2", "cifar_wrn_28_2")


def log_softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    return scaled - np.log(np.exp(scaled).sum(-1, keepdims=True))


def reference(logits: np.ndarray, ensemble: np.ndarray, temperature: float) -> float:
    log_e = log_softened(ensemble, temperature)
    distances = [(np.exp(log_e) * (log_e - log_softened(each, temperature))).sum(1).mean() for each in logits]
    return float(temperature**2 * sum(distances))


@given(seed=st.integers(0, 999), branches=st.integers(1, 3), temperature=st.floats(0.5, 8))
def test_value_and_gradient_follow_the_formula(
    seed: int, branches: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    random = np.random.default_rng(seed)

    assert_loss(
        lambda logits, ensemble: ensemble_loss(list(logits), ensemble, temperature),
        lambda logits, ensemble: reference(logits, ensemble, temperature),
        random.normal(0, 2, (branches, 2, 3)),
        random.normal(0, 2, (2, 3)),
    )


def test_the_ensemble_is_a_fixed_target() -> None:
    ensemble = torch.rand(2, 3, requires_grad=True)
    logits = torch.rand(2, 3, requires_grad=True)

    assert not torch.autograd.grad(ensemble_loss([logits], ensemble, 3.0), ensemble, allow_unused=True)[0]


@given(seed=st.integers(0, 999))
def test_the_ensemble_is_the_gated_sum_of_the_branches(seed: int, assert_loss: Callable[..., None]) -> None:
    random = np.random.default_rng(seed)
    pull = random.normal(size=(2, 4))

    assert_loss(
        lambda gates, logits: (gated_ensemble(gates, logits) * torch.from_numpy(pull)).sum(),
        lambda gates, logits: float(sum(gates[:, i] @ (logits[i] * pull).sum(1) for i in range(3))),
        random.random((2, 3)),
        random.normal(size=(3, 2, 4)),
    )


@pytest.mark.parametrize(
    ("epoch", "length", "weight"),
    [
        (0, 80, 0.006737946999085467),  # e⁻⁵
        (40, 80, 0.28650479686019),  # e^(−5/4)
        (79, 80, 0.99921905507),  # e^(−5/6400)
        (80, 80, 1),
        (299, 80, 1),
        (0, 0, 1),
        (1, 2, 0.28650479686019),
    ],
)
def test_the_weight_ramps_up(epoch: int, length: int, weight: float, networks: Networks) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["one"](student, ramp_up=length / 300)

    method.begin_epoch("training", epoch, 300)

    assert ramp_up(epoch, length) == pytest.approx(weight, rel=1e-10)
    assert method.weight.item() == pytest.approx(weight, rel=1e-6)


def test_a_shorter_training_has_a_shorter_ramp(networks: Networks) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["one"](student)

    weights = []
    for epoch, epochs in ((40, 300), (4, 30)):
        method.begin_epoch("training", epoch, epochs)
        weights.append(method.weight.item())

    assert weights == pytest.approx([0.28650479686019] * 2, rel=1e-6)  # e^(−5/4), halfway through the ramp


@pytest.mark.parametrize("branch", [1, 2, 3])
def test_branches_and_ensemble_learn_from_the_labels_and_branches_from_the_ensemble(
    branch: int, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["one"](student, branch=branch).eval()
    method.begin_epoch("training", 40, 300)

    supervision = method(batch)

    with torch.no_grad():
        shared = student.outputs(batch.pixels).blocks[2]
        logits = torch.stack([student(batch.pixels), *(each(shared) for each in method.tails)]).double().numpy()
        gates = method.gate(shared).double().numpy()
    ensemble = np.einsum("bi,ibk->bk", gates, logits)
    errors = sum(-log_softened(each, 1)[np.arange(8), batch.labels].mean() for each in (*logits, ensemble))
    assert gates.shape == (8, 3)
    np.testing.assert_allclose(gates.sum(1), 1, rtol=1e-6)
    assert supervision.losses["cross_entropy"].item() == pytest.approx(errors, rel=1e-5)
    expected = 0.28650479686019 * reference(logits, ensemble, 3)
    assert supervision.losses["ensemble"].item() == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(supervision.logits.detach(), logits[branch - 1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "architecture",
    [*PAPERS, "resnet18", "mobilenetv3_small_050", "convnext_atto", "efficientnet_b0", "resnetv2_50"],
)
def test_a_tail_goes_on_where_the_last_block_but_one_ends(architecture: str) -> None:
    model = create_model(architecture, num_classes=10, seed=0).eval()
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        outputs = model.outputs(pixels)
        rest = tail(copy.deepcopy(model))
        torch.testing.assert_close(rest(paper_block(outputs.blocks, 2)), outputs.logits)

    assert sum(each.numel() for each in rest.parameters()) < model.num_parameters


@pytest.mark.parametrize("architecture", PAPERS)
def test_the_last_block_and_head_are_threefold_in_every_network_of_the_papers(architecture: str) -> None:
    model = create_model(architecture, num_classes=10, seed=0)

    method = METHODS["one"](model)

    parts = ("stage3", "norm", "fc")
    own = sum(each.numel() for name, each in model.module.named_parameters() if name.startswith(parts))
    channels = model.block_channels[2]
    # the gate: a linear layer and a normalisation, for three branches
    gate = 3 * channels + 3 + 2 * 3
    assert sum(each.numel() for each in method.parameters()) == model.num_parameters + 2 * own + gate


def test_branches_start_from_different_weights_the_same_for_the_same_student(networks: Networks, batch: Batch) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        method = METHODS["one"](networks("cifar_resnet8", "cifar_resnet8")[0]).eval()
        found.append([method.student.module.fc, *(each.fc for each in method.tails)])
        gates = method.gate[2].weight

    assert len({tuple(head.weight.flatten().tolist()) for head in found[0]}) == 3
    assert all(torch.equal(*(head.weight for head in pair)) for pair in zip(*found, strict=True))
    torch.manual_seed(3)
    assert torch.equal(METHODS["one"](networks("cifar_resnet8", "cifar_resnet8")[0]).gate[2].weight, gates)


@pytest.mark.parametrize("branch", [1, 2, 3])
@pytest.mark.parametrize("architecture", ["cifar_resnet8", "cifar_wrn_10_1"])
def test_a_plain_network_is_exported_that_answers_as_the_branch(
    architecture: str, branch: int, networks: Networks, batch: Batch
) -> None:
    student, _ = networks(architecture, architecture)
    method = METHODS["one"](student, branch=branch)
    optimiser = torch.optim.SGD(method.parameters(), lr=0.05)
    for _ in range(3):
        optimiser.zero_grad()
        sum(method(batch).losses.values()).backward()
        optimiser.step()

    exported = method.export().eval()

    assert {name: value.shape for name, value in exported.state_dict().items()} == {
        name: value.shape for name, value in networks(architecture, architecture)[0].state_dict().items()
    }
    with torch.no_grad():
        torch.testing.assert_close(exported(batch.pixels), method.eval()(batch).logits)


def test_a_network_whose_beginning_is_no_chain_of_modules_is_refused() -> None:
    with pytest.raises(ModelError, match=r"test_vit cannot be branched after blocks\.4, its last block but one"):
        METHODS["one"](create_model("test_vit", num_classes=10))
