import io
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from robustkd.data import Augmentation, Dataset
from robustkd.data.distillation_data import DistillationData, ExtraImages
from robustkd.distillation import METHODS, Epoch, Method, Recipe, train
from robustkd.distillation.training_state import DIGEST_BYTES, epochs_done
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=3, batch_size=32, learning_rate=0.05, milestones=(2,))


def network(seed: int = 0) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


@pytest.fixture
def build(request: pytest.FixtureRequest, two_stages: type[Method]) -> Callable[[], Method]:
    kind = two_stages if request.param == "two stages" else METHODS[request.param]
    return lambda: kind(network(), network(seed=1) if kind.needs_teacher else None)


class Stopped(Exception):  # noqa: N818  # no error
    """Ends a training from outside, as Ctrl-C does."""


def stop_after(epochs: int) -> Callable[[Epoch], None]:
    done: list[Epoch] = []

    def stop(epoch: Epoch) -> None:
        done.append(epoch)
        if len(done) == epochs:
            raise Stopped

    return stop


def untimed(history: list[Epoch]) -> list[Epoch]:
    return [replace(entry, images_per_second=0.0) for entry in history]


def same(first: Method, second: Method) -> bool:
    states = first.state_dict(), second.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0].keys() | states[1].keys())


@pytest.mark.parametrize(
    ("build", "epochs"),
    [*(("two stages", epochs) for epochs in (1, 2, 3, 4, 5)), *((name, 2) for name in METHODS.names())],
    indirect=["build"],
)
def test_a_resumed_training_ends_in_the_very_bits_of_an_uninterrupted_one(
    digits: Dataset, build: Callable[[], Method], tmp_path: Path, epochs: int
) -> None:
    whole, stopped, resumed = build(), build(), build()
    expected = train(whole, digits, RECIPE, seed=0)

    with pytest.raises(Stopped):
        train(stopped, digits, RECIPE, seed=0, checkpoint=tmp_path / "state", on_epoch=stop_after(epochs))
    torch.manual_seed(99)
    history = train(resumed, digits, RECIPE, seed=0, checkpoint=tmp_path / "state")

    assert same(whole, resumed)
    assert untimed(history) == untimed(expected)


SHOWN = {
    "rotation": DistillationData(rotation=20),
    "vertical flip": DistillationData(vertical_flip=True),
    "colour jitter": DistillationData(colour_jitter=0.4),
    "AutoAugment": DistillationData(policy="auto_augment"),
    "RandAugment": DistillationData(policy="rand_augment"),
    "MixUp": DistillationData(mixing="mixup", mixing_alpha=0.4),
    "CutMix": DistillationData(mixing="cutmix", mixing_draw="per_image"),
    "extra images": DistillationData(extra=ExtraImages("noise", 0.5)),
    "extra images of their own temperature": DistillationData(extra=ExtraImages("digits", 0.5, temperature=2.0)),
    "mixtures with extra images": DistillationData(mixing="mixup", extra=ExtraImages("noise", 1.0)),
}


@pytest.mark.parametrize("data", SHOWN.values(), ids=SHOWN.keys())
def test_a_training_that_is_shown_more_is_resumed_to_the_very_bits_too(
    digits: Dataset, tmp_path: Path, data: DistillationData
) -> None:
    recipe = replace(RECIPE, distillation_data=data, evaluate_every=2)
    whole, stopped, resumed = (METHODS["hinton"](network(), network(seed=1)) for _ in range(3))
    expected = train(whole, digits, recipe, seed=0)

    with pytest.raises(Stopped):
        train(stopped, digits, recipe, seed=0, checkpoint=tmp_path / "state", on_epoch=stop_after(2))
    torch.manual_seed(99)
    history = train(resumed, digits, recipe, seed=0, checkpoint=tmp_path / "state")

    assert same(whole, resumed)
    assert untimed(history) == untimed(expected)


@pytest.mark.parametrize(
    "change",
    [{"split": "first_half"}, {"frozen_batch_norm": True}],
    ids=lambda change: next(iter(change)),
)
def test_a_training_of_a_half_or_with_frozen_statistics_is_resumed_to_the_very_bits_too(
    digits: Dataset, tmp_path: Path, change: dict
) -> None:
    recipe = replace(RECIPE, learning_rate=0.01, **change)
    whole, stopped, resumed = (METHODS["hinton"](network(), network(seed=1)) for _ in range(3))
    expected = train(whole, digits, recipe, seed=0)

    with pytest.raises(Stopped):
        train(stopped, digits, recipe, seed=0, checkpoint=tmp_path / "state", on_epoch=stop_after(1))
    history = train(resumed, digits, recipe, seed=0, checkpoint=tmp_path / "state")

    assert same(whole, resumed)
    assert untimed(history) == untimed(expected)


def test_a_resumed_training_trains_no_epoch_twice(digits: Dataset, tmp_path: Path) -> None:
    steps = []
    for stop in (stop_after(2), lambda epoch: None):
        method = METHODS["baseline"](network())
        method.register_forward_hook(lambda *_: steps.append(1))
        try:
            train(method, digits, RECIPE, seed=0, checkpoint=tmp_path / "state", on_epoch=stop)
        except Stopped:
            assert len(steps) == 2 * 3

    assert len(steps) == 3 * 3


def test_a_resumed_training_tells_the_whole_history(digits: Dataset, tmp_path: Path) -> None:
    told: list[Epoch] = []
    with pytest.raises(Stopped):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "s", on_epoch=stop_after(2))

    history = train(
        METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "s", on_epoch=told.append
    )

    assert told == history
    assert [entry.epoch for entry in told] == [0, 1, 2]


def test_the_state_is_written_every_so_many_epochs(digits: Dataset, tmp_path: Path) -> None:
    found = []

    train(
        METHODS["baseline"](network()),
        digits,
        RECIPE,
        seed=0,
        checkpoint=tmp_path / "state",
        checkpoint_every=2,
        on_epoch=lambda _: found.append([file.name for file in tmp_path.iterdir()]),
    )

    assert found == [[], ["state"], ["state"]]


def test_the_state_can_be_read_without_executing_anything(digits: Dataset, tmp_path: Path) -> None:
    history = train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "state")

    content = (tmp_path / "state").read_bytes()[DIGEST_BYTES:]
    state = torch.load(io.BytesIO(content), weights_only=True)

    assert state["history"] == [asdict(entry) for entry in history]


def change_options(setting: dict) -> None:
    setting["method"] = METHODS["hinton"](network(), network(seed=1), temperature=2.0)


def change_teacher(setting: dict) -> None:
    setting["method"] = METHODS["hinton"](network(), network(seed=2))


def change_method(setting: dict) -> None:
    setting["method"] = METHODS["baseline"](network())


def change_student(setting: dict) -> None:
    student = create_model("cifar_wrn_10_2", num_classes=10, in_chans=1, seed=0)
    setting["method"] = METHODS["hinton"](student, network(seed=1))


def change_data(setting: dict) -> None:
    data = setting["data"]
    setting["data"] = replace(data, train=data.training.subset(torch.arange(60)))


def change_augmentation(setting: dict) -> None:
    setting["data"] = replace(setting["data"], augmentation=Augmentation())


def change_stages(setting: dict) -> None:
    setting["recipe"] = replace(RECIPE, learning_rate=0.06)


def change_seed(setting: dict) -> None:
    setting["seed"] = 1


@pytest.mark.parametrize(
    "change",
    [
        change_options,
        change_teacher,
        change_method,
        change_student,
        change_data,
        change_augmentation,
        change_stages,
        change_seed,
    ],
)
def test_the_state_of_another_training_is_refused(
    digits: Dataset, tmp_path: Path, change: Callable[[dict], None]
) -> None:
    setting = {
        "method": METHODS["hinton"](network(), network(seed=1)),
        "data": digits,
        "recipe": RECIPE,
        "seed": 0,
        "checkpoint": tmp_path / "state",
    }
    with pytest.raises(Stopped):
        train(**setting, on_epoch=stop_after(1))
    change(setting)

    with pytest.raises(ModelError, match=f"another {change.__name__.removeprefix('change_')};"):
        train(**setting)


def test_the_state_of_a_training_with_other_extra_images_is_refused(digits: Dataset, tmp_path: Path) -> None:
    """The recipe says the same, but the folder holds other images."""
    recipe = replace(RECIPE, distillation_data=SHOWN["extra images"])
    teacher = network(seed=1)
    with pytest.raises(Stopped):
        train(
            METHODS["hinton"](network(), teacher),
            digits,
            recipe,
            seed=0,
            checkpoint=tmp_path / "state",
            on_epoch=stop_after(1),
        )
    others = replace(digits, unlabelled=torch.zeros((35, 1, 8, 8), dtype=torch.uint8))

    with pytest.raises(ModelError, match="another extra images;"):
        train(METHODS["hinton"](network(), teacher), others, recipe, seed=0, checkpoint=tmp_path / "state")


def test_images_without_labels_that_no_recipe_asks_for_are_not_shown(digits: Dataset, tmp_path: Path) -> None:
    others = replace(digits, unlabelled=torch.zeros((35, 1, 8, 8), dtype=torch.uint8))
    first, second = (METHODS["hinton"](network(), network(seed=1)) for _ in range(2))

    train(first, digits, RECIPE, seed=0)
    train(second, others, RECIPE, seed=0)

    assert same(first, second)


@pytest.mark.parametrize("content", [b"", b"no state at all", b"PK\x03\x04 half a file"])
def test_a_damaged_state_is_refused_in_one_line(digits: Dataset, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)

    with pytest.raises(ModelError, match="state: not a complete training state; delete it"):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "state")


def test_a_checkpoint_of_something_else_is_refused(digits: Dataset, tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "state")

    with pytest.raises(ModelError, match="not a complete training state"):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "state")


def test_a_stop_while_writing_leaves_the_state_before(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "s", on_epoch=stop_after(1))
    before = (tmp_path / "s").read_bytes()

    def stop(partial: Path, target: Path) -> None:
        assert partial.read_bytes() != before
        raise Stopped

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(Stopped):
        train(METHODS["baseline"](network()), digits, RECIPE, seed=0, checkpoint=tmp_path / "s")

    assert (tmp_path / "s").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


def test_a_state_tells_how_many_epochs_are_done_and_none_where_there_is_none(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(
            METHODS["baseline"](network()),
            digits,
            RECIPE,
            seed=0,
            checkpoint=tmp_path / "state",
            on_epoch=stop_after(2),
        )
    (tmp_path / "damaged").write_bytes(b"?" * 100)

    assert [epochs_done(tmp_path / name) for name in ("state", "damaged", "absent")] == [2, 0, 0]
