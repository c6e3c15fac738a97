import re

import pytest
import torch

from robustkd.distillation import METHODS, inapplicable
from robustkd.errors import ModelError
from robustkd.models import create_model

EVERY = {name: {} for name in METHODS.names()}


def test_every_method_applies_to_networks_of_equal_widths() -> None:
    assert inapplicable(EVERY, "cifar_wrn_10_2", "cifar_wrn_16_2", shape=(3, 8, 8), num_classes=10) == {}


def test_a_method_is_refused_with_the_words_that_its_training_would_use() -> None:
    networks = [create_model(name, num_classes=10) for name in ("cifar_wrn_10_1", "cifar_wrn_16_2")]
    expected = {}
    for name in ("fsp", "sfd"):
        with pytest.raises(ModelError) as starting:
            METHODS[name](*networks)
        expected[name] = str(starting.value)

    found = inapplicable(EVERY, "cifar_wrn_10_1", "cifar_wrn_16_2", shape=(1, 8, 8), num_classes=10)

    assert found == expected


def test_the_reason_may_lie_in_one_network_alone() -> None:
    (reason,) = inapplicable({"one": {}}, "test_vit", None, shape=(3, 160, 160), num_classes=10).values()

    assert reason.startswith("test_vit cannot be branched")


def test_images_that_a_network_cannot_take_are_named() -> None:
    found = inapplicable({"baseline": {}}, "vgg11", None, shape=(3, 8, 8), num_classes=10)

    assert re.match(r"baseline fails with vgg11 on images of 3×8×8: \w+: ", found["baseline"])
    assert "\n" not in found["baseline"]


def test_options_are_taken_into_account() -> None:
    methods = {"dml": {"peers": 3}, "hinton": {"temperature": 2.0}}

    assert inapplicable(methods, "cifar_resnet8", "cifar_resnet8", shape=(3, 8, 8), num_classes=2) == {}


def test_the_global_random_state_is_left_as_it_was() -> None:
    before = torch.get_rng_state()

    inapplicable(EVERY, "cifar_resnet8", "cifar_resnet8", shape=(3, 8, 8), num_classes=10)

    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="unknown architecture 'resnt18'"):
        inapplicable({"baseline": {}}, "resnt18", None, shape=(3, 8, 8), num_classes=10)
