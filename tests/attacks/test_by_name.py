import pytest
import torchattacks
from torch import nn

from robustkd.attacks.by_name import attack_by_name
from robustkd.errors import EvaluationError


def test_parameters_not_given_are_those_of_torchattacks_and_are_written_down() -> None:
    attack = attack_by_name({"name": "PGDL2", "eps": 0.5}, "here")

    theirs = torchattacks.PGDL2(nn.Linear(1, 1), eps=0.5)
    assert attack.parameters["alpha"] == theirs.alpha
    assert attack.parameters["steps"] == theirs.steps
    assert (attack.norm, attack.epsilon, attack.label) == ("L2", 0.5, "PGDL2-10")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "PGD", "eps": 0.0}, "eps of PGD must be greater than 0"),
        ({"name": "PGD", "eps": "lots"}, "eps of PGD must be a number, got 'lots'"),
        ({"name": "PGD", "eps": True}, "eps of PGD must be a number"),
        ({"name": "PGD", "eps": 0.1, "steps": 0}, "steps of PGD must be at least 1"),
        ({"name": "PGD", "eps": 0.1, "random_start": 3}, "random_start of PGD must be a bool"),
        ({"name": "APGD", "eps": 0.1, "norm": "L1"}, "norm of APGD must be Linf or L2"),
    ],
)
def test_values_that_an_attack_cannot_use_are_refused_before_anything_is_attacked(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        attack_by_name(given, "attack")
