import numpy as np
import pytest
import torch

from robustkd.data.image_random import DrawnImageByImage, image_generators, numpy_seeded_by


def test_an_image_has_the_same_numbers_in_any_batch() -> None:
    many = [generator.random(3).tolist() for generator in image_generators(7, [0, 5, 9])]
    one = [generator.random(3).tolist() for generator in image_generators(7, [5])]

    assert one == [many[1]]


def test_seeds_images_and_streams_differ() -> None:
    drawn = [
        image_generators(seed, [image], stream)[0].random()
        for seed in (0, 1, 2)
        for image in (0, 1, 2)
        for stream in (0, 1, 2)
    ]

    assert len(set(drawn)) == 27


def test_what_torch_draws_for_a_batch_comes_from_the_images() -> None:
    expected = [generator.random((2, 3), dtype=np.float32) for generator in image_generators(1, [4, 6])]

    with DrawnImageByImage(image_generators(1, [4, 6])):
        drawn = torch.empty(2, 2, 3).uniform_(-1, 1)

    np.testing.assert_allclose(drawn, 2 * np.stack(expected) - 1, atol=1e-7)


def test_normal_numbers_come_from_the_images_too() -> None:
    with DrawnImageByImage(image_generators(1, range(2000))):
        drawn = torch.randn(2000, 5)
    with DrawnImageByImage(image_generators(1, [3])):
        alone = torch.randn_like(torch.empty(1, 5))

    assert torch.equal(drawn[3:4], alone)
    assert abs(float(drawn.mean())) < 0.05
    assert abs(float(drawn.std()) - 1) < 0.05


def test_a_draw_that_is_not_one_for_each_image_is_left_to_torch() -> None:
    torch.manual_seed(0)
    expected = torch.rand(5)

    torch.manual_seed(0)
    with DrawnImageByImage(image_generators(1, [4, 6])):
        drawn = torch.rand(5)

    assert torch.equal(drawn, expected)


def test_numpys_global_state_is_seeded_from_a_generator_and_restored() -> None:
    def drawn(image: int) -> list[float]:
        with numpy_seeded_by(image_generators(0, [image])[0]):
            return np.random.random(3).tolist()

    np.random.seed(1)
    expected = np.random.RandomState(1).random(3).tolist()

    assert drawn(4) == drawn(4) != drawn(5)
    assert np.random.random(3).tolist() == expected


def test_numpys_global_state_is_restored_after_an_error() -> None:
    np.random.seed(1)
    expected = np.random.RandomState(1).random(3).tolist()

    with pytest.raises(ValueError, match="broken"), numpy_seeded_by(image_generators(0, [0])[0]):
        raise ValueError("broken")

    assert np.random.random(3).tolist() == expected
