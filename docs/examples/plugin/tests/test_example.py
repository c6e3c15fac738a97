"""Tests of the plugin, with expected values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from robustkd_example.certainty import certainty
from robustkd_example.few_images import FewImages
from robustkd_example.logit_matching import squared_distance

import robustkd as rk
from robustkd.data import ImageSet


def test_the_distance_is_half_the_squared_norm_averaged_over_the_batch() -> None:
    logits, teacher = torch.tensor([[3.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 4.0], [1.0, 1.0]])

    assert squared_distance(logits, teacher).item() == pytest.approx((25 / 2 + 0) / 2)


def test_certainty_is_the_probability_of_the_predicted_class() -> None:
    logits = np.array([[0.0, 0.0], [math.log(3.0), 0.0]], dtype=np.float32)

    np.testing.assert_allclose(certainty(logits), [0.5, 0.75], rtol=1e-6)


def test_the_first_images_of_each_class_remain_in_their_order() -> None:
    images = torch.zeros(5, 1, 2, 2, dtype=torch.uint8)
    train = ImageSet(images, torch.tensor([1, 0, 1, 1, 0]), ("a", "b"))

    assert FewImages(per_class=2).apply(train, seed=0).indices.tolist() == [0, 1, 2, 4]


def test_the_network_takes_images_of_any_size_and_gives_logits() -> None:
    network = rk.create_model("example_tiny_cnn", num_classes=7, in_chans=1, seed=0)

    assert network(torch.rand(2, 1, 8, 8)).shape == (2, 7)
