from torch import nn

from robustkd.models.modes import in_evaluation_mode


def test_a_single_module_in_training_mode_counts() -> None:
    inner = nn.BatchNorm2d(2)
    model = nn.Sequential(nn.Sequential(inner)).eval()

    assert in_evaluation_mode([model, nn.Linear(1, 1).eval()])

    inner.train()

    assert not in_evaluation_mode([nn.Linear(1, 1).eval(), model])
