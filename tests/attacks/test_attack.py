from dataclasses import replace

from robustkd.attacks.attack import Attack, with_distinct_labels
from robustkd.attacks.by_name import attack_by_name

PGD = Attack("PGD", {"eps": 0.1, "alpha": 0.02, "steps": 10, "random_start": True})
STANDARDISED = Attack(PGD.name, PGD.parameters, "standardised")
APGD_DLR = Attack("APGD", {"norm": "Linf", "eps": 0.1, "steps": 20, "loss": "dlr"})


def test_the_autoattack_of_torchattacks_is_not_called_by_that_name() -> None:
    attack = attack_by_name({"name": "AutoAttack", "eps": 0.1, "logits": "standardised"}, "here")

    assert replace(attack, logits="plain").label == "AA-torchattacks (10 steps)"
    assert attack.label == "AA-torchattacks (10 steps) on standardised logits"


def pgd(**parameters: float | bool) -> Attack:
    return Attack("PGD", {"eps": 0.031, "alpha": 0.003, "steps": 20, "random_start": True} | parameters)


def test_attacks_that_share_a_label_are_with_distinct_labels_by_the_parameters_in_which_they_differ() -> None:
    attacks = (pgd(), pgd(alpha=0.01), pgd(alpha=0.01, random_start=False), pgd(steps=10))

    assert [attack.label for attack in with_distinct_labels(attacks)] == [
        "PGD-20 (alpha 0.003, random_start True)",
        "PGD-20 (alpha 0.01, random_start True)",
        "PGD-20 (alpha 0.01, random_start False)",
        "PGD-10",
    ]
    assert [attack.label for attack in with_distinct_labels(attacks[:2])] == [
        "PGD-20 (alpha 0.003)",
        "PGD-20 (alpha 0.01)",
    ]


def test_attacks_with_unique_labels_keep_them() -> None:
    attacks = (PGD, STANDARDISED, APGD_DLR)

    assert with_distinct_labels(attacks) == attacks


def test_a_parameter_left_out_counts_as_the_default_of_torchattacks() -> None:
    named = attack_by_name({"name": "APGD", "eps": 0.1, "steps": 20, "loss": "dlr", "rho": 0.5}, "here")

    assert [attack.label for attack in with_distinct_labels((APGD_DLR, named))] == [
        "APGD-DLR-20 (rho 0.75)",
        "APGD-DLR-20 (rho 0.5)",
    ]


def test_the_step_follows_epsilon_in_a_sweep() -> None:
    assert PGD.with_epsilon(0.05).parameters == {"eps": 0.05, "alpha": 0.01, "steps": 10, "random_start": True}


def test_restarts_are_made_for_what_is_left_of_a_batch() -> None:
    assert attack_by_name({"name": "APGD", "eps": 0.1, "n_restarts": 2}, "here").sees_batch
    assert not attack_by_name({"name": "APGD", "eps": 0.1}, "here").sees_batch
