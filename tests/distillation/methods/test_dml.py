from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.dml import mutual_loss
from robustkd.errors import ModelError
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def log_softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def divergence(first: np.ndarray, second: np.ndarray, temperature: float) -> float:
    """T² · KL(first ‖ second)."""
    log_p, log_q = log_softened(first, temperature), log_softened(second, temperature)
    return float(temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(1).mean())


def mistakes(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-log_softened(logits, 1)[np.arange(len(labels)), labels].mean())


@given(seed=st.integers(0, 999), others=st.integers(1, 3), temperature=st.floats(0.5, 8))
def test_value_and_gradient_follow_the_formula(
    seed: int, others: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (1 + others, 2, 3))

    assert_loss(
        lambda mine, *theirs: mutual_loss(mine, theirs, temperature),
        lambda mine, *theirs: float(np.mean([divergence(each, mine, temperature) for each in theirs])),
        *logits,
    )


def test_the_others_get_no_gradient() -> None:
    mine, theirs = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_().unbind()

    assert not torch.autograd.grad(mutual_loss(mine, [theirs], 4.0), theirs, allow_unused=True)[0]


@pytest.mark.parametrize(
    ("options", "peers", "kd_weight", "temperature"),
    [({}, 2, 0.9, 4), ({"peers": 3, "kd_weight": 0.4, "temperature": 2.0}, 3, 0.4, 2)],
)
def test_all_peers_learn_from_the_labels_and_from_one_another(
    options: dict[str, float], peers: int, kd_weight: float, temperature: float, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["dml"](student, **options).eval()

    supervision = method(batch)

    logits = [peer(batch.pixels).detach().double().numpy() for peer in (student, *method.others)]
    errors = sum(mistakes(each, batch.labels.numpy()) for each in logits)
    mutual = sum(
        np.mean([divergence(logits[j], logits[i], temperature) for j in range(peers) if j != i]) for i in range(peers)
    )
    assert supervision.losses["cross_entropy"].item() == pytest.approx((1 - kd_weight) * errors, rel=1e-5)
    assert supervision.losses["mutual"].item() == pytest.approx(kd_weight * mutual, rel=1e-3)
    assert torch.equal(supervision.logits, student(batch.pixels))


def standardised(logits: np.ndarray) -> np.ndarray:
    return (logits - logits.mean(1, keepdims=True)) / logits.std(1, ddof=1, keepdims=True)


@pytest.mark.parametrize(("variant", "learning", "temperature"), [("sarfraz2020", [0, 1, 2], 2), ("original", [0], 1)])
def test_the_logits_of_all_peers_may_be_standardised(
    variant: str, learning: list[int], temperature: float, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    options = {"variant": variant, "peers": 3, "kd_weight": 1.0, "temperature": 2.0, "standardise_logits": True}
    method = METHODS["dml"](student, **options).eval()
    method.begin_epoch("training", 0, 10)

    found = method(batch).losses["mutual"].item()

    logits = [standardised(peer(batch.pixels).detach().double().numpy()) for peer in (student, *method.others)]
    expected = sum(
        np.mean([divergence(logits[j], logits[i], temperature) for j in range(3) if j != i]) for i in learning
    )
    assert found == pytest.approx(expected, rel=1e-3)


def test_exchanging_the_peers_exchanges_their_gradients(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["dml"](student).eval()
    (peer,) = method.others

    def learn() -> tuple[dict[str, torch.Tensor], list[list[torch.Tensor]]]:
        method.zero_grad()
        losses = method(batch).losses
        sum(losses.values()).backward()
        gradients = [
            [each.grad for each in network.parameters() if each.grad is not None] for network in (student, peer)
        ]
        return losses, gradients

    losses, (first, second) = learn()
    weights = [{name: value.clone() for name, value in network.state_dict().items()} for network in (student, peer)]
    student.load_state_dict(weights[1])
    peer.load_state_dict(weights[0])
    exchanged, (new_first, new_second) = learn()

    torch.testing.assert_close(exchanged, losses)
    torch.testing.assert_close(new_first, second)
    torch.testing.assert_close(new_second, first)


def test_peers_are_one_architecture_with_different_weights(networks: Networks) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["dml"](student, peers=4)

    peers = (student, *method.others)
    assert {peer.architecture for peer in peers} == {"cifar_resnet8"}
    assert len({peer.digest() for peer in peers}) == 4
    assert method.export() is student
    assert not METHODS["dml"].needs_teacher


def test_original_is_cross_entropy_plus_kl_at_temperature_1(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["dml"](student, variant="original").eval()
    method.begin_epoch("training", 0, 10)

    losses = method(batch).losses

    mine, theirs = (peer(batch.pixels).detach().double().numpy() for peer in (student, *method.others))
    assert losses["cross_entropy"].item() == pytest.approx(mistakes(mine, batch.labels.numpy()), rel=1e-5)
    assert losses["mutual"].item() == pytest.approx(divergence(theirs, mine, 1), rel=1e-3)


@pytest.mark.parametrize(("epoch", "order"), [(0, [0, 1, 2, 0]), (1, [1, 2, 0, 1]), (5, [2, 0, 1, 2])])
def test_in_original_the_peers_learn_in_turn_each_from_a_batch_of_its_own(
    epoch: int, order: list[int], networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["dml"](student, variant="original", peers=3)
    method.begin_epoch("training", epoch, 10)

    learned = []
    for _ in order:
        method.zero_grad()
        sum(method(batch).losses.values()).backward()
        peers = (student, *method.others)
        learned.append(
            [index for index, peer in enumerate(peers) if any(each.grad is not None for each in peer.parameters())]
        )

    assert learned == [[index] for index in order]


def test_a_network_that_timm_does_not_know_has_no_peers() -> None:
    with pytest.raises(ModelError, match="unknown architecture 'Linear-"):
        METHODS["dml"](PixelModel(torch.nn.Linear(2, 3)))
