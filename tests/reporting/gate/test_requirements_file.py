from pathlib import Path

import pytest

from robustkd.errors import BadInputError
from robustkd.reporting.gate import Requirement, load_requirements


def test_requirements_are_written_as_on_the_command_line_or_as_mappings(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(
        "requirements:\n"
        "  - accuracy_drop <= 1%\n"
        "  - metric: fidelity.agreement.low\n"
        "    student: 'a@b:c'\n"
        "    condition: label noise 40%\n"
        "    at_least: 80%\n"
        "    below: 1\n"
    )

    mapping = ("a@b:c", "label noise 40%")
    assert load_requirements(file) == [
        Requirement("accuracy_drop", "<=", 0.01, percent=True, place=f"{file}:2"),
        Requirement("fidelity.agreement", ">=", 0.8, "low", *mapping, percent=True, place=f"{file}:3"),
        Requirement("fidelity.agreement", "<", 1.0, "low", *mapping, percent=False, place=f"{file}:3"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", ":1: not valid YAML"),
        ("- accuracy < 1", ": must be a mapping with the key requirements, a list"),
        ("requirements: accuracy < 1", ": must be a mapping with the key requirements, a list"),
        ("requirements: []", ": requirements: the list is empty"),
        ("requirements:\n- kl < 1\n- 5", ":3: must be a requirement such as"),
        ("requirements:\n- kl = 1", ":2: must be [STUDENT:]METRIC"),
        ("requirements:\n- {metric: kl, at_mots: 1}", ":2: unknown key 'at_mots': did you mean at_most?"),
        ("requirment: 1\nrequirements:\n- kl < 1", ": unknown key 'requirment': did you mean requirements?"),
        ("requirements:\n- {at_most: 1}", ":2: metric is missing"),
        ("requirements:\n- {metric: kl}", ":2: has no limit; give one of at_most"),
        ("requirements:\n- {metric: kl, at_most: true}", ":2: at_most is not valid, got True"),
        ("requirements:\n- {metric: kl, at_most: much}", ":2: at_most: 'much' is not a number"),
        ("requirements:\n- {metric: kl, at_most: .nan}", ":2: at_most: must be a finite number"),
        ("requirements:\n- {metric: 'kd:kl', at_most: 1}", ":2: metric: give student and condition as keys"),
    ],
)
def test_a_problem_is_reported_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(text)

    with pytest.raises(BadInputError) as raised:
        load_requirements(file)

    assert str(raised.value).startswith(f"{file}{problem}")
    assert "\n" not in str(raised.value)
