import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from robustkd.distillation import METHODS
from robustkd.studies.collection import load_studies
from robustkd.studies.schema import study_schema
from robustkd.studies.study_file import study_yaml

EXPERIMENTS = sorted(path for path in Path("experiments").rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(json.dumps(study_schema()))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=str)
def test_every_study_file_here_fits_the_schema_and_so_does_what_it_resolves_to(
    path: Path, validator: Draft202012Validator
) -> None:
    validator.validate(yaml.safe_load(path.read_text()))
    for placed in load_studies([path]):
        validator.validate(yaml.safe_load(study_yaml(placed.study)))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("trainin",), {}),
        (("training", "epoch"), 3),
        (("training", "epochs"), "ten"),
        (("students", "methods", "hintn"), {}),
        (("students", "methods", "hinton"), {"temprature": 1}),
        (("evaluations", "transferability"), {"eps": 1}),
        (("conditions",), [{"label_noise": {"rat": 0.4}}]),
        (("training", "init"), {"near": 0.5}),
        (("training", "distillation_data"), {"rotatoin": 30}),
        (("data", "augmentation"), {"crop": 4}),
    ],
    ids=str,
)
def test_what_a_study_would_be_refused_for_does_not_fit(
    tiny: Path, validator: Draft202012Validator, place: tuple[str, ...], value: Any
) -> None:
    content = yaml.safe_load(tiny.read_text())
    content["students"]["methods"] = {name: {} for name in content["students"]["methods"]}
    validator.validate(content)

    holder = content
    for key in place[:-1]:
        holder = holder.setdefault(key, {})
    holder[place[-1]] = value

    assert not validator.is_valid(content)


def test_the_schema_knows_every_option_of_every_method(validator: Draft202012Validator) -> None:
    methods = validator.schema["$defs"]["StudentSettings"]["properties"]["methods"]["anyOf"][0]["properties"]  # type: ignore[index]

    assert list(methods) == METHODS.names()
    assert {"kd_weight", "temperature", "training"} <= set(methods["hinton"]["anyOf"][0]["properties"])
