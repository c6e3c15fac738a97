import pytest
from torch import nn

from robustkd.data import Batch
from robustkd.distillation import METHODS, Method, Recipe, Stage, Supervision
from robustkd.models import PixelModel, create_model


class Plain(Method):
    """A method that keeps to all defaults."""

    def forward(self, batch: Batch) -> Supervision:
        raise NotImplementedError


def network(seed: int) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def test_a_method_that_needs_a_teacher_says_so() -> None:
    with pytest.raises(ValueError, match="Plain needs a teacher"):
        Plain(network(0))


def test_a_training_has_one_stage_with_the_recipe_as_given_unless_a_method_says_otherwise() -> None:
    recipe = Recipe(epochs=7)

    assert Plain(network(0), network(1)).stages(recipe) == (Stage("training", recipe),)


def test_a_stage_trains_all_that_requires_gradients_unless_a_method_says_otherwise() -> None:
    method = Plain(network(0), network(1))
    method.student.module.fc.bias.requires_grad_(False)

    trained = {id(parameter) for parameter in method.trained("training")}

    expected = {id(p) for name, p in method.student.module.named_parameters() if name != "fc.bias"}
    assert trained == expected


def test_a_method_remembers_its_stage() -> None:
    method = Plain(network(0), network(1))
    assert method.stage == "training"

    method.begin_epoch("hints", 0, 3)

    assert method.stage == "hints"


def test_the_teacher_is_frozen_and_no_part_of_what_is_trained_saved_or_switched() -> None:
    teacher = network(1).train()
    method = Plain(network(0), teacher)
    method.train()

    assert not any(module.training for module in teacher.modules())
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert {name.split(".")[0] for name in method.state_dict()} == {"student"}


def test_what_has_parameters_of_which_none_is_trained_stays_in_evaluation_mode() -> None:
    method = Plain(network(0), network(1))
    student = method.student.module
    student.stage3.requires_grad_(False)
    student.norm.weight.requires_grad_(False)  # its bias is trained still

    method.train()

    assert not any(module.training for module in student.stage3.modules())
    assert all(module.training for part in (student.stem, student.stage2, student.norm) for module in part.modules())
    assert student.training
    assert not any(module.training for module in method.eval().modules())


def test_the_last_epochs_student_is_exported_unless_a_method_says_otherwise() -> None:
    method = Plain(network(0), network(1))

    assert method.export() is method.student
    assert method.select == "last"


def test_a_method_knows_its_registered_name() -> None:
    assert METHODS["baseline"](network(0)).name == "baseline"
    assert Plain(network(0), network(1)).name == "Plain"


def test_registered_methods_are_modules() -> None:
    assert all(issubclass(METHODS[name], nn.Module) for name in METHODS.names())
