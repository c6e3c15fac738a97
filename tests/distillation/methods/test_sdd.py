import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch, Dataset
from robustkd.data.distillation_data import DistillationData, ExtraImages, Mixing
from robustkd.distillation import METHODS, Recipe, inapplicable, train
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.methods.sdd import consistency_weights, scale_decoupled_loss
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(logits / temperature)
    return weights / weights.sum()


def divergence(first: np.ndarray, second: np.ndarray) -> float:
    return float((first * np.log(first / second)).sum())


def kl(student: np.ndarray, teacher: np.ndarray, label: int, temperature: float) -> float:
    return temperature**2 * divergence(softened(teacher, temperature), softened(student, temperature))


def dkd(student: np.ndarray, teacher: np.ndarray, label: int, temperature: float) -> float:
    """With weights of 1 and 8."""
    p_s, p_t = softened(student, temperature), softened(teacher, temperature)
    target = divergence(*(np.array([p[label], np.delete(p, label).sum()]) for p in (p_t, p_s)))
    q_s, q_t = (np.delete(p, label) / np.delete(p, label).sum() for p in (p_s, p_t))
    return temperature**2 * (target + 8 * divergence(q_t, q_s))


def drawn(seed: int, size: int = 3, cells: int = 5, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    student, teacher = random.normal(0, 3, (2, size, cells, classes))
    return student, teacher, random.uniform(0, 2, (size, cells))


def weighted(student: np.ndarray, teacher: np.ndarray, weights: np.ndarray, temperature: float) -> float:
    total = 0.0
    for image, cell in np.ndindex(weights.shape):
        total += weights[image, cell] * kl(student[image, cell], teacher[image, cell], 0, temperature)
    return total / weights.size


@given(seed=st.integers(0, 999), cells=st.integers(1, 5), temperature=st.floats(0.5, 8))
def test_value_and_gradient_follow_the_formula(
    seed: int, cells: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: scale_decoupled_loss(*given, temperature),
        lambda *given: weighted(*given, temperature),
        *drawn(seed, size=2, cells=cells),
    )


@given(seed=st.integers(0, 999), temperature=st.floats(0.5, 8))
def test_where_all_cells_are_alike_it_is_hintons_loss(seed: int, temperature: float) -> None:
    student, teacher, _ = drawn(seed, cells=1)
    cells = [torch.from_numpy(each).expand(-1, 5, -1) for each in (student, teacher)]

    weights = consistency_weights(cells[1], 7.0)

    assert (weights == 1).all()
    torch.testing.assert_close(
        scale_decoupled_loss(cells[0], cells[1], weights, temperature),
        kd_loss(torch.from_numpy(student[:, 0]), torch.from_numpy(teacher[:, 0]), temperature),
    )


def test_a_cell_counts_more_where_the_teacher_says_something_else_than_for_the_whole() -> None:
    # the classes that the teacher predicts: for the whole map 0, for its cells 0, 1 and 2
    teacher = torch.eye(3)[torch.tensor([[0, 0, 1, 2]])]

    assert consistency_weights(teacher, 2.0).tolist() == [[1, 1, 2, 2]]
    # of which only whether they are right matters in the published code
    assert consistency_weights(teacher, 2.0, torch.tensor([0])).tolist() == [[1, 1, 2, 2]]
    assert consistency_weights(teacher, 2.0, torch.tensor([1])).tolist() == [[1, 1, 2, 1]]


def cells_of(features: np.ndarray, scales: tuple[int, ...]) -> list[np.ndarray]:
    """Means over the cells of grids, (B, C) each, of maps whose size is a multiple of each scale."""
    found = []
    for scale in scales:
        side = features.shape[2] // scale
        for row in range(scale):
            for column in range(scale):
                place = np.s_[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side]
                found.append(features[place].mean((2, 3)))
    return found


@pytest.mark.parametrize(
    ("options", "distance", "size", "scales"),
    [
        ({}, kl, 8, (1, 2)),
        ({}, kl, 16, (1, 2, 4)),
        ({"complementary_weight": 3.0, "temperature": 2.0, "ce_weight": 1.0, "kd_weight": 0.4}, kl, 16, (1, 2, 4)),
        ({"variant": "published_code"}, kl, 16, (1, 2, 4)),
        ({"divergence": "dkd"}, dkd, 16, (1, 2, 4)),
        ({}, kl, 4, (1,)),
    ],
    ids=["two grids", "three grids", "options", "published code", "dkd", "one grid"],
)
def test_every_cell_of_the_last_map_is_classified_and_compared(
    options: dict[str, float], distance: Callable[..., float], size: int, scales: tuple[int, ...], networks: Networks
) -> None:
    models = networks("cifar_resnet8", "cifar_resnet14")
    generator = torch.Generator().manual_seed(0)
    pixels, labels = torch.rand(6, 3, size, size, generator=generator), torch.arange(6)
    with torch.no_grad():  # a teacher that is not of one opinion
        models[1].module.fc.weight.mul_(20)
        labels[:3] = models[1].eval()(pixels).argmax(1)[:3]
    method = METHODS["sdd"](*models, **options).eval()

    supervision = method(Batch(pixels, labels))

    cells = []
    for model in models:  # block 3 of these networks is their last map
        weight, bias = (each.detach().double().numpy() for each in model.module.fc.parameters())
        features = model.outputs(pixels).blocks[3].detach().double().numpy()
        cells.append([cell @ weight.T + bias for cell in cells_of(features, scales)])
    total, complementary = 0.0, 0
    for student, teacher in zip(*cells, strict=True):
        for image, label in enumerate(labels.tolist()):
            said, whole = teacher[image].argmax(), cells[1][0][image].argmax()
            differs = (said == label) != (whole == label) if "variant" in options else said != whole
            factor = float(options.get("complementary_weight", 2)) if differs else 1.0
            complementary += differs
            total += factor * distance(student[image], teacher[image], label, float(options.get("temperature", 4)))
    expected = float(options.get("kd_weight", 0.9)) * total / (len(labels) * len(cells[0]))
    assert bool(complementary) == (scales != (1,))
    assert supervision.losses["scales"].item() == pytest.approx(expected, rel=1e-3)
    torch.testing.assert_close(supervision.logits, models[0](pixels))
    torch.testing.assert_close(
        supervision.losses["cross_entropy"],
        float(options.get("ce_weight", 0.1)) * torch.nn.functional.cross_entropy(models[0](pixels), labels),
    )


def test_grids_finer_than_the_map_of_either_network_are_left_out(networks: Networks) -> None:
    student, teacher = networks("cifar_wrn_10_1", "resnet18")  # maps of 8×8 and 1×1
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    batch = Batch(pixels, torch.arange(2))

    found = METHODS["sdd"](student, teacher).eval()(batch).losses["scales"]

    torch.testing.assert_close(found, METHODS["hinton"](student, teacher).eval()(batch).losses["kd"])


def test_it_says_where_it_does_not_apply() -> None:
    reasons = [
        inapplicable({"sdd": {}}, *pair, shape=(3, 32, 32), num_classes=10)
        for pair in (("cifar_resnet8", "cifar_resnet8_ruffy2019"), ("cifar_resnet8", "cifar_resnet8"))
    ]

    assert reasons[0]["sdd"] == (
        "sdd classifies parts of the average-pooled last map by a linear classifier, and cifar_resnet8_ruffy2019 has "
        "none: use another network or method"
    )
    assert reasons[1] == {}


def test_looking_for_a_classifier_leaves_the_mode_of_the_student_as_it_was(networks: Networks) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    student.train()

    METHODS["sdd"](student, teacher)

    assert student.training
    assert student.module.fc.training


def test_matching_by_kl_asks_for_no_labels(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet14")
    method = METHODS["sdd"](student, teacher).eval()

    losses = method(batch).losses["scales"], method(replace(batch, labels=(batch.labels + 1) % 10)).losses["scales"]

    assert losses[0].item() == losses[1].item()


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_matching_by_kl_learns_from_mixtures_and_from_images_without_labels(mixing: Mixing, digits: Dataset) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))
    fresh = student.digest()
    data = DistillationData(mixing=mixing, extra=ExtraImages("noise", 0.5))

    history = train(METHODS["sdd"](student, teacher), digits, Recipe(epochs=1, distillation_data=data), seed=0)

    assert student.digest() != fresh
    assert all(math.isfinite(loss) for loss in history[0].losses.values())
