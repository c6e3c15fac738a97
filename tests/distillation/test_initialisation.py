import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.data.distillation_data import DistillationData, ExtraImages
from robustkd.distillation import METHODS, Recipe, train, train_student
from robustkd.distillation.batch_norms import BATCH_SIZE, batch_norms, estimate_statistics
from robustkd.distillation.initial_weights import begun, initialisation_record
from robustkd.distillation.initialisation import RANDOM, Initialisation
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, save_model
from robustkd.studies.options import PlaceError
from robustkd.studies.values import recipe_with

SHARED = Initialisation(shared=True)


def network(seed: int = 0, architecture: str = "cifar_wrn_10_1") -> PixelModel:
    return create_model(architecture, num_classes=10, in_chans=1, seed=seed)


def teacher(seed: int = 5, lineage: dict | None = None) -> PixelModel:
    """A network whose weights have moved away from those that its seed draws."""
    model = network(seed)
    if lineage is not None:
        model.lineage = lineage
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
        for layer in batch_norms(model):
            layer.running_mean.fill_(3.0)
    return model.eval()


def weights(model: PixelModel) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


def test_weights_are_drawn_by_the_seed_of_the_student_unless_asked_otherwise(digits: Dataset) -> None:
    for one in (teacher(), None):
        assert begun(network(), one, RANDOM, digits.training).digest() == network().digest()


def test_shared_weights_are_those_that_the_teachers_training_began_with(digits: Dataset) -> None:
    found = begun(network(), teacher(seed=5), SHARED, digits.training)

    assert found.digest() == network(seed=5).digest()
    assert found.digest() != network().digest()


def test_the_teacher_does_not_change(digits: Dataset) -> None:
    one = teacher()
    before = one.digest()

    for init in (SHARED, Initialisation(near_teacher=0.5)):
        begun(network(), one, init, digits.training)

    assert one.digest() == before
    assert not one.training


def test_shared_weights_need_the_seed_of_the_teacher(digits: Dataset) -> None:
    with pytest.raises(ModelError, match="does not state the seed of its initial weights") as told:
        begun(network(), teacher(lineage={}), SHARED, digits.training)

    assert len(str(told.value).splitlines()) == 1


def test_the_seed_of_a_training_is_not_that_of_the_weights(digits: Dataset) -> None:
    with pytest.raises(ModelError, match="does not state the seed"):
        begun(network(), teacher(lineage={"seed": 5}), SHARED, digits.training)


def test_a_trained_network_states_the_seed_that_its_weights_began_with(digits: Dataset) -> None:
    recipe = Recipe(epochs=1, batch_size=35, milestones=())
    trained = train_student("baseline", network(seed=5), digits, recipe=recipe, seed=9, device="cpu").model

    shared = train_student(
        "hinton", network(), digits, teacher=trained, recipe=replace(recipe, init="shared"), seed=1, device="cpu"
    ).model

    assert begun(network(), trained, SHARED, digits.training).digest() == network(seed=5).digest()
    assert (shared.lineage["init"], shared.lineage["initial_seed"]) == ("shared", 5)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_the_ends_weights_are_those_of_one_network_bit_for_bit(digits: Dataset, share: float) -> None:
    found = begun(network(), teacher(), Initialisation(near_teacher=share), digits.training)

    assert same(weights(found), weights(teacher() if share else network()))


@given(share=st.floats(0, 1))
def test_between_them_weights_are_the_mean_weighted_by_the_share(share: float) -> None:
    images = ImageSet(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2).long(), ("a",))

    found = begun(network(), teacher(), Initialisation(near_teacher=share), images)

    own, wanted = weights(network()), weights(teacher())
    for name, tensor in weights(found).items():
        expected = share * wanted[name].double().numpy() + (1 - share) * own[name].double().numpy()
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6, atol=1e-7)


class Normalising(nn.Module):
    """Normalises its pixels, and its pixels squared: what comes in is known."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.BatchNorm2d(1, momentum=0.3), nn.BatchNorm2d(1)
        self.still = nn.BatchNorm2d(1, track_running_stats=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (self.first(pixels) + self.second(pixels.square()) + self.still(pixels)).flatten(1)


@pytest.mark.parametrize("count", [60, BATCH_SIZE, 2 * BATCH_SIZE + 50])
@pytest.mark.parametrize("training", [True, False])
def test_statistics_are_the_averages_of_the_means_and_variances_of_batches(count: int, training: bool) -> None:
    pixels = np.random.default_rng(count).integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
    images = ImageSet(torch.from_numpy(pixels), torch.zeros(count).long(), ("a",))
    module = Normalising().train(training)
    module.first.running_mean.fill_(9.0)

    estimate_statistics(module, images, "cpu")

    values = pixels.astype(np.float64) / 255
    for layer, inputs in ((module.first, values), (module.second, values**2)):
        parts = np.split(inputs, range(BATCH_SIZE, count, BATCH_SIZE))
        assert layer.running_mean.item() == pytest.approx(np.mean([part.mean() for part in parts]), rel=1e-5)
        assert layer.running_var.item() == pytest.approx(np.mean([part.var(ddof=1) for part in parts]), rel=1e-4)
    assert (module.first.momentum, module.second.momentum) == (0.3, 0.1)
    assert {part.training for part in module.modules()} == {training}


def test_near_the_teacher_statistics_are_estimated_anew_on_the_training_images(digits: Dataset) -> None:
    images = digits.training

    found = begun(network(), teacher(), Initialisation(near_teacher=0.5), images)

    # in training mode, what a layer gets does not depend on the statistics of the layers before it
    again, inputs = copy.deepcopy(found).train(), []
    for layer in batch_norms(again):
        layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach().double().numpy()))
    again(images.pixels(0, len(images)))
    layers = list(batch_norms(found))
    assert len(layers) == len(inputs) > 1
    for layer, values in zip(layers, inputs, strict=True):
        np.testing.assert_allclose(layer.running_mean, values.mean(axis=(0, 2, 3)), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.running_var, values.var(axis=(0, 2, 3), ddof=1), rtol=1e-4, atol=1e-7)


def test_weights_may_begin_with_a_checkpoint(digits: Dataset, tmp_path: Path) -> None:
    saved = teacher()
    save_model(saved, tmp_path / "saved.safetensors")

    found = begun(network(), None, Initialisation(path=str(tmp_path / "saved.safetensors")), digits.training)

    assert found.digest() == saved.digest()


@pytest.mark.parametrize("init", ["shared", "near_teacher", "path"])
def test_weights_of_another_architecture_are_refused_in_one_line(digits: Dataset, tmp_path: Path, init: str) -> None:
    other = network(architecture="cifar_wrn_10_2")
    other.lineage = {"seed": 0}
    save_model(other, tmp_path / "other.safetensors")
    value = {"shared": True, "near_teacher": 0.5, "path": str(tmp_path / "other.safetensors")}[init]

    with pytest.raises(ModelError, match=r"^init: .* a cifar_wrn_10_2, and the student a cifar_wrn_10_1") as told:
        begun(network(), other, Initialisation(**{init: value}), digits.training)

    assert len(str(told.value).splitlines()) == 1


def test_a_checkpoint_that_is_not_there_is_refused_in_one_line(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.safetensors") as told:
        begun(network(), None, Initialisation(path=str(tmp_path / "none.safetensors")), digits.training)

    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("init", [SHARED, Initialisation(near_teacher=0.3)])
def test_the_global_random_state_is_left_alone(digits: Dataset, init: Initialisation) -> None:
    student, one = network(), teacher()
    before = torch.get_rng_state()

    begun(student, one, init, digits.training)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("random", Initialisation()),
        ("shared", Initialisation(shared=True)),
        ({"near_teacher": 0.5}, Initialisation(near_teacher=0.5)),
        ({"path": "a.safetensors"}, Initialisation(path="a.safetensors")),
        (Initialisation(near_teacher=0.0), Initialisation(near_teacher=0.0)),
    ],
)
def test_a_recipe_takes_short_forms_of_an_initialisation(given: object, expected: Initialisation) -> None:
    assert Recipe(init=given).init == expected
    assert TypeAdapter(Recipe).validate_python({"init": given}).init == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("teacher", "must be random, shared, or a mapping with near_teacher or path"),
        ({"near_teacher": 1.5}, "near_teacher must be 0 to 1, got 1.5"),
        ({"near_teacher": float("nan")}, "near_teacher must be 0 to 1, got nan"),
        ({"near_teacher": 0.0, "path": "a"}, "give one of shared, near_teacher and path"),
        ({"shared": True, "near_teacher": 0.5}, "give one of shared, near_teacher and path"),
    ],
)
def test_an_initialisation_that_makes_no_sense_is_refused(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(init=given)
    with pytest.raises(ValidationError):
        TypeAdapter(Recipe).validate_python({"init": given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": True}, r"unknown key 'share': did you mean shared\?"),
        ("shred", "must be random, shared, or a mapping"),
        ({"near_teacher": 2}, "must be less than or equal to 1, got 2"),
    ],
)
def test_a_study_file_is_told_in_one_line_what_is_wrong(given: object, message: str) -> None:
    with pytest.raises(PlaceError, match=message) as told:
        recipe_with(Recipe(), {"init": given})

    assert told.value.place[:2] == ("training", "init")
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(init="shared", frozen_batch_norm=True, split="second_half", evaluate_every=3),
        Recipe(init=Initialisation(near_teacher=0.25), distillation_data=DistillationData(rotation=5, mixing="cutmix")),
        Recipe(init=Initialisation(path="a.safetensors")),
        Recipe(
            distillation_data=DistillationData(extra=ExtraImages("noise", 0.5, temperature=2.0), policy="auto_augment")
        ),
    ],
)
def test_a_recipe_survives_being_written_as_plain_values(recipe: Recipe) -> None:
    assert recipe_with(Recipe(epochs=7), asdict(recipe)) == recipe
    assert recipe_with(recipe, {}) == recipe


@pytest.mark.parametrize(
    ("init", "record"),
    [
        ("random", {}),
        ("shared", {"init": "shared"}),
        ({"near_teacher": 0.5}, {"init": {"near_teacher": 0.5}}),
        ({"path": "somewhere/a.safetensors"}, {"init": "checkpoint"}),
    ],
)
def test_a_checkpoint_states_where_its_weights_began_but_no_path(init: object, record: dict) -> None:
    method = METHODS["baseline"](network(seed=4))

    assert initialisation_record(method, Recipe(init=init)) == {"initial_seed": 4, **record}


def statistics(model: PixelModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.named_buffers() if "running" in name}


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("method", ["baseline", "hinton", "fitnet", "dml"])
def test_frozen_batch_normalisation_keeps_its_statistics_during_a_training(
    digits: Dataset, method: str, frozen: bool
) -> None:
    student = teacher()
    before, began = statistics(student), weights(student)
    recipe = Recipe(epochs=2, batch_size=32, learning_rate=0.001, milestones=(), frozen_batch_norm=frozen)
    trained = METHODS[method](student.train(), network(1) if METHODS[method].needs_teacher else None)

    train(trained, digits, recipe, seed=0)

    assert before
    assert same(before, statistics(student)) == frozen
    # its scale and shift are trained nevertheless
    assert not torch.equal(began["module.norm.weight"], weights(student)["module.norm.weight"])


def test_a_frozen_student_near_its_teacher_begins_with_the_statistics_of_its_own_weights(digits: Dataset) -> None:
    init = Initialisation(near_teacher=1.0)
    found = begun(network(), teacher(), init, digits.training)
    estimated = statistics(found)
    recipe = Recipe(epochs=1, batch_size=32, learning_rate=0.001, milestones=(), frozen_batch_norm=True)

    train(METHODS["hinton"](found, teacher()), digits, replace(recipe, init=init), seed=0)

    assert same(estimated, statistics(found))
    assert all((mean != 3.0).all() for name, mean in estimated.items() if name.endswith("mean"))
