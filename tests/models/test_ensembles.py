import numpy as np
import pytest
import torch
from scipy.special import softmax

import robustkd as rk
from robustkd.errors import ModelError
from robustkd.models import ensemble
from robustkd.results.predictions import predict

from ..conftest import network


def test_an_ensemble_predicts_the_mean_of_the_probabilities(data: rk.Dataset) -> None:
    models = [network(seed) for seed in range(3)]

    found = predict(ensemble(models), data.test).log_probabilities

    wanted = np.mean([softmax(predict(model, data.test).logits.astype(float), axis=1) for model in models], axis=0)
    np.testing.assert_allclose(np.exp(found), wanted, rtol=1e-5)


def test_one_network_is_its_own_ensemble() -> None:
    model = network(0)

    assert ensemble([model]) is model


def test_another_normalisation_of_a_member_is_another_ensemble() -> None:
    models = [network(0), network(1)]
    digests = {
        ensemble(models).digest(),
        ensemble([models[0], models[1].normalised_by([0.5], [0.2], "rgb")]).digest(),
        ensemble([models[0], network(2)]).digest(),
    }

    assert len(digests) == 3


@pytest.mark.parametrize("models", [[], [network(0, 3), network(1, 4)]])
def test_networks_of_other_classes_are_no_ensemble(models: list[rk.PixelModel]) -> None:
    with pytest.raises(ModelError, match="same number of classes"):
        ensemble(models)


def test_several_teachers_are_one(data: rk.Dataset) -> None:
    pool = rk.ModelPool([network(0), network(1)], baseline=network(2))

    assert [member.role for member in pool] == ["teacher", "baseline"]
    assert pool.teacher is not None
    assert pool.teacher.architecture == "ensemble of 2 cifar_wrn_10_1"
    assert pool.teacher.model(torch.zeros(1, 1, 8, 8)).exp().sum().item() == pytest.approx(1)
