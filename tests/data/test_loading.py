from pathlib import Path

import numpy as np
import pytest

from robustkd.data import DATASETS, Dataset, load_dataset
from robustkd.data.dataset import Loader
from robustkd.data.loading import cache_directory, data_places
from robustkd.errors import DataError
from robustkd.registry import Registry


def test_every_data_set_of_the_documentation_is_registered() -> None:
    assert {"digits", "cifar10", "cifar100", "npz:", "folder:"} <= set(DATASETS.names())


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("digit", "digits"),
        ("Digits", "digits"),
        ("cifar-10", "cifar10"),
        ("npz", "npz:"),
        ("folders:x", "folder:"),
    ],
)
def test_a_mistyped_name_is_refused_with_the_nearest_that_exists(mistyped: str, meant: str) -> None:
    with pytest.raises(DataError, match=f"unknown data set '{mistyped}': did you mean {meant}"):
        load_dataset(mistyped)


def test_a_name_near_nothing_is_refused_with_those_that_exist() -> None:
    with pytest.raises(DataError, match=r"known: .*cifar10, .*digits"):
        load_dataset("xyzzy")


@pytest.mark.parametrize("name", ["digits:", "cifar10:here"])
def test_a_path_after_a_name_that_takes_none_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="unknown data set"):
        load_dataset(name)


@pytest.mark.parametrize("name", ["npz:", "folder:"])
def test_a_path_is_needed_after_the_colon(name: str) -> None:
    with pytest.raises(DataError, match="needs a path after the colon"):
        load_dataset(name)


def test_a_path_may_hold_colons(tmp_path: Path) -> None:
    images, labels = np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1])
    np.savez(tmp_path / "a:b.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)

    assert len(load_dataset(f"npz:{tmp_path}/a:b.npz").test) == 2


def test_a_loader_registered_elsewhere_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, object] = {}
    digits = load_dataset("digits")
    registry: Registry[Loader] = Registry("data set", "robustkd.data")
    monkeypatch.setattr("robustkd.data.loading.DATASETS", registry)

    @registry.register("mine:")
    def load_mine(path: str = "", root: Path | None = None) -> Dataset:
        given.update(path=path, root=root)
        return digits

    assert load_dataset("mine:some/path", str(tmp_path)) is digits
    assert given == {"path": "some/path", "root": tmp_path}


def test_places_are_the_root_then_the_environment_then_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTKD_DATA", "/from/environment")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")

    assert data_places(Path("/given")) == [
        Path("/given"),
        Path("/from/environment"),
        Path("/caches/robustkd"),
    ]


def test_places_not_given_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTKD_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")

    assert data_places(None) == [Path("/caches/robustkd")]


def test_a_tilde_means_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("ROBUSTKD_DATA", "~/data")

    assert data_places(Path("~/root"))[:2] == [Path("/home/somebody/root"), Path("/home/somebody/data")]


@pytest.mark.parametrize("unset", [None, ""])
def test_the_cache_lies_in_the_home_directory_by_default(monkeypatch: pytest.MonkeyPatch, unset: str | None) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if unset is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", unset)

    assert cache_directory() == Path("/home/somebody/.cache/robustkd")
