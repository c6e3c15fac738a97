"""Declarations read from the source equal those obtained by importing it."""

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import timm
from pydantic import ValidationError, create_model

from robustkd.data import CONDITIONS, DATASETS
from robustkd.declarations import (
    Declaration,
    check_architecture_name,
    check_dataset_name,
    declared,
    network_names,
    timm_names,
)
from robustkd.distillation import METHODS
from robustkd.errors import DataError, ModelError
from robustkd.evaluations import EVALUATIONS
from robustkd.models import OWN_ARCHITECTURES
from robustkd.studies.options import method_model
from robustkd.type_words import in_words

PROBES: tuple[Any, ...] = (
    -1,
    0,
    0.5,
    1,
    2,
    3.5,
    10,
    "original",
    "sarfraz2020",
    "first",
    None,
    True,
    (1.0, 2.0, 3.0),
    [],
)


@pytest.mark.parametrize(
    ("kind", "registry"),
    [("method", METHODS), ("evaluation", EVALUATIONS), ("condition", CONDITIONS), ("data set", DATASETS)],
)
def test_names_are_those_that_register_themselves(kind: Any, registry: Any) -> None:
    assert list(declared(kind)) == registry.names()


def keyword_arguments(method: Any) -> dict[str, tuple[Any, Any]]:
    hints = get_type_hints(method.__init__, include_extras=True)
    given = inspect.signature(method).parameters.values()
    return {each.name: (hints[each.name], each.default) for each in given if each.kind is each.KEYWORD_ONLY}


@pytest.mark.parametrize("name", METHODS.names())
def test_options_of_a_method_are_the_keyword_arguments_of_its_constructor(name: str) -> None:
    found = declared("method")[name]
    truth = keyword_arguments(METHODS[name])

    assert {option.name: option.default for option in found.options} == {key: value[1] for key, value in truth.items()}
    assert found.needs_teacher == METHODS[name].needs_teacher


@pytest.mark.parametrize("name", METHODS.names())
def test_options_of_a_method_take_the_same_values(name: str) -> None:
    fields: dict[str, Any] = keyword_arguments(METHODS[name])
    truth, found = create_model("Truth", **fields), method_model(declared("method")[name])

    for option in fields:
        for value in PROBES:
            assert accepts(found, option, value) == accepts(truth, option, value), f"{option}={value!r}"


def accepts(model: Any, option: str, value: Any) -> bool:
    try:
        model.model_validate({option: value})
    except ValidationError:
        return False
    return True


def fields_of(kind: Any) -> dict[str, Any]:
    return {
        field.name: field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        for field in dataclasses.fields(kind)
    }


@pytest.mark.parametrize("name", EVALUATIONS.names())
def test_options_of_an_evaluation_are_the_fields_of_its_options(name: str) -> None:
    found = declared("evaluation")[name]

    assert {option.name: option.default for option in found.options} == fields_of(EVALUATIONS[name].Options)
    assert found.summary == EVALUATIONS[name].question


@pytest.mark.parametrize("name", CONDITIONS.names())
def test_options_of_a_condition_are_its_fields(name: str) -> None:
    found = declared("condition")[name]

    assert {option.name: option.default for option in found.options} == fields_of(CONDITIONS[name])


@pytest.mark.parametrize("kind", ["method", "evaluation", "condition"])
def test_every_option_is_described(kind: Any) -> None:
    without = [
        f"{each.name}.{option.name}"
        for each in declared(kind).values()
        for option in each.options
        if not option.meaning
    ]

    assert not without


@pytest.mark.parametrize("kind", ["method", "evaluation", "condition", "data set"])
def test_everything_has_a_sentence(kind: Any) -> None:
    assert all(each.summary.endswith((".", "?")) for each in declared(kind).values())


def test_papers_are_named_where_a_method_has_one() -> None:
    def arxiv(found: Declaration) -> str:
        return " ".join(found.papers)

    assert "1503.02531" in arxiv(declared("method")["hinton"])
    assert "1612.03928" in arxiv(declared("method")["at"])
    assert declared("method")["baseline"].papers == ()


def test_own_networks_are_those_that_timm_gets_to_know() -> None:
    assert set(network_names()) == set(OWN_ARCHITECTURES)


def test_networks_of_timm_are_found_without_it() -> None:
    assert set(timm_names()) == set(timm.list_models()) - set(OWN_ARCHITECTURES)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "whole number"),
        (float | None, "number or none"),
        (tuple[float, ...], "list of numbers"),
        (bool, "true or false"),
    ],
)
def test_types_are_described_in_words(annotation: Any, words: str) -> None:
    assert in_words(annotation) == words


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean cifar10"):
        check_dataset_name("cifr10")
    with pytest.raises(ModelError, match="did you mean cifar_resnet8"):
        check_architecture_name("cifar_resnet_8")


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys\nfrom robustkd.declarations import declared, network_names, timm_names\n"
        "for kind in ('method', 'evaluation', 'condition', 'data set'): declared(kind)\n"
        "network_names(), timm_names()\n"
        "print([name for name in ('torch', 'timm', 'pandas', 'altair', 'scipy', 'sklearn') if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_a_wrong_study_is_refused_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "name: wrong\ndata: {name: digits}\nstudents: {architecture: cifar_resnet8, methods: [hintn], seeds: 0}\n"
    )
    program = (
        "import sys\nfrom pathlib import Path\nfrom robustkd.studies.study_file import load_study\n"
        f"try: load_study(Path({str(file)!r}))\n"
        "except Exception as error: print(error)\n"
        "print('torch' in sys.modules, 'timm' in sys.modules)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "did you mean hinton or hint?" in found.stdout
    assert found.stdout.splitlines()[-1] == "False False"


def test_what_is_registered_in_a_notebook_is_declared_too() -> None:
    from typing import Annotated

    from pydantic import Field

    from robustkd.distillation import Method

    class Mine(Method):
        """Match the logits.

        Args:
            weight: The weight of the term.
        """

        def __init__(self, student: Any, teacher: Any = None, *, weight: Annotated[float, Field(ge=0)] = 2.0) -> None:
            super().__init__(student, teacher)

        def forward(self, batch: Any) -> Any:
            raise AssertionError("never trained")

    METHODS.register("mine_in_a_notebook")(Mine)
    try:
        found = declared("method")["mine_in_a_notebook"]
    finally:
        METHODS._entries.pop("mine_in_a_notebook")

    (option,) = found.options
    assert (option.name, option.default, option.kind) == ("weight", 2.0, "number, at least 0")
    assert (option.meaning, found.needs_teacher) == ("The weight of the term.", True)


def test_a_plugin_whose_types_need_an_import_is_imported(tmp_path: Path) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(
        "import enum\nfrom robustkd.distillation import METHODS\n"
        "from robustkd.distillation.methods.hinton import Hinton\n"
        "class Colour(enum.StrEnum):\n    red = 'red'\n"
        "@METHODS.register('odd_types')\nclass Odd(Hinton):\n    'Like hinton.'\n"
        "    def __init__(self, student, teacher=None, *, colour: Colour = Colour.red):\n"
        "        super().__init__(student, teacher)\n"
    )
    program = (
        f"from robustkd.plugins import load_plugins\nload_plugins([{str(plugin)!r}])\n"
        "from robustkd.declarations import declared\nprint(declared('method')['odd_types'].options[0].default)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "red"


@pytest.mark.parametrize("name", EVALUATIONS.names())
def test_an_evaluation_says_what_it_needs_and_how_to_read_it(name: str) -> None:
    guide, kind = declared("evaluation")[name].guide, EVALUATIONS[name]

    told = {key: getattr(guide, key) for key in ("cost", "cites", "reading", "chance", "control")}
    assert told == {key: getattr(kind, key) for key in told}
    words = {"teacher": "a teacher", "networks": "the networks", "training": "the training set"}
    assert {key for key, text in words.items() if text in guide.needs} == {
        key for key in words if getattr(kind.requires, key)
    }
    for key in ("cost", "reading", "chance", "control"):
        assert told[key].endswith("."), f"{name} does not say {key}"
