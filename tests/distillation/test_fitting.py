"""What a recipe shows or begins with has to fit the method."""

from dataclasses import replace

import pytest

import robustkd as rk
from robustkd.data import Batch, Dataset
from robustkd.data.distillation_data import DistillationData, ExtraImages
from robustkd.distillation import METHODS, Method, Recipe, Supervision, inapplicable, train
from robustkd.distillation.fitting import refuse_unfit
from robustkd.errors import BadInputError
from robustkd.models import PixelModel, create_model

EXTRA = DistillationData(extra=ExtraImages("noise", 0.5))
OWN_TEMPERATURE = DistillationData(extra=ExtraImages("noise", 0.5, temperature=2.0))
READING_LABELS = (
    "bss",
    "class_balanced",
    "cleanlab",
    "co_teaching",
    "crd",
    "dkd",
    "focal",
    "generalised_cross_entropy",
    "iad",
    "logit_adjusted",
    "symmetric_cross_entropy",
    "tf_kd",
)


def network(seed: int = 0, architecture: str = "cifar_wrn_10_1") -> PixelModel:
    return create_model(architecture, num_classes=10, in_chans=1, seed=seed)


def method(name: str, teacher: str = "cifar_wrn_10_1", **options: object) -> Method:
    return METHODS[name](network(), network(1, teacher) if METHODS[name].needs_teacher else None, **options)


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_takes_the_recipe_of_the_paper_and_changed_pictures(name: str) -> None:
    refuse_unfit(method(name), Recipe())
    changed = DistillationData(rotation=10, vertical_flip=True, colour_jitter=0.4, policy="auto_augment")
    refuse_unfit(method(name), Recipe(distillation_data=changed))


@pytest.mark.parametrize(
    ("name", "recipe", "message"),
    [
        *(
            (
                name,
                Recipe(distillation_data=DistillationData(mixing=mixing)),
                f"distillation_data.mixing: {name} needs one label for each image: use it with another method",
            )
            for name in READING_LABELS
            for mixing in ("mixup", "cutmix")
        ),
        *(
            (
                name,
                Recipe(distillation_data=EXTRA),
                f"distillation_data.extra: {name} needs one label for each image: use it with another method",
            )
            for name in READING_LABELS
        ),
        (
            "baseline",
            Recipe(distillation_data=EXTRA),
            "distillation_data.extra: baseline has no use for images without labels, since it learns from labels alone",
        ),
        (
            "at",
            Recipe(distillation_data=OWN_TEMPERATURE),
            "distillation_data.extra.temperature: at has no temperature of its own for some images; hinton has",
        ),
        (
            "baseline",
            Recipe(init="shared"),
            "init: baseline has no teacher to begin with: set it for a method that has one",
        ),
        (
            "dml",
            Recipe(init={"near_teacher": 0.5}),
            "init: dml has no teacher to begin with: set it for a method that has one",
        ),
    ],
)
def test_a_recipe_that_a_method_can_make_nothing_of_is_refused_in_one_line(
    name: str, recipe: Recipe, message: str
) -> None:
    with pytest.raises(BadInputError) as told:
        refuse_unfit(method(name), recipe)

    assert str(told.value) == message


def test_a_student_cannot_begin_near_a_teacher_of_another_architecture() -> None:
    with pytest.raises(BadInputError) as told:
        refuse_unfit(method("hinton", "cifar_wrn_10_2"), Recipe(init="shared"))

    assert str(told.value) == "init: hinton has a cifar_wrn_10_1 begin with a cifar_wrn_10_2: not possible"


@pytest.mark.parametrize("init", ["shared", {"near_teacher": 0.5}])
def test_a_student_may_begin_near_a_teacher_of_its_own_architecture(init: object) -> None:
    refuse_unfit(method("hinton"), Recipe(init=init))


@pytest.mark.parametrize("init", ["random", {"path": "a.safetensors"}])
def test_a_method_without_a_teacher_may_begin_anywhere_else(init: object) -> None:
    refuse_unfit(method("baseline"), Recipe(init=init))


@pytest.mark.parametrize("name", sorted({*METHODS.names()} - {"baseline", *READING_LABELS}))
def test_every_other_method_learns_from_images_without_labels_and_from_mixtures(name: str) -> None:
    refuse_unfit(method(name), Recipe(distillation_data=replace(EXTRA, mixing="mixup")))


@pytest.mark.parametrize("options", [{"divergence": "dkd"}, {"variant": "published_code"}])
def test_the_forms_of_sdd_that_read_labels_need_one_for_each_image(options: dict[str, str]) -> None:
    with pytest.raises(BadInputError, match=r"^distillation_data\.mixing: sdd needs one label for each image"):
        refuse_unfit(method("sdd", **options), Recipe(distillation_data=DistillationData(mixing="mixup")))


@pytest.mark.parametrize(("variant", "fits"), [("original", True), ("reverse_kl", False), ("argmax", False)])
def test_of_hintons_variants_only_the_original_has_a_temperature_for_each_image(variant: str, fits: bool) -> None:
    hinton = method("hinton", variant=variant)

    if fits:
        refuse_unfit(hinton, Recipe(distillation_data=OWN_TEMPERATURE))
        return
    with pytest.raises(BadInputError, match=r"^distillation_data\.extra\.temperature: hinton has no temperature"):
        refuse_unfit(hinton, Recipe(distillation_data=OWN_TEMPERATURE))


def test_a_method_of_ones_own_is_called_by_the_name_of_its_class() -> None:
    class Own(Method):
        needs_teacher = False
        reads_labels = True

        def forward(self, batch: Batch) -> Supervision:
            raise NotImplementedError

    with pytest.raises(BadInputError, match=r"^distillation_data\.mixing: Own needs one label"):
        refuse_unfit(Own(network()), Recipe(distillation_data=DistillationData(mixing="mixup")))


def test_a_training_is_refused_before_its_first_step(digits: Dataset) -> None:
    dkd, steps = method("dkd"), []
    dkd.register_forward_hook(lambda *_: steps.append(1))

    with pytest.raises(BadInputError, match=r"^distillation_data\.mixing: dkd needs"):
        train(dkd, digits, Recipe(epochs=1, distillation_data=DistillationData(mixing="cutmix")), seed=0)

    assert not steps


def test_robustkd_train_refuses_it_likewise(digits: Dataset) -> None:
    with pytest.raises(BadInputError, match="init: baseline has no teacher to begin with"):
        rk.train("baseline", network(), digits, recipe=Recipe(epochs=1, init="shared"), device="cpu")


def test_applicability_is_judged_by_the_recipe_of_each_method() -> None:
    """The other methods of a study are tried with their own recipes, or the default."""
    recipes = {
        "dkd": Recipe(distillation_data=EXTRA),
        "hinton": Recipe(distillation_data=OWN_TEMPERATURE),
        "mine": Recipe(init="shared"),
    }
    methods = {"dkd": {}, "hinton": {}, "mine": {}, "crd": {}}

    found = inapplicable(
        methods,
        "cifar_wrn_10_1",
        "cifar_wrn_10_2",
        shape=(1, 8, 8),
        num_classes=10,
        kinds={"mine": "sp"},
        recipes=recipes,
    )

    assert found == {
        "dkd": "distillation_data.extra: dkd needs one label for each image: use it with another method",
        "mine": "init: sp has a cifar_wrn_10_1 begin with a cifar_wrn_10_2: not possible",
    }
