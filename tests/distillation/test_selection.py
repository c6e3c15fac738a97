import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from robustkd.data import Batch, Dataset, ImageSet
from robustkd.distillation import (
    METHODS,
    Epoch,
    Method,
    Recipe,
    Supervision,
    given_selection_sentence,
    selection_record,
    selection_sentence,
    train,
)
from robustkd.distillation.accuracy import accuracy
from robustkd.distillation.selection import hold_out, part_of
from robustkd.errors import DataError, ModelError
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=2, batch_size=32, learning_rate=0.01, milestones=())
HELD_OUT = replace(RECIPE, validation_fraction=0.3)


def network(seed: int = 0) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


class Constant(nn.Module):
    """Says one class of every image."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return F.one_hot(torch.full((len(pixels),), self.answer), 10).float()


class Constants(Method):
    """Trains nothing worth mentioning; its candidates answer 0, 1, …, 9, so that their accuracies are known."""

    needs_teacher = False

    def candidates(self) -> tuple[PixelModel, ...]:
        return tuple(PixelModel(Constant(answer)) for answer in range(10))

    def forward(self, batch: Batch) -> Supervision:
        logits = self.student(batch.pixels)
        return Supervision(logits, {"loss": F.cross_entropy(logits, batch.labels)})


def labelled(images: ImageSet, labels: list[int]) -> ImageSet:
    return replace(images, labels=torch.tensor(labels))


@pytest.fixture
def lopsided(digits: Dataset) -> Dataset:
    """Class 3 is the most frequent in training, class 7 in the test set."""
    train_labels = [3] * 25 + [index % 10 for index in range(45)]
    test_labels = [7] * 20 + [index % 10 for index in range(30)]
    return replace(digits, train=labelled(digits.training, train_labels), test=labelled(digits.test, test_labels))


def answer(model: PixelModel) -> int:
    return model.module.answer


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (RECIPE, 0),
        (HELD_OUT, 0),
        (replace(HELD_OUT, select="validation"), 3),
        (replace(RECIPE, select="test"), 7),
        (replace(HELD_OUT, select="test"), 7),
    ],
    ids=["last", "last, with a split", "validation", "test", "test, with a split"],
)
def test_the_rule_chooses_among_the_candidates(lopsided: Dataset, recipe: Recipe, expected: int) -> None:
    method = Constants(network())

    train(method, lopsided, recipe, seed=0)

    assert answer(method.export()) == expected
    assert method.select == recipe.select


def test_the_record_holds_rule_choice_and_the_accuracies_of_all_candidates(lopsided: Dataset) -> None:
    method = Constants(network())
    train(method, lopsided, replace(RECIPE, select="test"), seed=0)

    record = selection_record(method)

    # 30 images of ten classes in turn, and twenty more of class 7, of fifty
    expected = [0.06] * 7 + [0.46] + [0.06] * 2
    assert record == {"select": "test", "chosen": "8 of 10", "candidate_accuracies": pytest.approx(expected)}


def test_the_record_of_the_default_rule_holds_no_accuracies(digits: Dataset) -> None:
    method = METHODS["baseline"](network())

    train(method, digits, RECIPE, seed=0)

    assert selection_record(method) == {"select": "last", "chosen": "1 of 1"}


def test_of_equally_accurate_candidates_the_first_is_taken(digits: Dataset) -> None:
    method = Constants(network())
    even = replace(digits, test=labelled(digits.test, [index % 5 + 2 for index in range(50)]))

    train(method, even, replace(RECIPE, select="test"), seed=0)

    assert answer(method.export()) == 2


@pytest.mark.parametrize("select", ["validation", "test"])
def test_the_history_is_that_of_the_network_fixed_beforehand(lopsided: Dataset, select: str) -> None:
    history = train(Constants(network()), lopsided, replace(HELD_OUT, select=select), seed=0)

    # class 0 has three of the fifty test images
    assert [entry.test_accuracy for entry in history] == [0.06, 0.06]


@pytest.mark.parametrize("rule", ["last", "validation"])
@pytest.mark.parametrize("name", ["one", "dml"])
def test_a_rule_other_than_test_never_looks_at_the_test_images(digits: Dataset, name: str, rule: str) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, digits.test.images.shape, generator=generator, dtype=torch.uint8)
    ruined = replace(digits, test=ImageSet(noise, 9 - digits.test.labels, digits.test.class_names))
    exported, records = [], []
    for data in (digits, ruined):
        method = METHODS[name](network())
        train(method, data, replace(HELD_OUT, select=rule), seed=0)
        exported.append(method.export().digest())
        records.append(selection_record(method))

    assert exported[0] == exported[1]
    assert records[0] == records[1]


@pytest.mark.parametrize("rule", ["validation", "test"])
@pytest.mark.parametrize(("name", "candidates"), [("one", 3), ("dml", 2)])
def test_the_most_accurate_branch_or_peer_is_exported(digits: Dataset, name: str, candidates: int, rule: str) -> None:
    method = METHODS[name](network())
    recipe = replace(HELD_OUT, select=rule)

    train(method, digits, recipe, seed=0)

    images = digits.test if rule == "test" else hold_out(digits.training, recipe.validation_fraction)[1]
    found = [accuracy(each, images) for each in method.candidates()]
    assert len(found) == candidates
    assert accuracy(method.export(), images) == max(found)
    assert method.candidate_accuracies == tuple(found)
    assert selection_record(method)["chosen"] == f"{found.index(max(found)) + 1} of {candidates}"


@pytest.mark.parametrize("branch", [1, 2, 3])
def test_the_branch_that_one_fixes_beforehand_is_what_last_takes(digits: Dataset, branch: int) -> None:
    method = METHODS["one"](network(), branch=branch)

    (entry,) = train(method, digits, replace(RECIPE, epochs=1), seed=0)

    assert selection_record(method)["chosen"] == f"{branch} of 3"
    assert method.export().digest() == method.candidates()[branch - 1].digest()
    assert entry.test_accuracy == accuracy(method.candidates()[branch - 1], digits.test)


class Stopped(Exception):  # noqa: N818  # no error
    """Ends a training from outside, as Ctrl-C does."""


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("rule", ["validation", "test"])
@pytest.mark.parametrize("name", ["one", "dml"])
def test_a_resumed_training_chooses_the_same(
    digits: Dataset, tmp_path: Path, name: str, rule: str, epochs: int
) -> None:
    recipe = replace(HELD_OUT, select=rule)
    whole, stopped, resumed = (METHODS[name](network()) for _ in range(3))
    train(whole, digits, recipe, seed=0)

    def stop(entry: Epoch) -> None:
        if entry.epoch + 1 == epochs:
            raise Stopped

    with pytest.raises(Stopped):
        train(stopped, digits, recipe, seed=0, checkpoint=tmp_path / "state", on_epoch=stop)
    train(resumed, digits, recipe, seed=0, checkpoint=tmp_path / "state")

    assert selection_record(resumed) == selection_record(whole)
    assert resumed.export().digest() == whole.export().digest()


@pytest.mark.parametrize("change", [{"select": "test"}, {"validation_fraction": 0.2}])
def test_a_training_does_not_go_on_under_another_rule(digits: Dataset, tmp_path: Path, change: dict) -> None:
    train(METHODS["dml"](network()), digits, HELD_OUT, seed=0, checkpoint=tmp_path / "state")

    with pytest.raises(ModelError, match="another stages"):
        train(METHODS["dml"](network()), digits, replace(HELD_OUT, **change), seed=0, checkpoint=tmp_path / "state")


@pytest.mark.parametrize("name", ["fitnet", "fsp"])
def test_a_stage_before_the_training_holds_out_the_same_images(digits: Dataset, name: str) -> None:
    method = METHODS[name](network(), network(seed=1))
    shown: dict[str, set[bytes]] = {"initialisation": set(), "training": set()}
    method.register_forward_pre_hook(
        lambda module, inputs: shown[module.stage].update(each.numpy().tobytes() for each in inputs[0].pixels)
    )
    still = replace(digits, augmentation=type(digits.augmentation)())

    history = train(method, still, replace(HELD_OUT, select="validation"), seed=0)

    training, validation = hold_out(digits.training, 0.3)
    kept, held = ({each.numpy().tobytes() for each in part.pixels(0, len(part))} for part in (training, validation))
    assert shown["initialisation"] == shown["training"] == kept
    assert not held & kept
    assert [entry.stage for entry in history] == ["initialisation", "training", "training"]
    assert all(entry.validation_accuracy is not None for entry in history)
    assert selection_record(method)["chosen"] == "1 of 1"


def test_the_validation_accuracy_is_that_on_the_images_held_out(digits: Dataset) -> None:
    method = METHODS["baseline"](network())

    *_, last = train(method, digits, HELD_OUT, seed=0)

    images = hold_out(digits.training, 0.3)[1]
    with torch.no_grad():
        predicted = method.student.eval()(images.pixels(0, len(images))).argmax(1)
    assert last.validation_accuracy == sum(map(bool, predicted == images.labels)) / len(images)


def test_without_a_split_there_is_no_validation_accuracy(digits: Dataset) -> None:
    history = train(METHODS["baseline"](network()), digits, RECIPE, seed=0)

    assert [entry.validation_accuracy for entry in history] == [None, None]


@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(any),
    fraction=st.floats(0.01, 0.99),
)
def test_of_each_class_the_share_is_held_out_and_never_all(counts: list[int], fraction: float) -> None:
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1)[order]
    whole = ImageSet(images, labels[order], tuple(map(str, range(len(counts)))))
    expected = {label: min(round(fraction * count), count - 1) for label, count in enumerate(counts) if count}
    if not sum(expected.values()):
        with pytest.raises(DataError, match=r"amounts to no image"):
            hold_out(whole, fraction)
        return

    training, validation = hold_out(whole, fraction)

    assert Counter(validation.labels.tolist()) == Counter(expected)
    together = [*training.images.flatten().tolist(), *validation.images.flatten().tolist()]
    assert sorted(together) == list(range(len(labels)))


def test_the_split_is_the_same_for_every_seed_of_a_training(digits: Dataset) -> None:
    shown = []
    for seed in (0, 1):
        method = METHODS["baseline"](network(seed))
        seen: set[bytes] = set()
        method.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.update(each.numpy().tobytes() for each in inputs[0].pixels)
        )
        train(method, replace(digits, augmentation=type(digits.augmentation)()), HELD_OUT, seed=seed)
        shown.append(seen)

    assert shown[0] == shown[1]


def test_no_split_leaves_the_training_images_as_they_are(digits: Dataset) -> None:
    assert hold_out(digits.training, 0.0) == (digits.training, None)


HALVES = ("first_half", "second_half")


@given(counts=st.lists(st.integers(0, 30), min_size=1, max_size=5).filter(lambda counts: max(counts) > 1))
def test_the_halves_share_no_image_and_split_each_class(counts: list[int]) -> None:
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1)[order]
    whole = ImageSet(images, labels[order], tuple(map(str, range(len(counts)))))

    halves = [part_of(whole, half) for half in HALVES]

    numbers = [half.images.flatten().tolist() for half in halves]
    assert sorted(numbers[0] + numbers[1]) == list(range(len(labels)))
    for half, shown in zip(halves, numbers, strict=True):
        assert half.labels.tolist() == labels[shown].tolist()
        found = Counter(half.labels.tolist())
        assert all(abs(found[label] - count / 2) <= 0.5 for label, count in enumerate(counts))


def test_all_is_the_training_set_itself(digits: Dataset) -> None:
    assert part_of(digits.training, "all") is digits.training


@pytest.mark.parametrize("half", HALVES)
def test_classes_of_one_image_cannot_be_split(half: str) -> None:
    single = ImageSet(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.arange(3), ("a", "b", "c"))

    with pytest.raises(DataError, match=f"^split: {half}: no class has two training images"):
        part_of(single, half)


@pytest.mark.parametrize("fraction", [0.0, 0.2])
@pytest.mark.parametrize("half", HALVES)
def test_a_training_sees_its_half_alone_whatever_its_seed(digits: Dataset, half: str, fraction: float) -> None:
    recipe = replace(RECIPE, split=half, validation_fraction=fraction)
    still = replace(digits, augmentation=type(digits.augmentation)())
    shown: list[set[bytes]] = []
    for seed in (0, 1):
        method = METHODS["baseline"](network(seed))
        shown.append(set())
        method.register_forward_pre_hook(
            lambda _, inputs: shown[-1].update(each.numpy().tobytes() for each in inputs[0].pixels)
        )
        train(method, still, recipe, seed=seed)

    kept = hold_out(part_of(digits.training, half), fraction)[0]
    assert shown[0] == shown[1] == {each.numpy().tobytes() for each in kept.pixels(0, len(kept))}


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (RECIPE, r"^the last epoch of every training; .*fixed beforehand; nothing was selected on the test set$"),
        (HELD_OUT, r"nothing was selected on the test set; 30% of the training images were held out for validation$"),
        (replace(HELD_OUT, select="validation"), r"most accurate on the validation images; nothing .* on the test set"),
        (replace(RECIPE, select="test"), r"most accurate on the TEST set, which biases its test accuracy upwards$"),
    ],
)
def test_a_report_can_say_the_rule(recipe: Recipe, sentence: str) -> None:
    assert re.search(sentence, selection_sentence(recipe))


@pytest.mark.parametrize(
    ("teachers", "sentence"),
    [
        (
            [(3, "validation"), (3, "validation")],
            "; the teacher is the most accurate of 3 seeds on the validation images",
        ),
        ([(2, "test")], "; the teacher is the most accurate of 2 seeds on the TEST set"),
        ([(1, "validation")], ""),
        ([(1, "last")], ""),
    ],
)
def test_a_report_can_say_of_how_many_seeds_the_teacher_was_chosen(
    teachers: list[tuple[int, str]], sentence: str
) -> None:
    assert selection_sentence(RECIPE, teachers) == selection_sentence(RECIPE) + sentence


GIVEN = "the checkpoints were given; "


def test_of_given_checkpoints_a_report_can_say_the_rule_that_all_name() -> None:
    found = given_selection_sentence({"at": "validation", "sp": "validation"})

    assert found == GIVEN + selection_sentence(replace(RECIPE, select="validation", validation_fraction=0.1)).replace(
        "; 10% of the training images were held out for validation", ""
    )


@pytest.mark.parametrize("rule", [None, "by eye"])
def test_of_checkpoints_that_name_no_rule_it_can_say_so(rule: str | None) -> None:
    found = given_selection_sentence({"at": rule, "sp": rule})

    assert found == "the checkpoints were given; how their epochs were chosen is not known"


def test_where_checkpoints_name_different_rules_it_can_say_which_is_whose() -> None:
    found = given_selection_sentence({"at": "last", "mine": None, "dml": "test", "sp": "last"})

    first, second, third = re.fullmatch(f"{GIVEN}at, sp: (.*); mine: (.*); dml: (.*)", found).groups()
    assert first == selection_sentence(RECIPE)
    assert second == "how their epochs were chosen is not known"
    assert third == selection_sentence(replace(RECIPE, select="test"))
