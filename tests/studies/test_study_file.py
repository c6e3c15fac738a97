import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustkd.errors import StudyError
from robustkd.studies import load_study
from robustkd.studies.validation import conditions_of

TINY = (Path(__file__).parent / "tiny.yaml").read_text()
WHOLE = """\
name: whole
data:
  name: cifar10
  augmentation: {crop_padding: 4, horizontal_flip: true}
conditions:
  - clean
teacher:
  architecture: cifar_wrn_40_2
  seeds: [10, 11]
students:
  - architecture: [cifar_wrn_10_2, cifar_wrn_16_2]
    methods:
      baseline:
      hinton: {temperature: 3}
      one: {training: {epochs: 300, milestones: [150, 225]}}
    seeds: [0, 1, 2]
  - architecture: cifar_resnet8
    teacher: {architecture: cifar_resnet26, seeds: 10, training: {batch_size: 64}}
    methods: [baseline, at]
    seeds: 0
training:
  select: test
evaluations: [generalization]
"""


def write(folder: Path, text: str, name: str = "study.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_whole_table_is_one_file(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, WHOLE))

    wide, residual = study.students
    assert wide.architecture == ["cifar_wrn_10_2", "cifar_wrn_16_2"]
    assert wide.methods["one"]["training"] == {"epochs": 300, "milestones": [150, 225]}
    assert study.teachers_of(residual)[""].architecture == "cifar_resnet26"  # type: ignore[union-attr]
    assert [condition.label for condition in conditions_of(study)] == ["clean"]


def test_a_study_extends_another_and_lists_replace_while_mappings_merge(tmp_path: Path) -> None:
    write(tmp_path, TINY, "base.yaml")
    file = write(tmp_path, "extends: base.yaml\nname: longer\ntraining: {epochs: 9}\nstudents: {seeds: [1, 2]}\n")

    study = load_study(file)

    assert (study.name, study.training.epochs, study.training.milestones) == ("longer", 9, ())
    assert study.students[0].seeds == [1, 2]
    assert list(study.students[0].methods) == ["baseline", "hinton"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: base.yaml\ntraining: {epochs: 0}\n", r"study\.yaml:2: training\.epochs: must be greater"),
        ("extends: broken.yaml\n", r"broken\.yaml:5: training\.epochs: must be greater"),
        ("extends: study.yaml\n", r"study\.yaml:1: extends: circular reference to study\.yaml"),
        ("name: a\nextends: nowhere.yaml\n", r"study\.yaml:2: extends: \S*nowhere\.yaml: no such file"),
        ("extends: back.yaml\n", r"back\.yaml:2: extends: circular reference to study\.yaml"),
        ("extends: [a]\n", r"study\.yaml:1: extends: must be the path of a study file"),
    ],
)
def test_an_error_names_the_file_that_holds_it(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, TINY, "base.yaml")
    write(tmp_path, "extends: base.yaml\nname: b\n\ntraining:\n  epochs: 0\n", "broken.yaml")
    write(tmp_path, "name: b\nextends: study.yaml\n", "back.yaml")

    with pytest.raises(StudyError, match=message):
        load_study(write(tmp_path, text))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("students.0.methods.hinton.temperature=0", "--set students.0.methods.hinton.temperature=0: must"),
        ("students.1.teacher.seeds=0", None),
        ("students.1.teacher.architecture=cifar_resnet8", None),
        (
            "students.1.teacher={architecture: cifar_resnet8, seeds: 0}",
            r"students\.1\.teacher\.seeds: with seed 0 the teacher",
        ),
        ("students.2.seeds=0", r"--set .*: 2 must be a position in the list, from 0 to 1"),
        (
            "students.0.methods.one.training.epoch=3",
            r"one\.training\.epoch=3: unknown key 'epoch': did you mean epochs",
        ),
        ("conditions=[clean, clean]", r"conditions\.1: 'clean' is listed twice"),
        ("conditions=[{label_noise: {rate: 0.2, draw: per_seed}}]", r"conditions\.0: .*teacher of hinton.*draw: 0"),
        ("conditions=[{label_noise: {rate: 0.2, draw: 0}}, {label_noise: {rate: 0.2, draw: 1}}]", None),
        ("conditions=[{label_noise: {rate: 2}}]", r"conditions\.0\.label_noise\.rate: must be less than or equal to 1"),
        ("conditions=[{label_noise: {kind: human}}]", r"conditions\.0\.label_noise: .*kind human needs the key labels"),
        ("conditions=[cleen]", r"conditions\.0\.cleen: unknown condition 'cleen': did you mean clean"),
    ],
)
def test_places_in_lists_are_named_and_can_be_set(tmp_path: Path, override: str, message: str | None) -> None:
    file = write(tmp_path, WHOLE)

    if message is None:
        load_study(file, (override,))
    else:
        with pytest.raises(StudyError, match=message):
            load_study(file, (override,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: 2020-13-45\n", "not valid YAML .month must be in"),
        ("name: x\nname: y\n", r"study\.yaml:2: not valid YAML \(name occurs twice\)"),
        ("[" * 3000, "not valid YAML"),
        ('extends: "a\\0b"\n', "must be the path of a study file"),
    ],
)
def test_what_python_itself_stumbles_over_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(write(tmp_path, text))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("students.seeds=true", r"seeds\.0: must be a whole number"),
        ("students.seeds=99999999999999999999", r"seeds\.0: must be less than"),
        (
            "students=[{architecture: a, methods: [baseline], seeds: 0}, {architecture: a, methods: [sp], seeds: 0}]",
            "a",
        ),
    ],
)
def test_values_that_no_training_could_take_are_refused(tmp_path: Path, override: str, message: str) -> None:
    override = override.replace("architecture: a", "architecture: cifar_resnet8")

    with pytest.raises(StudyError, match=message):
        load_study(write(tmp_path, TINY), (override,))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=0", "--set training.epochs=0: must be greater than or equal to 1, got 0"),
        ("students.training.epochs=0", "--set students.training.epochs=0: must be"),
        ("trainin.epochs=3", "--set trainin.epochs=3: trainin: unknown key 'trainin': did you mean training?"),
        ("training={epochs: 0}", "--set training={epochs: 0}: training.epochs: must be greater"),
        ("students.seeds=[7, 7]", "--set students.seeds=[7, 7]: must not contain the same value twice, got [7, 7]"),
        ("teacher.seeds=[7, 7]", "--set teacher.seeds=[7, 7]: must not contain the same value twice, got [7, 7]"),
        ("data.name=cifar11", "--set data.name=cifar11: unknown data set 'cifar11': did you mean cifar10"),
        ("students.methods={at: {at_weight: .inf}}", "students.methods.at.at_weight: must be a finite number"),
        ("students.methods={at: {at_weight: .nan}}", "students.methods.at.at_weight: must be a finite number"),
        ("training.learning_rate=.inf", "must be a finite number"),
        ("students.training.learning_rate=.inf", "must be a finite number, got inf"),
        ("training.epochs=true", "--set training.epochs=true: must be a number, got true"),
        ("training.milestones=[true]", "must be a number, got true"),
        ("students.training.batch_size=true", "must be a number, got true"),
        ("students.methods.hinton.temperature=true", "must be a number, got true"),
        ("conditions=[{label_noise: {rate: true}}]", "conditions.label_noise.rate: must be a number, got true"),
        ("evaluations.transferability.images=true", "must be a number, got true"),
        ("data.augmentation={crop_padding: true}", "data.augmentation.crop_padding: must be a number, got true"),
        ("training.nesterov=true", None),
        ("conditions=[{class_imbalance: {law: power_law, gamma: .inf}}]", None),
        ("evaluations.transferability.attack={name: PGDL2, eps: .inf}", None),
    ],
)
def test_a_mistake_in_an_override_is_reported_at_the_override(
    tmp_path: Path, override: str, message: str | None
) -> None:
    file = write(tmp_path, TINY)

    assert (refused(file, override) is None) if message is None else (message in str(refused(file, override)))


def test_of_two_overrides_the_last_is_the_one_that_counts(tmp_path: Path) -> None:
    file = write(tmp_path, TINY)

    assert refused(file, "training.epochs=0", "training.epochs=-1").startswith("--set training.epochs=-1: ")  # type: ignore[union-attr]
    assert refused(file, "training.epochs=0", "training.epochs=2") is None


@pytest.mark.parametrize(
    ("line", "changed", "message"),
    [
        ("name: tiny", "name: tiny\n3: x", "study.yaml:2: 3: a key must be a name, got 3"),
        ("name: tiny", "name: tiny\nyes: x", "study.yaml: true: a key must be a name, got true"),
        ("  epochs: 1", "  2020-01-01: 1", "training.2020-01-01: a key must be a name, got 2020-01-01"),
        ("  name: digits", "  name: digitz", "study.yaml:3: data.name: unknown data set 'digitz': did you mean digits"),
        ("  name: digits", '  name: "folder:"', "study.yaml:3: data.name: 'folder:' needs a path after the colon"),
        (
            "  seeds: 7",
            "  seeds: [7, 7]",
            "study.yaml:6: teacher.seeds: must not contain the same value twice, got [7, 7]",
        ),
        ("  epochs: 1", "  epochs: true", "study.yaml:12: training.epochs: must be a number, got true"),
        ("name: tiny", "name: tiny\nconditions: &a [*a]", "study.yaml"),
    ],
)
def test_a_mistake_in_a_file_is_reported_by_line_and_key(tmp_path: Path, line: str, changed: str, message: str) -> None:
    assert message in str(refused(write(tmp_path, TINY.replace(line, changed, 1))))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**6),
    st.floats(allow_nan=True),
    st.text(max_size=6),
    st.lists(st.one_of(st.integers(-2, 5), st.text(max_size=4)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@given(data=st.data(), base=st.sampled_from([TINY, WHOLE]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_study_is_valid_or_refused_in_one_line(tmp_path: Path, data: st.DataObject, base: str) -> None:
    content = yaml.safe_load(base)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(content, data)
    file = write(tmp_path, yaml.safe_dump(content, allow_unicode=True))

    refusal = refused(file)

    assert refusal is None or ("\n" not in refusal and str(file) in refusal)


def refused(file: Path, *overrides: str) -> str | None:
    """Return the message with which a study is refused; errors other than robustkd's are not caught."""
    try:
        load_study(file, overrides)
    except StudyError as error:
        return str(error)
    return None


def mutate(content: Any, data: st.DataObject) -> None:
    """Replace, remove, rename or repeat something somewhere."""
    places = list(_places(content))
    if not places:
        return
    holder, key = data.draw(st.sampled_from(places))
    match data.draw(st.sampled_from(["replace", "remove", "rename", "repeat"])):
        case "remove":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[data.draw(st.text(max_size=5))] = holder.pop(key)
        case "repeat" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case _:
            holder[key] = data.draw(VALUES)


def _places(content: Any) -> Any:
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(entries):
        yield content, key
        yield from _places(value)
