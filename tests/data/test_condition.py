import torch

from robustkd.data import CONDITIONS, Clean, Dataset, load_dataset


def digits() -> Dataset:
    return load_dataset("digits")


def test_a_data_set_is_clean_unless_something_is_said():
    assert digits().condition == Clean()
    assert digits().condition.label == "clean"


def test_clean_changes_nothing():
    data = digits()

    conditioned = data.trained_on(seed=3)

    assert conditioned.images is data.training
    assert torch.equal(conditioned.true_labels, data.training.labels)
    assert torch.equal(conditioned.indices, torch.arange(len(data.training)))
    assert len(conditioned.held_out) == len(conditioned.held_out_labels) == 0


def test_conditions_are_found_by_name():
    assert CONDITIONS["clean"] is Clean
    assert all(CONDITIONS[name].name == name for name in CONDITIONS.names())
