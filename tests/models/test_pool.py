import pytest
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import Member, ModelPool, PixelModel, create_model


class Tiny(nn.Module):
    def __init__(self, num_classes: int | None = 10) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.norm = nn.BatchNorm2d(3)
        self.linear = nn.Linear(3, num_classes or 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x).mean(dim=(2, 3)))


def tiny(num_classes: int | None = 10) -> PixelModel:
    return PixelModel(Tiny(num_classes))


def described(pool: ModelPool) -> list[tuple[str, str, str, int | None]]:
    return [(member.name, member.role, member.method, member.seed) for member in pool]


def test_single_models_are_named_by_their_method() -> None:
    pool = ModelPool(teacher=tiny(), baseline=tiny(), students={"hinton": tiny(), "at": tiny()})

    assert described(pool) == [
        ("teacher", "teacher", "teacher", None),
        ("baseline", "baseline", "baseline", None),
        ("hinton", "student", "hinton", None),
        ("at", "student", "at", None),
    ]
    assert len(pool) == 4


def test_models_given_one_for_each_seed_are_numbered() -> None:
    pool = ModelPool(baseline=(tiny() for _ in range(2)), students={"hinton": [tiny(), tiny(), tiny()]})

    assert described(pool) == [
        ("baseline-0", "baseline", "baseline", 0),
        ("baseline-1", "baseline", "baseline", 1),
        ("hinton-0", "student", "hinton", 0),
        ("hinton-1", "student", "hinton", 1),
        ("hinton-2", "student", "hinton", 2),
    ]


def test_members_made_elsewhere_are_taken_as_they_are() -> None:
    members = [
        Member(tiny(), "student", "fitnet", seed=7, condition="noise-0.2"),
        Member(tiny(), "teacher", "teacher"),
    ]

    pool = ModelPool(members=members)

    assert list(pool) == members
    assert [member.condition for member in pool] == ["noise-0.2", ""]


def test_the_teacher_is_found_by_its_role() -> None:
    teacher = tiny()

    assert ModelPool(members=[Member(tiny(), "student", "a"), Member(teacher, "teacher", "b")]).teacher.model is teacher
    assert ModelPool(baseline=tiny()).teacher is None


def test_a_member_knows_the_architecture_and_digest_of_its_model() -> None:
    model = tiny()

    member = Member(model, "student", "hinton")

    assert member.architecture == model.architecture
    assert member.digest == model.digest()


def test_members_are_frozen_and_in_evaluation_mode() -> None:
    pool = ModelPool(
        teacher=tiny(), baseline=[tiny()], students={"a": tiny()}, members=[Member(tiny(), "student", "b")]
    )

    for member in pool:
        assert not any(module.training for module in member.model.modules())
        assert not any(parameter.requires_grad for parameter in member.model.parameters())


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(ModelError, match="at least one model"):
        ModelPool()


def test_a_name_that_occurs_twice_is_refused() -> None:
    with pytest.raises(ModelError, match="two models are called 'hinton-0'"):
        ModelPool(students={"hinton": [tiny()], "hinton-0": tiny()})


@pytest.mark.parametrize("name", ["teacher", "baseline"])
def test_a_student_cannot_take_the_name_of_another_role(name: str) -> None:
    with pytest.raises(ModelError, match=f"two models are called '{name}'"):
        ModelPool(teacher=tiny(), baseline=tiny(), students={name: tiny()})


def test_networks_of_one_name_have_one_architecture() -> None:
    other = create_model("cifar_resnet8", num_classes=tiny().num_classes)

    with pytest.raises(ModelError, match=r"kd-0 is a .*, kd-1 a cifar_resnet8: .* give each a different name"):
        ModelPool(students={"kd": [tiny(), other]})


def test_a_second_teacher_is_refused() -> None:
    with pytest.raises(ModelError, match="one teacher"):
        ModelPool(teacher=tiny(), members=[Member(tiny(), "teacher", "other")])


@pytest.mark.parametrize("name", ["a" * 101, "a\nb", "a\u202eb"])
def test_a_name_that_cannot_be_shown_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be shown everywhere") as raised:
        ModelPool(students={name: tiny()})

    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 160


def test_a_model_that_does_not_tell_its_classes_fits_any_other() -> None:
    assert len(ModelPool(teacher=tiny(), students={"mine": tiny(None)})) == 2
