import pytest
import torch

from robustkd.data import Clean, Dataset, ImageSet
from robustkd.data.conditions.membership import Membership
from robustkd.errors import DataError


def images(count: int = 40) -> ImageSet:
    pixels = torch.arange(count, dtype=torch.uint8).reshape(count, 1, 1, 1)
    return ImageSet(pixels, torch.arange(count) % 3, ("a", "b", "c"))


def test_the_teacher_sees_all_images_and_the_others_all_but_those_held_out() -> None:
    data = Dataset("some", images(), images(3), condition=Membership(held_out=0.25))

    teacher, student = data.trained_on(0, "teacher"), data.trained_on(0, "student")

    assert len(teacher.images) == 40
    assert len(student.images) == 30
    together = sorted([*student.indices.tolist(), *student.held_out.tolist()])
    assert together == list(range(40))
    assert student.images.images.flatten().tolist() == student.indices.tolist()
    assert student.held_out_labels.tolist() == (student.held_out % 3).tolist()


def test_all_trainings_share_one_draw_and_another_seed_is_another_draw() -> None:
    held_out = [
        condition.apply(images(), seed).held_out.tolist()
        for condition, seed in (
            (Membership(), 0),
            (Membership(), 7),
            (Membership(seed=1), 0),
        )
    ]

    assert held_out[0] == held_out[1] != held_out[2]


def test_it_differs_between_roles() -> None:
    condition = Membership()

    assert isinstance(condition.for_role("teacher"), Clean)
    assert condition.for_role("student") is condition.for_role("baseline") is condition


def test_nothing_or_everything_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match="held_out must be above 0"):
        Membership(held_out=0.0)
    with pytest.raises(DataError, match=r"held_out 0\.01 holds out 0 of 40 images"):
        Membership(held_out=0.01).apply(images(), 0)
