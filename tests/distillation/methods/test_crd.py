from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS, Method
from robustkd.distillation.methods.crd import contrastive_loss, first_normaliser
from robustkd.errors import DataError
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

LABELS = torch.tensor([2, 0, 1, 0, 2, 2, 1, 0, 0, 1, 2, 0])


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(1, keepdims=True))


def reference(
    anchors: np.ndarray, bank: np.ndarray, positives: np.ndarray, negatives: np.ndarray, temperature: float, z: float
) -> float:
    """The critic loss, pair by pair."""
    total = 0.0
    odds = negatives.shape[1] / len(bank)
    for anchor, positive, others in zip(anchors, positives, negatives, strict=True):
        score = np.exp(anchor @ bank[positive] / temperature) / z
        total += np.log(score / (score + odds))
        for other in others:
            score = np.exp(anchor @ bank[other] / temperature) / z
            total += np.log(1 - score / (score + odds))
    return float(-total / len(anchors))


@given(seed=st.integers(0, 999), temperature=st.floats(0.2, 2), z=st.floats(0.5, 20), count=st.integers(1, 8))
def test_value_and_gradient_follow_the_formula(
    seed: int, temperature: float, z: float, count: int, assert_loss: Callable[..., None]
) -> None:
    generator = np.random.default_rng(seed)
    anchors, bank = (unit(generator.normal(size=(size, 3))) for size in (2, 5))
    places = np.array([3, 0]), generator.integers(5, size=(2, count))

    assert_loss(
        lambda *given: contrastive_loss(*given, temperature=temperature, normaliser=z),
        lambda *given: reference(*given, temperature, z),
        anchors,
        bank,
        *places,
    )


def test_z_is_the_images_times_the_mean_score() -> None:
    generator = np.random.default_rng(0)
    anchors, bank = (unit(generator.normal(size=(size, 3))) for size in (2, 5))
    positives, negatives = np.array([3, 0]), np.array([[1, 1, 2], [4, 2, 3]])

    found = first_normaliser(*map(torch.from_numpy, (anchors, bank, positives, negatives)), 0.5)

    rows = np.concatenate([positives[:, None], negatives], axis=1)
    scores = [[np.exp(anchor @ bank[place] / 0.5) for place in row] for anchor, row in zip(anchors, rows, strict=True)]
    assert found.item() == pytest.approx(5 * np.mean(scores), rel=1e-12)


def prepared(networks: Networks, **options: object) -> Method:
    method = METHODS["crd"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"), **options).eval()
    method.prepare(LABELS)
    method.begin_epoch("training", 0, 1)
    return method


def test_the_papers_constants_are_the_defaults(networks: Networks) -> None:
    method = prepared(networks)

    assert (method.feat_dim, method.nce_k, method.temperature, method.momentum) == (128, 16384, 0.07, 0.5)
    assert method.crd_weight == 0.8
    assert method.student_bank.shape == method.teacher_bank.shape == (12, 128)
    # uniform up to 1 / √(128 / 3), as in the published code
    assert 0.99 * (3 / 128) ** 0.5 < method.student_bank.abs().max() <= (3 / 128) ** 0.5
    assert not torch.equal(method.student_bank, method.teacher_bank)


def test_negatives_are_of_other_classes_and_evenly_drawn(networks: Networks) -> None:
    method = prepared(networks, nce_k=60000)
    torch.manual_seed(0)

    drawn = method.draw_negatives(torch.tensor([0, 1, 2]))

    for row, label in zip(drawn, (2, 0, 1), strict=True):
        counts = torch.bincount(row, minlength=12)
        assert (counts[label == LABELS] == 0).all()
        others = counts[label != LABELS]
        # five standard deviations of a binomial count
        expected = 60000 / len(others)
        assert (others - expected).abs().max() < 5 * expected**0.5


@pytest.mark.parametrize("variant", ["tian2020", "original"])
def test_both_networks_are_told_apart_from_the_others_bank(
    variant: str, networks: Networks, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(networks, nce_k=4, temperature=0.5, crd_weight=2.0, variant=variant)
    negatives = torch.randint(12, (8, 4), generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(method, "draw_negatives", lambda indices: negatives)
    banks = [bank.double().numpy().copy() for bank in (method.teacher_bank, method.student_bank)]

    losses = [method(batch).losses for _ in range(2)]

    embeddings = []
    for model, projection in (
        (method.student, method.student_projection),
        (method.teacher, method.teacher_projection),
    ):
        pooled = model.outputs(batch.pixels).pooled.detach().double().numpy()
        weight, bias = (each.detach().double().numpy() for each in projection.parameters())
        embeddings.append(unit(pooled @ weight.T + bias))
    places = (np.arange(8), negatives.numpy())
    drawn = np.concatenate([np.arange(8)[:, None], negatives.numpy()], axis=1)
    z = [1.0, 1.0]
    if variant == "tian2020":
        z = [
            12 * np.exp(np.einsum("bd,bkd->bk", anchors, bank[drawn]) / 0.5).mean()
            for anchors, bank in zip(embeddings, banks, strict=True)
        ]
    for step in losses:  # the networks do not change, the banks do, and Z stays that of the first batch
        expected = sum(
            reference(anchors, bank, *places, 0.5, each)
            for anchors, bank, each in zip(embeddings, banks, z, strict=True)
        )
        assert step["contrast"].item() == pytest.approx(2 * expected, rel=1e-5)
        for bank, seen in zip(banks, reversed(embeddings), strict=True):
            bank[:8] = unit((bank[:8] + seen) / 2)
    for bank, held in zip(banks, (method.teacher_bank, method.student_bank), strict=True):
        np.testing.assert_allclose(held.numpy(), bank, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        losses[0]["cross_entropy"], torch.nn.functional.cross_entropy(method.student(batch.pixels), batch.labels)
    )


def test_the_banks_are_the_same_for_the_same_student(networks: Networks) -> None:
    torch.manual_seed(1)
    first = prepared(networks)
    torch.manual_seed(2)
    second = prepared(networks)

    assert torch.equal(first.student_bank, second.student_bank)


def test_images_of_one_class_have_no_negatives(networks: Networks) -> None:
    method = METHODS["crd"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))

    with pytest.raises(DataError, match="crd needs training images of two classes, and all 5 are of one"):
        method.prepare(torch.full((5,), 3))


def test_a_batch_of_unknown_images_is_refused(networks: Networks, batch: Batch) -> None:
    unprepared = METHODS["crd"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))

    for method, shown in ((unprepared, batch), (prepared(networks), Batch(batch.pixels, batch.labels))):
        with pytest.raises(ValueError, match=r"call prepare first, and give Batch\.indices"):
            method(shown)
