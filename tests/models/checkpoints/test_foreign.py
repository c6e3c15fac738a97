import argparse
import os
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from robustkd.errors import ModelError
from robustkd.models.checkpoints.foreign import EMA_WRAPPERS, PREFIXES, WRAPPERS, read_foreign, unwrap

State = dict[str, Tensor]
WEIGHTS: State = {
    "fc.weight": torch.arange(6.0).view(2, 3),
    "fc.bias": torch.tensor([1.0, 2.0]),
    "bn.num_batches_tracked": torch.tensor(7),
}
AVERAGED: State = {name: tensor + 100 for name, tensor in WEIGHTS.items()}


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def same(state: State, expected: State) -> bool:
    return state.keys() == expected.keys() and all(torch.equal(state[name], expected[name]) for name in state)


def saved(file: Path, content: Any) -> Path:
    torch.save(content, file)
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "theirs.pth"


def test_a_state_dict_is_read_as_it_is(file: Path) -> None:
    weights = read_foreign(saved(file, WEIGHTS), ema=False)
    state, notes = weights.state, weights.notes

    assert same(state, WEIGHTS)
    assert notes == []


def test_the_wrappings_undone_are_those_in_use() -> None:
    assert set(WRAPPERS) >= {"state_dict", "model", "net", "model_state_dict"}
    assert set(EMA_WRAPPERS) >= {"model_ema", "state_dict_ema"}
    assert set(PREFIXES) >= {"module.", "_orig_mod.", "student."}


@pytest.mark.parametrize(
    ("wrapper", "prefix"), list(product(["state_dict", "model", "net", "model_state_dict"], ["", *PREFIXES]))
)
def test_every_wrapping_is_undone_and_noted(file: Path, wrapper: str, prefix: str) -> None:
    weights = read_foreign(saved(file, {wrapper: prefixed(WEIGHTS, prefix), "epoch": 3}), ema=False)
    state, notes = weights.state, weights.notes

    assert same(state, WEIGHTS)
    assert any(wrapper in note for note in notes)
    assert not prefix or any(prefix in note for note in notes)


@pytest.mark.parametrize(
    "prefix", ["module._orig_mod.", "_orig_mod.module.", "module.module.", "student.module._orig_mod."]
)
def test_nested_prefixes_are_removed(file: Path, prefix: str) -> None:
    state = read_foreign(saved(file, prefixed(WEIGHTS, prefix)), ema=False).state

    assert same(state, WEIGHTS)


def test_nested_wrappers_are_opened(file: Path) -> None:
    state = read_foreign(saved(file, {"state_dict": {"model": {"net": WEIGHTS}}}), ema=False).state

    assert same(state, WEIGHTS)


@pytest.mark.parametrize("outer", ["", "module.", "module._orig_mod."])
def test_of_a_distillation_module_the_student_is_taken(file: Path, outer: str) -> None:
    module = {
        **prefixed(AVERAGED, f"{outer}teacher."),
        **prefixed(WEIGHTS, f"{outer}student."),
        f"{outer}adaptor.weight": torch.ones(1),
    }

    weights = read_foreign(saved(file, {"model": module}), ema=False)
    state, notes = weights.state, weights.notes

    assert same(state, WEIGHTS)
    assert any("student." in note for note in notes)


def test_a_prefix_that_not_every_weight_has_is_part_of_the_names(file: Path) -> None:
    network = {**prefixed(WEIGHTS, "module."), "head.weight": torch.ones(1)}

    state = read_foreign(saved(file, network), ema=False).state

    assert same(state, network)


def test_what_is_not_a_tensor_is_left_out(file: Path) -> None:
    state = read_foreign(saved(file, {**WEIGHTS, "epoch": 3, "comment": "best"}), ema=False).state

    assert same(state, WEIGHTS)


@pytest.mark.parametrize("wrapper", EMA_WRAPPERS)
def test_averaged_weights_are_taken_when_asked_for(file: Path, wrapper: str) -> None:
    weights = read_foreign(saved(file, {"model": WEIGHTS, wrapper: AVERAGED}), ema=True)
    state, notes = weights.state, weights.notes

    assert same(state, AVERAGED)
    assert any("averaged" in note and wrapper in note for note in notes)


@pytest.mark.parametrize("wrapper", EMA_WRAPPERS)
def test_averaged_weights_are_not_taken_unless_asked_for(file: Path, wrapper: str) -> None:
    weights = read_foreign(saved(file, {wrapper: AVERAGED, "model": WEIGHTS}), ema=False)
    state, notes = weights.state, weights.notes

    assert same(state, WEIGHTS)
    assert notes == [f"weights from 'model'; the file also has {wrapper!r}, not taken"]


def test_of_two_networks_in_a_file_the_other_is_named(file: Path) -> None:
    notes = read_foreign(saved(file, {"net": AVERAGED, "model": WEIGHTS}), ema=False).notes

    assert notes == ["weights from 'model'; the file also has 'net', not taken"]


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.eye(3).to_sparse(), "sparse: save it with to_dense()"),
        (torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8), "quantised: save it with dequantize()"),
    ],
)
def test_a_tensor_without_plain_numbers_is_refused_by_name(file: Path, tensor: Tensor, kind: str) -> None:
    with pytest.raises(ModelError) as raised:
        read_foreign(saved(file, {**WEIGHTS, "mask": tensor}), ema=False)

    assert f"the tensor 'mask' is {kind}" in str(raised.value)


@pytest.mark.parametrize("wrapper", EMA_WRAPPERS)
def test_averaged_weights_alone_are_refused_unless_asked_for(file: Path, wrapper: str) -> None:
    with pytest.raises(ModelError, match=f"theirs.pth: has only averaged weights .'{wrapper}'.* ema"):
        read_foreign(saved(file, {wrapper: AVERAGED, "epoch": 3}), ema=False)


@pytest.mark.parametrize("content", [WEIGHTS, {"model": WEIGHTS}])
def test_averaged_weights_that_are_not_there_are_refused(file: Path, content: Any) -> None:
    with pytest.raises(ModelError, match=r"has no averaged weights .model_ema"):
        read_foreign(saved(file, content), ema=True)


def test_the_averages_that_torch_makes_are_read(file: Path) -> None:
    averaged = AveragedModel(nn.Linear(3, 2))

    state = read_foreign(saved(file, {"model": {}, "model_ema": averaged.state_dict()}), ema=True).state

    assert same(state, averaged.module.state_dict())


def test_what_training_scripts_keep_beside_the_weights_does_no_harm(file: Path) -> None:
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [60, 120])
    content = {
        "state_dict": WEIGHTS,
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "args": argparse.Namespace(lr=0.1, arch="resnet18", milestones=[60, 120]),
        "best_acc": np.float64(93.4),
        "best_acc32": np.float32(93.4),
        "epoch": np.int64(199),
        "finished": np.bool_(True),
        "confusion": np.eye(3),
        "history": OrderedDict(loss=[1.0, 0.5]),
        "seen": Counter({3: 2}),
    }

    state = read_foreign(saved(file, content), ema=False).state

    assert same(state, WEIGHTS)


def test_the_old_format_of_torch_is_read(file: Path) -> None:
    torch.save(WEIGHTS, file, _use_new_zipfile_serialization=False)

    assert same(read_foreign(file, ema=False).state, WEIGHTS)


class Bomb:
    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.crater),)


def with_torch(content: Any, file: Path) -> None:
    torch.save(content, file)


def with_old_torch(content: Any, file: Path) -> None:
    torch.save(content, file, _use_new_zipfile_serialization=False)


def with_pickle(content: Any, file: Path) -> None:
    file.write_bytes(pickle.dumps(content, protocol=2))


def with_new_pickle(content: Any, file: Path) -> None:
    file.write_bytes(pickle.dumps(content))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("write", [with_torch, with_old_torch, with_pickle, with_new_pickle])
@pytest.mark.parametrize("place", ["alone", "beside", "within"])
def test_a_file_that_would_execute_code_is_refused_and_executes_nothing(
    file: Path, tmp_path: Path, write: Callable[[Any, Path], None], place: str
) -> None:
    bomb = Bomb(tmp_path / "executed")
    plain = {name: tensor.tolist() for name, tensor in WEIGHTS.items()}
    write(
        {
            "alone": bomb,
            "beside": {"state_dict": plain, "note": bomb},
            "within": {"state_dict": {**plain, "b": bomb}},
        }[place],
        file,
    )

    with pytest.raises(ModelError, match=r"theirs\.pth"):
        read_foreign(file, ema=False)

    assert not (tmp_path / "executed").exists()


def test_the_bomb_of_these_tests_does_go_off_where_pickles_are_trusted(file: Path, tmp_path: Path) -> None:
    torch.save(Bomb(tmp_path / "executed"), file)

    torch.load(file, weights_only=False)

    assert (tmp_path / "executed").exists()


def test_the_refusal_of_a_file_says_what_it_needs_and_how_to_fix_it(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"needs \w+\.mkdir .*execute code: refused; save .*state_dict"):
        read_foreign(saved(file, Bomb(tmp_path / "executed")), ema=False)


@pytest.mark.parametrize("content", [nn.Linear(3, 2), {"model": nn.Linear(3, 2)}])
def test_a_whole_pickled_module_is_refused_with_the_fix(file: Path, content: Any) -> None:
    with pytest.raises(ModelError, match=r"needs torch\.nn\.modules\.linear\.Linear .*save only the weights"):
        read_foreign(saved(file, content), ema=False)


def test_harmless_types_are_not_allowed_for_the_rest_of_the_process(file: Path) -> None:
    read_foreign(saved(file, {"model": WEIGHTS, "args": argparse.Namespace(lr=0.1)}), ema=False)

    assert argparse.Namespace not in torch.serialization.get_safe_globals()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "nothing"),
        ({"epoch": 3, "loss": 0.1}, "epoch, loss"),
        ({"model": {}}, "nothing"),
        ([WEIGHTS], "list"),
        (torch.ones(2), "Tensor"),
        (None, "NoneType"),
    ],
)
def test_a_file_without_a_state_dict_is_refused_with_what_it_holds(file: Path, content: Any, found: str) -> None:
    with pytest.raises(ModelError, match=rf"theirs\.pth: has no state dict \(found {found}\)"):
        read_foreign(saved(file, content), ema=False)


def test_tensors_under_numbers_are_no_state_dict(file: Path) -> None:
    with pytest.raises(ModelError, match=r"theirs\.pth"):
        read_foreign(saved(file, {0: torch.ones(2), 1: torch.ones(2)}), ema=False)


def written_by_torch(old_format: bool) -> bytes:
    buffer = BytesIO()
    torch.save(WEIGHTS, buffer, _use_new_zipfile_serialization=not old_format)
    return buffer.getvalue()


@pytest.mark.parametrize("old_format", [False, True])
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(kept: float, old_format: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = written_by_torch(old_format)
    file = tmp_path_factory.getbasetemp() / "truncated.pth"
    file.write_bytes(whole[: int(kept * len(whole))])

    with pytest.raises(ModelError, match=r"truncated\.pth: (damaged or not a checkpoint|needs \S+ to be unpickled)"):
        read_foreign(file, ema=False)


@given(content=st.binary(max_size=40))
def test_a_file_of_anything_is_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "anything.pth"
    file.write_bytes(content)

    with pytest.raises(ModelError, match=r"anything\.pth"):
        read_foreign(file, ema=False)


def test_a_damaged_file_says_copy_or_download_again(file: Path) -> None:
    file.write_bytes(written_by_torch(old_format=False)[:500])

    with pytest.raises(ModelError, match=r"damaged or not a checkpoint.*; copy or download it again"):
        read_foreign(file, ema=False)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>not found</html>", b"\n  <html></html>"])
def test_a_web_page_is_recognised(file: Path, page: bytes) -> None:
    file.write_bytes(page)

    with pytest.raises(ModelError, match="it is a web page: the download failed"):
        read_foreign(file, ema=False)


def test_a_git_lfs_pointer_is_recognised(file: Path) -> None:
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")

    with pytest.raises(ModelError, match="it is a Git LFS pointer: fetch the file itself"):
        read_foreign(file, ema=False)


def test_unwrapping_leaves_what_it_was_given_alone() -> None:
    content = {"model": prefixed(WEIGHTS, "module."), "epoch": 3}

    unwrap(content, Path("theirs.pth"), ema=False)

    assert content["model"].keys() == prefixed(WEIGHTS, "module.").keys()
    assert content["epoch"] == 3


def test_a_network_of_timm_that_was_compiled_and_parallelised_loads_into_it_again(file: Path) -> None:
    network = timm.create_model("resnet10t")

    state = read_foreign(saved(file, prefixed(network.state_dict(), "module._orig_mod.")), ema=False).state

    assert network.load_state_dict(state)
