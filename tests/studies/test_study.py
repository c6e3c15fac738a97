from pathlib import Path

import pytest
import yaml

from robustkd.errors import BadInputError, StudyError
from robustkd.studies import load_study
from robustkd.studies.study_file import study_yaml
from robustkd.studies.validation import evaluation_options


def test_every_default_is_written_out(tiny: Path) -> None:
    resolved = yaml.safe_load(study_yaml(load_study(tiny)))

    hinton = {
        "kd_weight": 0.9,
        "ce_weight": None,
        "temperature": 4.0,
        "variant": "original",
        "standardise_logits": False,
    }
    assert resolved["students"][0]["methods"] == {"baseline": {}, "hinton": hinton}
    assert resolved["training"]["weight_decay"] == 5e-4
    assert resolved["evaluations"]["transferability"]["epsilon"] == 0.031


def test_a_resolved_study_is_a_study_and_resolves_to_itself(tiny: Path, tmp_path: Path) -> None:
    once = study_yaml(load_study(tiny))
    (tmp_path / "again.yaml").write_text(once)

    assert study_yaml(load_study(tmp_path / "again.yaml")) == once


def test_overrides_replace_settings_and_reach_into_lists_of_names(tiny: Path) -> None:
    study = load_study(tiny, ("training.epochs=5", "students.methods.hinton.temperature=2", "students.seeds=[3, 4]"))

    assert study.training.epochs == 5
    assert study.students[0].methods["hinton"]["temperature"] == 2
    assert study.students[0].seeds == [3, 4]


def test_numbers_in_scientific_notation_are_numbers(tiny: Path) -> None:
    assert load_study(tiny, ("training.weight_decay=1e-4",)).training.weight_decay == 1e-4


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainin.epochs=3", r"unknown key 'trainin': did you mean training\?"),
        ("training.epoch=3", r"unknown key 'epoch': did you mean epochs\?"),
        ("training.epochs=-1", r"must be greater than or equal to 1, got -1"),
        ("training.epochs=ten", r"must be a whole number, got 'ten'"),
        ("training.momentum=1.5", r"must be less than 1"),
        ("training.select=best", r"must be 'last', 'validation' or 'test', got 'best'"),
        ("training.select=validation", r"tiny\.yaml:11: training: select: validation needs images to select by: set"),
        ("training.validation_fraction=1", r"must be less than 1, got 1"),
        ("students.seeds=[]", r"must not be empty"),
        ("students.seeds=[1, 1]", r"must not contain the same value twice"),
        ("students.methods.hintn={}", r"unknown method 'hintn': did you mean hinton or hint\?"),
        ("students.methods.hinton.temprature=1", r"unknown key 'temprature': did you mean temperature\?"),
        ("students.methods.hinton.temperature=0", r"must be greater than 0, got 0"),
        ("students.architecture=cifar_wrn_16", r".*did you mean .*cifar_wrn_16_2"),
        ("teacher.architecture=resnt18", r".*did you mean resnet18"),
        ("evaluations.fidelty={}", r"unknown evaluation 'fidelty': did you mean fidelity\?"),
        ("evaluations.transferability.eps=1", r"unknown key 'eps': did you mean .*epsilon"),
        ("evaluations.transferability.epsilon=2", r"must be less than or equal to 1, got 2"),
        ("teacher.seeds=0", r"with seed 0 the teacher is the same network as the baseline"),
        ("teacher=null", r"hinton needs a teacher: add the key teacher"),
        ("name=../elsewhere", r".*got '\.\./elsewhere'"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_with_its_place_and_the_nearest_name(
    tiny: Path, override: str, message: str
) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        load_study(tiny, (override,))

    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith((f"--set {override}: ", f"{tiny}:"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n  bad: [\n", r"bad\.yaml:2: not valid YAML"),
        ("- a\n", r"bad\.yaml: must be a mapping with the keys name, data"),
        ("", r"must be a mapping"),
        ("name: x\n", r"bad\.yaml: data: this key is required \(and 1 more\)"),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)

    with pytest.raises(StudyError, match=message):
        load_study(tmp_path / "bad.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nowhere\.yaml: no such file"):
        load_study(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("override", ["epochs", "=3", "training.epochs.more=3", "a b=1", "name=[1"])
def test_an_override_of_another_form_is_refused(tiny: Path, override: str) -> None:
    with pytest.raises(StudyError, match="--set"):
        load_study(tiny, (override,))


def test_options_of_evaluations_are_checked_outside_studies_too() -> None:
    with pytest.raises(BadInputError, match=r"evaluations\.transferability\.stepz: unknown key 'stepz'"):
        evaluation_options({"transferability": {"stepz": 3}})
