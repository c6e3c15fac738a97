import numpy as np
import pytest
import torch

from robustkd.data import Clean, ImageSet
from robustkd.data.conditions.backdoor import Backdoor
from robustkd.errors import DataError


def images(count: int = 200, classes: int = 4, channels: int = 3) -> ImageSet:
    pixels = torch.full((count, channels, 6, 8), 100, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % classes, tuple("abcdefgh"[:classes]))


def test_the_asked_share_of_images_of_other_classes_gets_trigger_and_target() -> None:
    conditioned = Backdoor(rate=0.1, target=2).apply(images(), seed=5)

    changed = (conditioned.images.images != 100).flatten(1).any(dim=1)
    assert int(changed.sum()) == 20
    assert conditioned.images.labels[changed].unique().tolist() == [2]
    assert not (conditioned.true_labels[changed] == 2).any()
    assert torch.equal(conditioned.images.labels[~changed], conditioned.true_labels[~changed])
    assert conditioned.indices.tolist() == list(range(200))


@pytest.mark.parametrize(
    ("position", "rows", "columns"),
    [
        ("top left", slice(0, 2), slice(0, 2)),
        ("top right", slice(0, 2), slice(6, 8)),
        ("bottom left", slice(4, 6), slice(0, 2)),
        ("bottom right", slice(4, 6), slice(6, 8)),
    ],
)
def test_the_trigger_is_a_checkerboard_in_its_corner(position: str, rows: slice, columns: slice) -> None:
    trigger = Backdoor(size=2, position=position)  # type: ignore[arg-type]

    painted = trigger.painting(images()).on(images()).images

    expected = np.full((3, 6, 8), 100)
    expected[:, rows, columns] = [[255, 0], [0, 255]]
    np.testing.assert_array_equal(painted[0], expected)
    np.testing.assert_array_equal(painted[-1], expected)


def test_all_trainings_share_one_draw_and_another_seed_is_another_draw() -> None:
    def poisoned(condition: Backdoor, seed: int) -> list[int]:
        return torch.nonzero(condition.apply(images(), seed).images.images[:, 0, 5, 7] != 100)[:, 0].tolist()

    assert poisoned(Backdoor(), 0) == poisoned(Backdoor(), 9)
    assert poisoned(Backdoor(), 0) != poisoned(Backdoor(seed=1), 0)
    assert not Backdoor().per_seed


def test_only_the_teacher_is_poisoned_unless_all_are() -> None:
    teacher_only, everyone = Backdoor(), Backdoor(poisoned="all")

    assert teacher_only.for_role("teacher") is teacher_only
    assert all(isinstance(teacher_only.for_role(role), Clean) for role in ("baseline", "student"))
    assert all(everyone.for_role(role) is everyone for role in ("teacher", "baseline", "student"))


def test_conditions_that_differ_have_different_labels() -> None:
    different = [
        Backdoor(),
        Backdoor(rate=0.1),
        Backdoor(target=1),
        Backdoor(size=2),
        Backdoor(position="top left"),
        Backdoor(poisoned="all"),
        Backdoor(seed=1),
    ]

    assert Backdoor().label == "backdoor 5%"
    assert len({condition.label for condition in different}) == len(different)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 4}, "target must be the number of a class, from 0 to 3, got 4"),
        ({"size": 7}, "size must be at most 6, the side of the images, got 7"),
        ({"rate": 0.9}, "asks for 180 images of other classes than 0, of which the set has 150"),
        ({"rate": 0.001}, "asks for 0 images"),
    ],
)
def test_what_does_not_fit_the_images_is_refused(settings: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Backdoor(**settings).apply(images(), 0)
