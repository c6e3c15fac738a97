"""Networks that functions of a user's code build."""

from pathlib import Path

import pytest
import torch
from torch import nn

from robustkd import declarations, plugins
from robustkd.errors import ModelError
from robustkd.models import load_model
from robustkd.models.factories import Factory, call_factory, parse_factory

CODE = """
from torch import nn
from layers import widen


def network(width=4, num_classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, widen(width)), nn.ReLU(), nn.Linear(widen(width), num_classes))


def broken():
    raise RuntimeError("no such block\\nand more")


def number():
    return 3


class Family:
    @staticmethod
    def small(num_classes):
        return network(1, num_classes)
"""


pytestmark = pytest.mark.usefixtures("own_plugins")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "layers.py").write_text("def widen(width):\n    return 2 * width\n")
    (tmp_path / "theirs.py").write_text(CODE)
    return tmp_path / "theirs.py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resnet18", None),
        ("vit_tiny_patch16_224.augreg_in21k", None),
        ("torchvision/resnet18", Factory("torchvision", "resnet18", {})),
        ("a/b.py::net", Factory("a/b.py", "net", {})),
        ("pack.models::Net.small", Factory("pack.models", "Net.small", {})),
        ("b.py::net(depth=20, kinds=('a', 'b'))", Factory("b.py", "net", {"depth": 20, "kinds": ("a", "b")})),
        ("b.py::net()", Factory("b.py", "net", {})),
    ],
)
def test_an_architecture_is_a_name_or_a_function(text: str, expected: Factory | None) -> None:
    assert parse_factory(text) == expected


@pytest.mark.parametrize("given", ["20", "depth=size", "**more", "depth=", "depth=__import__('os')", "a=1)(b=2"])
def test_arguments_are_literals_given_by_name(given: str) -> None:
    with pytest.raises(ModelError, match="arguments must be literals given by name"):
        parse_factory(f"b.py::net({given})")


def test_weights_are_loaded_into_what_a_function_of_a_file_builds(code: Path, tmp_path: Path) -> None:
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 7))
    torch.save({"model": theirs.state_dict()}, tmp_path / "w.pt")
    images = torch.rand(3, 1, 8, 8)

    model = load_model(tmp_path / "w.pt", architecture=f"{code}::network(width=3)")

    assert torch.equal(model(images), theirs(images))
    assert model.architecture.startswith("network(width=3)-")


def test_functions_of_one_name_that_build_different_networks_have_different_architectures(code: Path) -> None:
    four, ten = (call_factory(f"{code}::network", num_classes=count) for count in (4, 10))

    assert four.architecture != ten.architecture
    assert four.architecture == call_factory(f"{code}::network", num_classes=4).architecture


def test_a_function_may_bring_its_weights(code: Path) -> None:
    model = call_factory(f"{code}::Family.small", num_classes=5, mean=[0.5], std=[0.5])

    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 5)
    assert not model.training
    assert model.lineage["notes"] == ["network and weights are those that Family.small() returns"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("netwrk", r"has no function 'netwrk': did you mean .*network"),
        ("broken", r"broken\(\) of .*theirs\.py fails: RuntimeError: no such block$"),
        ("number", r"number\(\) of .*theirs\.py returns a int, not a torch\.nn\.Module"),
        ("network(height=3)", r"network\(height=3\) of .* fails: TypeError: .*'height'"),
    ],
)
def test_a_function_that_gives_no_network_is_named(name: str, message: str, code: Path) -> None:
    with pytest.raises(ModelError, match=message):
        call_factory(f"{code}::{name}")


@pytest.mark.parametrize(
    ("place", "message"),
    [("nowhere.py", r"nowhere\.py: no such file"), ("no_such_package", "no_such_package: no such module")],
)
def test_code_that_does_not_exist_is_named(place: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        call_factory(f"{place}::net")


def test_other_files_of_a_package_may_be_for_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pack_of_nets").mkdir()
    files = {"__init__": "", "nets": "from torch import nn\n\n\ndef net():\n    return nn.Flatten()\n"}
    for name, text in (files | {"newer": "register this = that\n"}).items():
        (tmp_path / "pack_of_nets" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(declarations, "SOURCES", plugins.SOURCES)

    call_factory("pack_of_nets.nets::net")

    assert tmp_path / "pack_of_nets" / "newer.py" in plugins.SOURCES
    assert "hinton" in declarations.declared("method")


def test_torchvisions_networks_are_known_by_name(tmp_path: Path) -> None:
    from torchvision.models import squeezenet1_1

    theirs = squeezenet1_1(num_classes=7).eval()
    torch.save(theirs.state_dict(), tmp_path / "w.pt")
    # the layout that a model computes in, which decides how it rounds
    images = torch.rand(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)

    model = load_model(tmp_path / "w.pt", architecture="torchvision/squeezenet1_1", num_classes=7)

    assert model.architecture == "torchvision/squeezenet1_1"
    assert torch.equal(model(images), theirs(images))
    with pytest.raises(ModelError, match=r"torchvision has no classifier 'resnet19': did you mean .*resnet1"):
        load_model(tmp_path / "w.pt", architecture="torchvision/resnet19", num_classes=7)


def test_a_torchvision_network_needs_the_file_of_its_weights() -> None:
    with pytest.raises(ModelError, match="give the file of its weights, as in torchvision/resnet18:PATH"):
        call_factory("torchvision/resnet18")
