"""What holds for every registered method, the user's own included."""

import inspect
from collections.abc import Callable
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

# shapes without values: whatever would wait for a number from the device fails on it
from torch._subclasses.fake_tensor import FakeTensorMode

from robustkd.data import Batch
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.distillation.method import Matches
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def variants_of(name: str) -> tuple[str, ...]:
    """The variants that the type of an option declares."""
    hint = get_type_hints(METHODS[name].__init__).get("variant")
    return get_args(hint)


every_method = pytest.mark.parametrize("name", METHODS.names())
every_variant = pytest.mark.parametrize(
    ("name", "options"),
    [(name, {}) for name in METHODS.names()]
    + [(name, {"variant": variant}) for name in METHODS.names() for variant in variants_of(name)],
    ids=lambda given: given if isinstance(given, str) else given.get("variant", "default"),
)


def build(name: str, student: PixelModel, teacher: PixelModel, **options: object) -> Method:
    method = METHODS[name](student, teacher if METHODS[name].needs_teacher else None, **options)
    method.prepare(torch.arange(20) % 10)
    return method


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def test_the_methods_of_the_papers_are_there() -> None:
    papers = {"baseline", "hinton", "bss", "fitnet", "fsp", "at", "sp", "rkd_d", "rkd_a", "rkd_da", "one", "dml"}

    assert papers <= set(METHODS.names())


@every_variant
def test_no_gradient_reaches_the_teacher(name: str, options: dict[str, str], networks: Networks, batch: Batch) -> None:
    method = build(name, *networks("cifar_resnet8", "cifar_resnet8"), **options)
    if not method.has_teacher:
        return
    before = method.teacher.digest()
    # not even where it would take one
    method.teacher.requires_grad_(True)

    for stage in method.stages(Recipe(epochs=4)):
        method.train().begin_epoch(stage.name, 0, 4)
        total(method(batch).losses).backward()

    assert all(parameter.grad is None for parameter in method.teacher.parameters())
    assert not method.teacher.training
    assert method.teacher.digest() == before


@every_variant
def test_what_a_stage_trains_is_what_gets_a_gradient(
    name: str, options: dict[str, str], networks: Networks, batch: Batch
) -> None:
    method = build(name, *networks("cifar_wrn_10_1", "cifar_wrn_10_1"), **options)
    names = {id(parameter): name for name, parameter in method.named_parameters()}

    for stage in method.stages(Recipe(epochs=4)):
        method.zero_grad()
        method.train().begin_epoch(stage.name, 0, 4)
        for _ in range(2):  # in one variant of dml the peers take turns
            total(method(batch).losses).backward()

        reached = {name for name, parameter in method.named_parameters() if parameter.grad is not None}
        assert {names[id(parameter)] for parameter in method.trained(stage.name)} == reached
        assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in method.parameters())


@every_variant
def test_losses_are_float32_whatever_the_autocast(
    name: str, options: dict[str, str], networks: Networks, batch: Batch
) -> None:
    method = build(name, *networks("cifar_resnet8", "cifar_resnet8"), **options)

    for stage in method.stages(Recipe(epochs=4)):
        method.train().begin_epoch(stage.name, 0, 4)
        with torch.autocast("cpu", torch.bfloat16):
            supervision = method(batch)

        assert supervision.logits.shape == (8, 10)
        assert all(loss.dtype == torch.float32 and loss.ndim == 0 for loss in supervision.losses.values())
        total(supervision.losses).backward()
        assert all(
            parameter.grad.isfinite().all() for parameter in method.trained(stage.name) if parameter.grad is not None
        )


@every_variant
def test_a_step_never_waits_for_the_device(
    name: str, options: dict[str, str], networks: Networks, batch: Batch
) -> None:
    method = build(name, *networks("cifar_resnet8", "cifar_resnet8"), **options)

    for stage in method.stages(Recipe(epochs=4)):
        method.train().begin_epoch(stage.name, 0, 4)
        with FakeTensorMode(allow_non_fake_inputs=True) as shapes:
            given = [shapes.from_tensor(each) for each in (batch.pixels, batch.labels, batch.indices)]
            total(method(Batch(*given, views={"auto_augment": given[0]})).losses).backward()


@every_method
@pytest.mark.parametrize(
    ("student", "teacher"),
    [("mobilenetv3_small_050", "resnet18"), ("resnet18", "resnet10t"), ("cifar_wrn_10_1", "vit_tiny_patch16_224")],
)
def test_any_pair_of_networks_will_do_or_the_reason_is_given(
    name: str, student: str, teacher: str, networks: Networks
) -> None:
    models = networks(student, teacher)
    generator = torch.Generator().manual_seed(0)
    # more than one image, since maps of one position are normalised over the batch
    pixels, labels = torch.rand(4, 3, 32, 32, generator=generator), torch.randint(10, (4,), generator=generator)
    images = Batch(pixels, labels, torch.arange(4), views={"auto_augment": pixels.flip(2)})

    if reason := refusal(name, student, teacher):
        with pytest.raises(Exception, match=reason) as caught:
            build(name, *models)
        assert caught.type.__name__ == "ModelError"
        return
    method = build(name, *models)
    for stage in method.stages(Recipe(epochs=4)):
        method.zero_grad()
        method.train().begin_epoch(stage.name, 0, 4)
        losses = method(images).losses
        total(losses).backward()
        assert all(loss.isfinite() for loss in losses.values())
        assert all(parameter.grad is not None for parameter in method.trained(stage.name))


def refusal(name: str, student: str, teacher: str) -> str | None:
    """The reason that is expected for a pair of networks, as a pattern."""
    if student == "resnet18":
        return None
    unfit = student if student.startswith("mobilenet") else teacher
    return {
        "fsp": f"{student} have .* channels, those of the teacher {teacher}",
        "sfd": f"{student} have .* channels, those of the teacher {teacher}",
        "overhaul": f"block 1 of {unfit} is not followed by a batch normalisation",
        "simkd": f"{unfit} has no",
        "sdd": f"{unfit} has none",
    }.get(name)


@pytest.mark.parametrize("name", [name for name in METHODS.names() if name != "simkd"])
def test_a_plain_student_comes_out(name: str, networks: Networks) -> None:
    """`simkd` exports more than the student, which its own tests check."""
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")

    exported = build(name, student, teacher).export()

    assert exported.architecture == "cifar_resnet8"
    assert exported.num_parameters == 78_042


@every_method
def test_every_option_has_a_default_and_is_kept_under_its_name(name: str, networks: Networks) -> None:
    method = build(name, *networks("cifar_resnet8", "cifar_resnet8"))

    for option in inspect.signature(METHODS[name]).parameters.values():
        if option.kind is inspect.Parameter.KEYWORD_ONLY:
            assert getattr(method, option.name) == option.default


@every_method
def test_the_global_random_state_does_not_matter_to_what_is_built(name: str, networks: Networks) -> None:
    built = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        built.append(build(name, *networks("cifar_wrn_10_1", "cifar_wrn_10_1")).state_dict())
        assert torch.equal(torch.get_rng_state(), state)

    assert all(torch.equal(tensor, built[1][key]) for key, tensor in built[0].items())


@every_method
def test_its_docstring_says_formula_and_source(name: str) -> None:
    module = inspect.getmodule(METHODS[name])

    assert module is not None
    assert "L = " in (module.__doc__ or "") or "L_i = " in (module.__doc__ or "")
    assert name == "baseline" or "arXiv" in (module.__doc__ or "") or "CVPR" in (module.__doc__ or "")


@every_method
def test_a_method_says_what_it_matches_its_paper_and_its_cost(name: str) -> None:
    kind = METHODS[name]

    assert kind.matches in get_args(Matches)
    assert (kind.cites == "") == (name == "baseline")
    assert kind.cost is not None
    assert kind.cost > 0
