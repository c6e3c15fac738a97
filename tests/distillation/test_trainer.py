import numpy as np
import pytest
import torch
import torch.nn.functional as F

from robustkd.data import Augmentation, Batch, Dataset, ImageSet
from robustkd.distillation import METHODS, Method, Recipe, Supervision, history_frame, train
from robustkd.errors import DataError, TrainingError
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=2, batch_size=64, milestones=(1,), factor=0.2)


def network(seed: int) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def weights(model: PixelModel) -> torch.Tensor:
    return torch.cat([tensor.double().flatten() for tensor in model.state_dict().values()])


def plain_loop(
    student: PixelModel, teacher: PixelModel | None, data: Dataset, recipe: Recipe, seed: int
) -> list[float]:
    """An independent loop without augmentation, as a toolkit would write it; the losses of its steps."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(
        student.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(recipe.milestones), recipe.factor)
    images, labels = data.training.images, data.training.labels
    assert isinstance(images, torch.Tensor)
    losses = []
    student.train()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(labels), generator=generator)
        torch.rand((2, len(labels)), generator=generator)  # the shifts, unused without a crop
        torch.rand(len(labels), generator=generator)  # the flips
        for chosen in order.split(recipe.batch_size):
            # in the trainer's memory layout: in another one convolutions round otherwise
            pixels = (images[chosen] / 255).permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
            pixels = pixels.permute(0, 3, 1, 2)
            logits = student(pixels)
            loss = F.cross_entropy(logits, labels[chosen])
            if teacher is not None:
                with torch.no_grad():
                    target = F.softmax(teacher(pixels) / 4, dim=1)
                soft = F.kl_div(F.log_softmax(logits / 4, dim=1), target, reduction="sum") / len(chosen)
                loss = 0.1 * loss + 0.9 * 16 * soft
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        scheduler.step()
    return losses


@pytest.mark.parametrize("name", ["baseline", "hinton"])
def test_training_equals_a_plain_loop(name: str, digits: Dataset) -> None:
    data = Dataset("digits", digits.train, digits.test, Augmentation())
    teacher = network(seed=9).eval() if name == "hinton" else None
    student, reference = network(seed=1), network(seed=1)

    history = train(METHODS[name](student, teacher), data, RECIPE, seed=3)
    losses = plain_loop(reference, teacher, data, RECIPE, seed=3)

    torch.testing.assert_close(weights(student), weights(reference), rtol=0, atol=1e-6)
    sizes = np.array([64, 64, 64, 8])
    expected = [np.average(part, weights=sizes) for part in np.split(np.array(losses), 2)]
    assert [epoch.loss for epoch in history] == pytest.approx(expected, abs=1e-6)


def test_the_same_seed_gives_the_same_network_bit_for_bit(digits: Dataset) -> None:
    students = [network(seed=1), network(seed=1)]

    for student in students:
        torch.rand(7)  # whatever else draws random numbers must not matter
        train(METHODS["baseline"](student), digits, RECIPE, seed=3)

    assert torch.equal(weights(students[0]), weights(students[1]))


def test_another_seed_gives_another_network(digits: Dataset) -> None:
    students = [network(seed=1), network(seed=1)]

    for seed, student in enumerate(students):
        train(METHODS["baseline"](student), digits, RECIPE, seed=seed)

    assert not torch.equal(weights(students[0]), weights(students[1]))


def test_the_teacher_is_left_as_it_was(digits: Dataset) -> None:
    teacher = network(seed=9)
    before = weights(teacher).clone()

    method = METHODS["hinton"](network(seed=1), teacher)
    train(method, digits, RECIPE, seed=3)

    assert torch.equal(weights(teacher), before)
    assert not any(module.training for module in teacher.modules())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in teacher.parameters())
    assert not set(map(id, teacher.parameters())) & set(map(id, method.parameters()))


def test_every_parameter_of_the_student_is_trained(digits: Dataset) -> None:
    student = network(seed=1)
    before = {name: parameter.clone() for name, parameter in student.named_parameters()}

    train(METHODS["baseline"](student), digits, Recipe(epochs=1), seed=0)

    assert all(not torch.equal(parameter, before[name]) for name, parameter in student.named_parameters())


def test_the_history_tells_of_every_epoch(digits: Dataset) -> None:
    history = history_frame(train(METHODS["hinton"](network(1), network(9)), digits, RECIPE, seed=3))

    assert list(history["epoch"]) == [0, 1]
    assert list(history["learning_rate"]) == pytest.approx([0.1, 0.02])
    assert history["loss"].to_numpy() == pytest.approx((history["loss_cross_entropy"] + history["loss_kd"]).to_numpy())
    assert (
        (history[["train_accuracy", "test_accuracy"]] >= 0) & (history[["train_accuracy", "test_accuracy"]] <= 1)
    ).all(axis=None)
    assert (history["images_per_second"] > 0).all()


def test_the_test_accuracy_is_that_of_the_network_in_evaluation_mode(digits: Dataset) -> None:
    student = network(seed=1)

    history = train(METHODS["baseline"](student), digits, RECIPE, seed=3)

    images = digits.test.images
    assert isinstance(images, torch.Tensor)
    predicted = student.eval()(images / 255).argmax(1)
    assert history[-1].test_accuracy == pytest.approx(float((predicted == digits.test.labels).double().mean()))


class Explosive(Method):
    """Gives a loss that is not a number at the third step of the second epoch."""

    needs_teacher = False
    steps = 0

    def forward(self, batch: Batch) -> Supervision:
        self.steps += 1
        logits = self.student(batch.pixels)
        loss = F.cross_entropy(logits, batch.labels)
        return Supervision(logits, {"cross_entropy": loss * float("nan") if self.steps == 4 + 3 else loss})


def test_a_loss_that_is_not_a_number_ends_the_training_and_is_located(digits: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"explosive: the loss cross_entropy is nan in epoch 1, step 2"):
        train(Explosive(network(seed=1)), digits, RECIPE, seed=3)


def test_an_evaluation_only_data_set_cannot_be_trained_on(digits: Dataset) -> None:
    test: ImageSet = digits.test

    with pytest.raises(DataError, match="no training images"):
        train(METHODS["baseline"](network(seed=1)), Dataset("folder", None, test), RECIPE, seed=0)
