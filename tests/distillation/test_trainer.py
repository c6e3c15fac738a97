from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Augmentation, Batch, Dataset, ImageSet
from robustkd.data.augmentation import draw
from robustkd.distillation import METHODS, Epoch, Method, Recipe, Supervision, train, trainer
from robustkd.distillation.accuracy import accuracy
from robustkd.errors import TrainingError
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=2, batch_size=32, learning_rate=0.05, milestones=(1,), factor=0.2)


def network(seed: int = 0) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


def reference_batches(data: Dataset, batch_size: int, epochs: int, seed: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Image by image what the drawn order, shifts and flips say: (epoch, pixels, labels)."""
    images, padding = data.training, data.augmentation.crop_padding
    size = images.shape[-1]
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator).numpy()
        draws = draw(data.augmentation, len(images), generator)
        shown = []
        for index, top, left, flipped in zip(order, draws.top, draws.left, draws.flipped, strict=True):
            image = images.read(torch.tensor([int(index)]))[0].numpy()
            padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)), mode="reflect")
            cropped = padded[:, padding + top : padding + top + size, padding + left : padding + left + size]
            shown.append(cropped[:, :, ::-1] if flipped else cropped)
        for start in range(0, len(images), batch_size):
            pixels = np.stack(shown[start : start + batch_size]).astype(np.float32) / 255
            # in the memory order of the trainer: convolutions in another one round differently
            ordered = torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last)
            yield epoch, ordered, images.labels[order[start : start + batch_size]]


def reference_training(model: PixelModel, teacher: PixelModel | None, data: Dataset, recipe: Recipe, seed: int) -> None:
    """SGD with momentum and weight decay, written out; with a teacher the loss of Hinton et al. at 0.9 and T = 4."""
    model.train()
    velocity = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for epoch, pixels, labels in reference_batches(data, recipe.batch_size, recipe.epochs, seed):
        logits = model(pixels)
        loss = -logits.log_softmax(1)[range(len(labels)), labels].mean()
        if teacher is not None:
            with torch.no_grad():
                target = (teacher(pixels) / 4).softmax(1)
            divergence = (target * (target.log() - (logits / 4).log_softmax(1))).sum(1).mean()
            loss = 0.1 * loss + 0.9 * 16 * divergence
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        learning_rate = 0.05 * (0.2 if epoch >= 1 else 1)
        with torch.no_grad():
            for parameter, gradient, speed in zip(model.parameters(), gradients, velocity, strict=True):
                speed.mul_(0.9).add_(gradient + 5e-4 * parameter)
                parameter.sub_(learning_rate * speed)


@pytest.mark.parametrize("method", ["baseline", "hinton"])
@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, epochs=1, batch_size=70)], ids=["6 steps", "1 step"])
def test_training_equals_a_plain_loop_step_for_step(digits: Dataset, method: str, recipe: Recipe) -> None:
    teacher = network(seed=1).eval() if method == "hinton" else None
    trained, reference = network(), network()

    train(METHODS[method](trained, teacher), digits, recipe, seed=0)
    reference_training(reference, teacher, digits, recipe, seed=0)

    torch.testing.assert_close(weights(trained), weights(reference), rtol=0, atol=1e-6)


def test_the_same_seed_trains_the_same_bits_whatever_else_draws_random_numbers(
    digits: Dataset, two_stages: type[Method]
) -> None:
    undisturbed, disturbed = two_stages(network()), two_stages(network())

    torch.manual_seed(1)
    train(undisturbed, digits, RECIPE, seed=0)
    torch.manual_seed(2)
    train(disturbed, digits, RECIPE, seed=0, on_epoch=lambda epoch: torch.rand(3))

    assert same(weights(undisturbed), weights(disturbed))


def test_different_seeds_train_different_weights(digits: Dataset, two_stages: type[Method]) -> None:
    first, second = two_stages(network()), two_stages(network())
    still = replace(digits, augmentation=Augmentation())

    for seed, method in enumerate((first, second)):  # one batch, not augmented: only the method's own draws differ
        train(method, still, Recipe(epochs=1, batch_size=70), seed=seed)

    assert not torch.allclose(first.student.module.fc.weight, second.student.module.fc.weight)


def test_the_global_random_state_is_left_as_it_was(digits: Dataset, two_stages: type[Method]) -> None:
    before = torch.get_rng_state()

    train(two_stages(network()), digits, RECIPE, seed=0)

    assert torch.equal(torch.get_rng_state(), before)


def test_the_teacher_never_changes(digits: Dataset) -> None:
    teacher = network(seed=1)
    before = weights(teacher)
    modes = []
    teacher.module.norm.register_forward_hook(lambda module, *_: modes.append(module.training))

    train(METHODS["hinton"](network(), teacher), digits, RECIPE, seed=0)

    assert same(before, weights(teacher))
    assert modes
    assert not any(modes)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_a_stage_trains_its_own_parameters_and_no_others(digits: Dataset, two_stages: type[Method]) -> None:
    method = two_stages(network())
    started = weights(method)
    after: list[dict[str, Tensor]] = []

    train(method, digits, replace(RECIPE, epochs=1), seed=0, on_epoch=lambda _: after.append(weights(method)))

    def moved(earlier: dict[str, Tensor], later: dict[str, Tensor]) -> set[str]:
        return {name for name, _ in method.named_parameters() if not torch.equal(earlier[name], later[name])}

    adaptor = {"adaptor.weight", "adaptor.bias"}
    everything = {name for name, _ in method.named_parameters()}
    assert moved(started, after[1]) == adaptor
    assert moved(after[1], after[2]) == everything - adaptor


def test_what_a_stage_freezes_is_free_again_afterwards(digits: Dataset, two_stages: type[Method]) -> None:
    method = two_stages(network())
    method.student.module.fc.bias.requires_grad_(False)
    before = {name: parameter.requires_grad for name, parameter in method.named_parameters()}

    train(method, digits, replace(RECIPE, epochs=1), seed=0)

    assert {name: parameter.requires_grad for name, parameter in method.named_parameters()} == before


def test_each_stage_follows_its_own_recipe(digits: Dataset, two_stages: type[Method]) -> None:
    method = two_stages(network())
    told: list[Epoch] = []

    history = train(method, digits, RECIPE, seed=0, on_epoch=told.append)

    places = [(entry.stage, entry.epoch, entry.learning_rate) for entry in history]
    assert places == [
        ("adaptor", 0, 0.01),
        ("adaptor", 1, 0.01),
        ("training", 0, 0.05),
        ("training", 1, pytest.approx(0.01)),
    ]
    assert [list(entry.losses) for entry in history] == [["adaptor"], ["adaptor"], ["training"], ["training"]]
    assert method.begun == [("adaptor", 0, 2), ("adaptor", 1, 2), ("training", 0, 2), ("training", 1, 2)]
    assert told == history


class Preparing(Method):
    """Compares the labels of each batch with those that it was prepared with."""

    needs_teacher = False

    def __init__(self, student: PixelModel) -> None:
        super().__init__(student)
        self.prepared: list[int] = []

    def prepare(self, labels: Tensor) -> None:
        self.prepared.append(len(labels))
        self.register_buffer("labels", labels)

    def forward(self, batch: Batch) -> Supervision:
        logits = self.student(batch.pixels)
        assert batch.indices is not None
        return Supervision(logits, {"others": 0 * logits.sum() + (self.labels[batch.indices] != batch.labels).sum()})


def test_a_method_is_prepared_once_with_the_labels_that_indices_point_to(digits: Dataset) -> None:
    method = Preparing(network())

    history = train(method, digits, replace(RECIPE, validation_fraction=0.3), seed=0)

    assert len(method.prepared) == 1
    assert 0 < method.prepared[0] < len(digits.training)
    assert [entry.losses["others"] for entry in history] == [0, 0]


class Counting(Method):
    """A loss that is the number of images in the batch."""

    needs_teacher = False

    def forward(self, batch: Batch) -> Supervision:
        logits = self.student(batch.pixels)
        return Supervision(logits, {"count": 0 * logits.sum() + len(batch.labels), "half": 0 * logits.sum() + 0.5})


def test_an_epochs_loss_is_the_mean_over_images_and_counts_the_last_partial_batch(digits: Dataset) -> None:
    (entry,) = train(Counting(network()), digits, Recipe(epochs=1, batch_size=32), seed=0)

    assert entry.losses == {"count": pytest.approx((32 * 32 + 32 * 32 + 6 * 6) / 70), "half": pytest.approx(0.5)}
    assert entry.loss == pytest.approx(sum(entry.losses.values()))


def test_accuracy_is_the_share_of_right_predictions_and_leaves_the_mode_alone(digits: Dataset) -> None:
    model = network().train()

    found = accuracy(model, digits.test)

    assert model.training
    with torch.no_grad():
        predicted = model.eval()(digits.test.pixels(0, 50)).argmax(1)
    assert found == sum(int(a == b) for a, b in zip(predicted, digits.test.labels, strict=True)) / 50


class Breaking(Method):
    """A second loss that stops being a number at the fifth step, which is epoch 1, step 1."""

    needs_teacher = False
    steps = 0

    def forward(self, batch: Batch) -> Supervision:
        logits = self.student(batch.pixels)
        broken = float("nan") if self.steps >= 4 else 1.0
        self.steps += 1
        return Supervision(logits, {"fine": logits.mean(), "broken": logits.mean() * broken})


def test_a_loss_that_is_no_number_is_named_with_its_place(digits: Dataset) -> None:
    expected = "Breaking: the loss broken is nan in stage training, epoch 1, step 1 .counted from 0."
    with pytest.raises(TrainingError, match=expected):
        train(Breaking(network()), digits, RECIPE, seed=0)


def test_a_registered_method_is_named_as_in_study_files(digits: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"^baseline: the loss cross_entropy is (nan|inf) in stage training, epoch"):
        train(METHODS["baseline"](network()), digits, replace(RECIPE, learning_rate=1e30), seed=0)


@pytest.mark.parametrize("name", ["baseline", "dml", "fitnet"])
@pytest.mark.parametrize(("learning_rate", "broken"), [(1e39, "the weights .*"), (1e38, "the network's predictions")])
def test_a_network_that_the_very_last_step_breaks_is_no_result(
    digits: Dataset, name: str, learning_rate: float, broken: str
) -> None:
    """One step is an epoch: the loss before it is a number, and no loss is computed after it."""
    method = METHODS[name](network(), network(seed=1) if METHODS[name].needs_teacher else None)
    overflowing = Recipe(epochs=1, batch_size=5000, learning_rate=learning_rate)

    with pytest.raises(TrainingError, match=f"^{name}: {broken} are not finite after stage training, epoch 0"):
        train(method, digits, overflowing, seed=0)


def test_a_running_statistic_that_is_no_number_is_no_result(digits: Dataset) -> None:
    class Ruined(METHODS["baseline"]):
        """Spoils a buffer behind the losses' back."""

        def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
            super().begin_epoch(stage, epoch, epochs)
            self.student.module.norm.running_var.fill_(float("inf"))

    with pytest.raises(TrainingError, match=r"norm.running_var are not finite .*epoch 1 .*: lower the learning rate"):
        train(Ruined(network()), digits, RECIPE, seed=0)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    RuntimeError("MPS backend out of memory"),
]
out_of_memory = pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["CUDA", "CPU", "MPS"])


@out_of_memory
def test_running_out_of_memory_names_the_batch_size(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    def fail(self: PixelModel, pixels: Tensor) -> Tensor:
        raise error

    monkeypatch.setattr(PixelModel, "forward", fail)
    with pytest.raises(TrainingError, match="baseline, stage training: out of memory on cpu at batch size 32: lower"):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0)


@out_of_memory
@pytest.mark.parametrize(
    ("owner", "function"),
    [(PixelModel, "to"), (ImageSet, "to"), (METHODS["hinton"], "to"), (trainer, "select_candidate")],
    ids=["teacher", "images", "student", "choice"],
)
def test_running_out_of_memory_outside_of_the_steps_is_said_as_clearly(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, owner: object, function: str, error: RuntimeError
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(owner, function, fail)
    said = r"^hinton, .*: out of memory on cpu at batch size 70: .* run fewer .*workers"
    with pytest.raises(TrainingError, match=said):
        train(METHODS["hinton"](network(), network(1)), digits, replace(RECIPE, epochs=1, batch_size=70), seed=0)


def test_a_last_batch_of_one_image_that_a_network_cannot_normalise_is_named(digits: Dataset) -> None:
    class Pooling(Method):
        """Normalises maps of 1×1."""

        needs_teacher = False

        def __init__(self, student: PixelModel) -> None:
            super().__init__(student)
            self.norm = nn.BatchNorm1d(10)

        def forward(self, batch: Batch) -> Supervision:
            logits = self.norm(self.student(batch.pixels))
            return Supervision(logits, {"loss": logits.square().mean()})

    with pytest.raises(
        TrainingError, match=r"cannot normalise a batch of one image, and batch size 23 leaves one image over"
    ):
        train(Pooling(network()), digits, replace(RECIPE, batch_size=23), seed=0)


def test_other_errors_of_a_network_are_not_taken_for_want_of_memory(digits: Dataset) -> None:
    with pytest.raises(RuntimeError, match="channels"):
        train(METHODS["baseline"](create_model("cifar_wrn_10_1", num_classes=10)), digits, RECIPE, seed=0)


def test_bfloat16_is_for_the_networks_while_weights_gradients_and_losses_stay_float32(digits: Dataset) -> None:
    method = METHODS["hinton"](network(), network(seed=1))
    networks: list[tuple[bool, torch.dtype]] = []  # the test after the epoch runs in float32, in evaluation mode
    losses: set[torch.dtype] = set()
    student, teacher = method.student, method.teacher
    for model in (student, teacher):
        model.module.fc.register_forward_hook(lambda _, __, logits: networks.append((student.training, logits.dtype)))
    method.register_forward_hook(lambda _, __, out: losses.update(loss.dtype for loss in out.losses.values()))

    train(method, digits, replace(RECIPE, epochs=1, precision="bfloat16"), seed=0)

    assert {dtype for training, dtype in networks if training} == {torch.bfloat16}
    assert losses == {torch.float32}
    for parameter in method.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad.dtype == torch.float32


def test_a_compiled_method_trains_as_the_same_method(digits: Dataset) -> None:
    plain, compiled = METHODS["baseline"](network()), METHODS["baseline"](network())
    compiled.compile(backend="eager")
    recipe = Recipe(epochs=1, batch_size=35)

    train(plain, digits, recipe, seed=0)
    train(compiled, digits, recipe, seed=0)

    assert same(weights(plain), weights(compiled))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_trains_what_a_cpu_trains_up_to_rounding(digits: Dataset, precision: str) -> None:
    recipe = replace(RECIPE, learning_rate=0.01, precision=precision)
    on_cpu = train(METHODS["hinton"](network(), network(seed=1)), digits, recipe, seed=0)
    on_gpu = train(METHODS["hinton"](network(), network(seed=1)), digits, recipe, seed=0, device="cuda")

    tolerance = 1e-3 if precision == "float32" else 5e-2
    assert [entry.loss for entry in on_gpu] == pytest.approx([entry.loss for entry in on_cpu], rel=tolerance)


@pytest.mark.slow
def test_a_recipe_may_compile_the_step(digits: Dataset) -> None:
    recipe = Recipe(epochs=1, batch_size=256)
    plain, compiled = METHODS["hinton"](network(), network(1)), METHODS["hinton"](network(), network(1))

    expected = train(plain, digits, recipe, seed=0)
    history = train(compiled, digits, replace(recipe, compile=True), seed=0)

    assert history[0].loss == pytest.approx(expected[0].loss, rel=1e-3)
    assert compiled._compiled_call_impl is not None
