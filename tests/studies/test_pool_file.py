"""Pools described in a file."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from robustkd.data import Dataset, load_dataset
from robustkd.errors import BadInputError, ModelError
from robustkd.models import create_model, save_model
from robustkd.studies.pool_file import load_pool

CODE = """
from torch import nn


def net(width=4, num_classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Linear(width, num_classes))
"""


@pytest.fixture(scope="module")
def data() -> Dataset:
    digits = load_dataset("digits")
    return replace(digits, train=None)


@pytest.fixture
def folder(tmp_path: Path, own_plugins: None) -> Path:
    (tmp_path / "theirs.py").write_text(CODE)
    for seed in range(2):
        model = create_model("cifar_resnet8", num_classes=10, in_chans=1, seed=seed)
        torch.save(model.module.state_dict(), tmp_path / f"b{seed}.pth")
    save_model(create_model("cifar_resnet8", num_classes=10, in_chans=1, seed=5), tmp_path / "own.safetensors")
    torch.manual_seed(0)
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.Linear(6, 30))
    torch.save(theirs.state_dict(), tmp_path / "wide.pth")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "pool.yaml").write_text(text)
    return folder / "pool.yaml"


def test_every_network_has_its_own_settings(folder: Path, data: Dataset) -> None:
    file = written(
        folder,
        """
        teacher: {path: wide.pth, architecture: "theirs.py::net(width=6)", classes: [3, 5, 7, 9, 1, 2, 4, 6, 8, 29]}
        baseline: [cifar_resnet8:b0.pth, {path: b1.pth, architecture: cifar_resnet8}]
        students:
          kd: {path: b0.pth, architecture: cifar_resnet8, mean: [0.3], std: [0.4], image_size: 16}
          at: {path: own.safetensors, condition: clean}
          theirs: {architecture: "theirs.py::net"}
        """,
    )

    pool = load_pool(file, data)

    members = {member.name: member for member in pool}
    assert list(members) == ["teacher", "baseline-0", "baseline-1", "kd", "at", "theirs"]
    assert members["teacher"].model.num_classes == 10
    assert members["teacher"].architecture.startswith("net(width=6)-")
    assert members["kd"].model.mean.flatten().tolist() == pytest.approx([0.3])
    assert members["kd"].model.image_size == 16
    assert not members["baseline-0"].model.normalises
    assert [members[name].condition for name in ("kd", "at")] == ["", "clean"]


def test_a_class_map_is_a_file_beside_the_pool(folder: Path, data: Dataset) -> None:
    (folder / "map.json").write_text("[3, 5, 7, 9, 1, 2, 4, 6, 8, 29]")
    network = 'path: wide.pth, architecture: "theirs.py::net(width=6)"'
    (folder / "mapped.yaml").write_text(
        f"teacher: {{{network}, class_map: map.json}}\nbaseline: cifar_resnet8:b0.pth\n"
    )
    (folder / "listed.yaml").write_text(
        f"teacher: {{{network}, classes: [3, 5, 7, 9, 1, 2, 4, 6, 8, 29]}}\nbaseline: cifar_resnet8:b0.pth\n"
    )

    mapped, listed = (load_pool(folder / name, data).teacher for name in ("mapped.yaml", "listed.yaml"))

    assert mapped is not None
    assert listed is not None
    assert mapped.digest == listed.digest


def test_a_folder_of_transformers_is_relative_to_the_file(folder: Path, data: Dataset) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"embedding_size": 4, "hidden_sizes": [4], "depths": [1], "layer_type": "basic"}
    config = transformers.ResNetConfig(**sizes, num_channels=1, num_labels=10)
    transformers.ResNetForImageClassification(config).save_pretrained(folder / "theirs")

    pool = load_pool(written(folder, "students: {kd: 'hf:theirs', at: {architecture: 'hf:theirs', mean: [0.5]}}"), data)

    assert [member.model.normalises for member in pool] == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"pool\.yaml: must have the keys teacher, baseline and students"),
        ("students: {}", r"pool\.yaml: has no network"),
        ("students: {kd: [a, b", r"pool\.yaml:1: not valid YAML"),
        ("student: a.pth", r"pool\.yaml: .*unknown key 'student'.*students"),
        ("students: {kd: {path: a.pth, men: [0.5]}}", r"pool\.yaml: .*unknown key 'men'.*mean"),
        ("students: {kd: {path: a.pth, image_size: 0}}", r"pool\.yaml: .*greater than or equal to 1"),
        ("students: {kd: {architecture: resnet18}}", r"pool\.yaml: kd: give the path of its weights"),
        ("students: {kd: 'theirs.py::net:none.pth'}", r"pool\.yaml: kd: .*none\.pth: no such file"),
        ("students: {kd: {path: b0.pth, classes: [1, 2]}}", r"pool\.yaml: kd: classes: has 2 indices, the data 10"),
        ("students: {kd: {path: b0.pth, class_map: none.json}}", r"kd: class_map .*none\.json: no such file"),
        ("students: {kd: {path: b0.pth, class_map: m.json, classes: [1]}}", r"classes and class_map say the same"),
        ("students: {kd: {path: b0.pth, classes: imagenet}}", r"is no WordNet identifier"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str, folder: Path, data: Dataset) -> None:
    with pytest.raises((BadInputError, ModelError), match=message):
        load_pool(written(folder, text), data)


def test_a_file_that_does_not_exist_is_named(tmp_path: Path, data: Dataset) -> None:
    with pytest.raises(BadInputError, match=r"none\.yaml: no such file"):
        load_pool(tmp_path / "none.yaml", data)


def test_several_teachers_are_one_and_students_of_another_are_controls(folder: Path, data: Dataset) -> None:
    file = written(
        folder,
        """
        teacher: [cifar_resnet8:b0.pth, cifar_resnet8:b1.pth]
        students: {kd: own.safetensors}
        controls: {kd: cifar_resnet8:b1.pth}
        """,
    )

    pool = load_pool(file, data)

    assert [(member.role, member.name) for member in pool] == [
        ("teacher", "teacher"),
        ("student", "kd"),
        ("control", "kd of another teacher"),
    ]
    assert pool.members[0].architecture == "ensemble of 2 cifar_resnet8"
