import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model, save_model

ARCHITECTURE = "cifar_wrn_10_1"
Unsettle = Callable[[nn.Module], nn.Module]


@pytest.fixture
def model(unsettle: Unsettle) -> PixelModel:
    made = create_model(
        ARCHITECTURE,
        num_classes=4,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.1),
        image_size=24,
        seed=0,
        options={"drop_rate": 0.1},
    )
    unsettle(made)
    made.lineage = {"method": "hinton", "seed": 3}
    return made.eval()


@pytest.fixture
def ours(model: PixelModel, tmp_path: Path) -> Path:
    file = tmp_path / "ours.safetensors"
    save_model(model, file)
    return file


@pytest.fixture
def weights() -> dict[str, Tensor]:
    return create_model(ARCHITECTURE, num_classes=4, seed=0).module.state_dict()


@pytest.fixture
def theirs(weights: dict[str, Tensor], tmp_path: Path) -> Path:
    file = tmp_path / "theirs.pth"
    torch.save(weights, file)
    return file


def header_of(file: Path) -> dict[str, Any]:
    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["robustkd"])


def with_header(file: Path, header: str) -> Path:
    """Write the same weights again under another header."""
    state = safetensors.torch.load_file(file)
    safetensors.torch.save_file(state, file, metadata={"robustkd": header})
    return file


# Ours


def test_a_model_comes_back_as_it_was(model: PixelModel, ours: Path, pixels: Tensor) -> None:
    loaded = load_model(ours)

    assert torch.equal(loaded(pixels), model(pixels))
    assert loaded.digest() == model.digest()
    assert (loaded.architecture, loaded.num_classes, loaded.image_size) == (ARCHITECTURE, 4, 24)
    assert loaded.options == {"drop_rate": 0.1}


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("cifar_resnet8", {"options": {"shortcut": "zero_pad"}}),
        ("cifar_wrn_10_1", {"in_chans": 1}),
        ("resnet18", {}),
        ("resnet18", {"in_chans": 1}),
        ("convnext_atto", {"in_chans": 1}),
        ("vit_tiny_patch16_224", {"options": {"img_size": 32}}),
        ("test_vit", {}),
    ],
)
def test_every_kind_of_network_comes_back(architecture: str, settings: dict[str, Any], tmp_path: Path) -> None:
    model = create_model(architecture, num_classes=3, seed=0, **settings).eval()
    save_model(model, tmp_path / "it.safetensors")
    pixels = torch.rand(1, settings.get("in_chans", 3), 32, 32)

    loaded = load_model(tmp_path / "it.safetensors")

    assert torch.equal(loaded(pixels), model(pixels))
    assert loaded.digest() == model.digest()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mean": (0.1, 0.2, 0.3)},
        {"std": (0.1, 0.2, 0.3)},
        {"mean": (0.5,), "std": (0.25,)},
        {"mean": (0.4914, 0.4822, 0.4465), "std": (0.247, 0.2435, 0.2616)},
        {"channel_order": "bgr"},
    ],
    ids=str,
)
def test_preprocessing_comes_back(settings: dict[str, Any], tmp_path: Path, pixels: Tensor) -> None:
    model = create_model(ARCHITECTURE, num_classes=3, seed=0, **settings)
    save_model(model, tmp_path / "it.safetensors")

    loaded = load_model(tmp_path / "it.safetensors")

    assert loaded.normalises == model.normalises
    assert torch.equal(loaded.prepare(pixels), model.prepare(pixels))
    assert loaded.digest() == model.digest()


def test_options_given_as_tuples_do_not_change_the_digest(tmp_path: Path) -> None:
    model = create_model("vit_tiny_patch16_224", num_classes=3, seed=0, options={"img_size": (32, 32)})
    save_model(model, tmp_path / "it.safetensors")

    assert load_model(tmp_path / "it.safetensors").digest() == model.digest()


def test_the_header_contains_all_that_is_needed(model: PixelModel, ours: Path) -> None:
    header = header_of(ours)

    assert header.keys() == {
        "format",
        "architecture",
        "options",
        "num_classes",
        "in_chans",
        "mean",
        "std",
        "image_size",
        "lineage",
    }
    assert header["architecture"] == ARCHITECTURE
    assert header["options"] == {"drop_rate": 0.1}
    assert (header["num_classes"], header["in_chans"], header["image_size"]) == (4, 3, 24)
    assert header["mean"] == pytest.approx([0.5, 0.4, 0.3])
    assert header["std"] == pytest.approx([0.2, 0.3, 0.1])
    assert header["lineage"] == {"method": "hinton", "seed": 3}


def test_the_weights_are_plain_safetensors_under_the_networks_own_names(model: PixelModel, ours: Path) -> None:
    state = safetensors.torch.load_file(ours)

    expected = model.module.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)


def test_lineage_given_when_saving_is_added_to_the_models_own(model: PixelModel, tmp_path: Path) -> None:
    file = tmp_path / "it.safetensors"
    save_model(model, file, lineage={"seed": 4, "condition": {"name": "label_noise", "rate": 0.2}})

    loaded = load_model(file)

    assert loaded.lineage["method"] == "hinton"
    assert loaded.lineage["seed"] == 4
    assert loaded.lineage["condition"] == {"name": "label_noise", "rate": 0.2}
    assert loaded.lineage["file"] == "it.safetensors"
    assert model.lineage == {"method": "hinton", "seed": 3}


def test_the_digest_depends_on_neither_the_files_name_nor_the_lineage(
    model: PixelModel, ours: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "other.safetensors"
    save_model(model, other, lineage={"seed": 99})

    assert load_model(other).digest() == load_model(ours).digest()


def test_a_loaded_model_is_frozen_and_in_evaluation_mode(ours: Path, theirs: Path) -> None:
    for loaded in (load_model(ours), load_model(theirs, architecture=ARCHITECTURE)):
        assert not any(module.training for module in loaded.modules())
        assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_model_in_channels_last_memory_is_saved_alike(model: PixelModel, ours: Path, tmp_path: Path) -> None:
    model.to(memory_format=torch.channels_last)
    save_model(model, tmp_path / "it.safetensors")

    assert load_model(tmp_path / "it.safetensors").digest() == load_model(ours).digest()


def test_saving_makes_missing_folders(model: PixelModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "some" / "where" / "it.safetensors")

    assert (tmp_path / "some" / "where" / "it.safetensors").is_file()


def test_what_a_checkpoint_says_about_itself_is_verified_when_given(ours: Path) -> None:
    assert load_model(ours, architecture=ARCHITECTURE, num_classes=4, in_chans=3).num_classes == 4


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"architecture": "resnet18"}, "is a cifar_wrn_10_1, not a resnet18"),
        ({"num_classes": 10}, "has 4 classes, not 10"),
        ({"in_chans": 1}, "takes images of 3 channels, not 1"),
    ],
)
def test_a_checkpoint_of_ours_that_is_something_else_is_refused(
    ours: Path, wanted: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ModelError, match=rf"ours\.safetensors: {reason}"):
        load_model(ours, **wanted)


def test_mean_and_std_of_ours_are_its_own(model: PixelModel, ours: Path, pixels: Tensor) -> None:
    loaded = load_model(ours, mean=(0.0,) * 3, std=(1.0,) * 3)

    assert torch.equal(loaded.prepare(pixels), model.prepare(pixels))
    assert any("the checkpoint has its own" in note for note in loaded.lineage["notes"])


# Whole or not at all


def fail_halfway(_: object, path: Path, **__: object) -> None:
    Path(path).write_bytes(b"half a file")
    raise OSError("no space left on device")


def test_a_failure_while_writing_leaves_the_old_file(
    model: PixelModel, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ours.read_bytes()
    monkeypatch.setattr("safetensors.torch.save_file", fail_halfway)

    with pytest.raises(OSError, match="no space left"):
        save_model(model, ours)

    assert ours.read_bytes() == before
    assert os.listdir(ours.parent) == [ours.name]


def test_a_failure_while_writing_leaves_no_file_where_there_was_none(
    model: PixelModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safetensors.torch.save_file", fail_halfway)

    with pytest.raises(OSError, match="no space left"):
        save_model(model, tmp_path / "it.safetensors")

    assert os.listdir(tmp_path) == []


def test_lineage_that_is_not_json_leaves_the_old_file(model: PixelModel, ours: Path) -> None:
    before = ours.read_bytes()

    with pytest.raises(ValueError, match="serialize"):
        save_model(model, ours, lineage={"recipe": object()})

    assert ours.read_bytes() == before
    assert os.listdir(ours.parent) == [ours.name]


def test_saving_over_a_checkpoint_replaces_it(model: PixelModel, ours: Path) -> None:
    model.module.fc.bias.data += 1

    save_model(model, ours)

    assert load_model(ours).digest() == model.digest()


# Ours, damaged


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.safetensors: no such file"):
        load_model(tmp_path / "nowhere.safetensors")


def test_a_folder_is_not_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        load_model(tmp_path)


@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_safetensors_file_is_refused(kept: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "truncated.safetensors"
    whole = safetensors.torch.save({"fc.weight": torch.ones(30, 30)}, metadata={"robustkd": "{}"})
    file.write_bytes(whole[: int(kept * len(whole))])

    with pytest.raises(ModelError, match=r"truncated\.safetensors: not a complete safetensors file"):
        load_model(file)


def test_another_version_of_the_header_is_refused(ours: Path) -> None:
    with_header(ours, json.dumps({**header_of(ours), "format": 99}))

    with pytest.raises(ModelError, match=r"damaged or of another version \(format"):
        load_model(ours)


@pytest.mark.parametrize("header", ["{", "[]", '"robustkd"', "{}", '{"format": 1}'])
def test_a_broken_header_is_refused(ours: Path, header: str) -> None:
    with pytest.raises(ModelError, match=r"ours\.safetensors"):
        load_model(with_header(ours, header))


@pytest.mark.parametrize(
    "changed",
    [
        {"architecture": "cifar_wrn_9_9"},
        {"architecture": None},
        {"options": {"nonsense": 1}},
        {"mean": [0.5, 0.5]},
        {"std": [0.1, 0.0, 0.1]},
        {"lineage": []},
    ],
    ids=str,
)
def test_a_header_that_cannot_be_followed_is_refused(ours: Path, changed: dict[str, Any]) -> None:
    header = json.dumps({**header_of(ours), **changed})

    with pytest.raises(ModelError, match=r"ours\.safetensors"):
        load_model(with_header(ours, header))


def test_a_header_cannot_make_the_loader_read_another_file(ours: Path, theirs: Path) -> None:
    header = json.dumps({**header_of(ours), "options": {"checkpoint_path": str(theirs)}})

    with pytest.raises(ModelError, match=r"ours\.safetensors"):
        load_model(with_header(ours, header))


def test_weights_that_are_not_those_of_the_header_are_refused(ours: Path) -> None:
    header = json.dumps({**header_of(ours), "architecture": "cifar_resnet8"})

    with pytest.raises(ModelError, match=r"ours\.safetensors: these are not the weights of a cifar_resnet8"):
        load_model(with_header(ours, header))


# Theirs


def test_a_foreign_checkpoint_gives_the_network_it_was_saved_from(
    unsettle: Unsettle, tmp_path: Path, pixels: Tensor
) -> None:
    network = unsettle(create_model(ARCHITECTURE, num_classes=4, seed=0).module).eval()
    torch.save({"state_dict": network.state_dict(), "best_acc": np.float64(0.93)}, tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)

    # the layout that a model computes in, which decides how it rounds
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    assert torch.equal(loaded(pixels), network(pixels))
    assert loaded.num_classes == 4
    assert loaded.lineage["file"] == "theirs.pth"
    assert any("state_dict" in note for note in loaded.lineage["notes"])


@pytest.mark.parametrize(
    "prefixes",
    [{"": 1}, {"module._orig_mod.": 1}, {"module.student.": 1, "module.teacher.": 2}],
    ids=lambda prefixes: " and ".join(prefixes),
)
@pytest.mark.parametrize("wrapper", ["model", "net"])
def test_a_foreign_checkpoint_loads_from_its_wrappings(
    weights: dict[str, Tensor], tmp_path: Path, wrapper: str, prefixes: dict[str, int]
) -> None:
    state = {prefix + name: tensor * factor for prefix, factor in prefixes.items() for name, tensor in weights.items()}
    torch.save({wrapper: state}, tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE).module.state_dict()

    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


@pytest.mark.parametrize("ema", [False, True])
def test_averaged_weights_are_taken_only_when_asked_for(weights: dict[str, Tensor], tmp_path: Path, ema: bool) -> None:
    averaged = {name: tensor + 1 for name, tensor in weights.items()}
    torch.save({"model": weights, "model_ema": averaged}, tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE, ema=ema).module.state_dict()

    expected = averaged if ema else weights
    assert torch.equal(loaded["fc.weight"], expected["fc.weight"])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_foreign_safetensors_load_too(weights: dict[str, Tensor], tmp_path: Path, prefix: str) -> None:
    state = {prefix + name: tensor for name, tensor in weights.items()}
    safetensors.torch.save_file(state, tmp_path / "theirs.safetensors", metadata={"format": "pt"})

    loaded = load_model(tmp_path / "theirs.safetensors", architecture=ARCHITECTURE)

    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.module.state_dict().items())


@pytest.mark.parametrize("architecture", [ARCHITECTURE, "resnet18", "convnext_atto"])
def test_classes_and_channels_are_read_from_the_weights(architecture: str, tmp_path: Path) -> None:
    module = create_model(architecture, num_classes=7, in_chans=1).module
    torch.save(module.state_dict(), tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=architecture)

    assert loaded.num_classes == 7
    assert loaded(torch.rand(2, 1, 32, 32)).shape == (2, 7)


def test_options_of_a_foreign_network_are_given(tmp_path: Path) -> None:
    options = {"img_size": 32}
    module = create_model("vit_tiny_patch16_224", num_classes=3, options=options).module.eval()
    torch.save(module.state_dict(), tmp_path / "theirs.pth")
    pixels = torch.rand(1, 3, 32, 32)

    loaded = load_model(tmp_path / "theirs.pth", architecture="vit_tiny_patch16_224", options=options)

    assert torch.equal(loaded(pixels), module(pixels))


@pytest.mark.parametrize("architecture", [ARCHITECTURE, "resnet18"])
def test_pixels_of_a_foreign_network_are_never_normalised_unasked_and_that_is_noted(
    architecture: str, tmp_path: Path, pixels: Tensor
) -> None:
    torch.save(create_model(architecture, num_classes=4).module.state_dict(), tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=architecture)

    assert torch.equal(loaded.prepare(pixels), pixels)
    assert loaded.lineage["normalisation"] == "not stated: pixels in [0, 1] are not normalised"


def test_mean_and_std_given_for_a_foreign_network_are_applied(theirs: Path, pixels: Tensor) -> None:
    loaded = load_model(theirs, architecture=ARCHITECTURE, mean=(0.5,) * 3, std=(0.25,) * 3)

    torch.testing.assert_close(loaded.prepare(pixels), (pixels - 0.5) * 4)
    assert not any("mean and std" in note for note in loaded.lineage["notes"])


def test_an_order_of_channels_given_for_a_foreign_network_is_applied(theirs: Path, pixels: Tensor) -> None:
    loaded = load_model(theirs, architecture=ARCHITECTURE, channel_order="bgr", mean=[1, 2, 3])

    assert torch.equal(loaded.prepare(pixels), pixels[:, [2, 1, 0]] - torch.tensor([1, 2, 3]).view(3, 1, 1))


def test_an_image_size_given_for_a_foreign_network_is_applied(theirs: Path, pixels: Tensor) -> None:
    loaded = load_model(theirs, architecture=ARCHITECTURE, image_size=16)

    assert loaded.prepare(pixels).shape == (4, 3, 16, 16)


def test_half_precision_weights_load_into_a_single_precision_network(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({name: tensor.half() for name, tensor in weights.items()}, tmp_path / "theirs.pth")

    loaded = load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)

    assert loaded.module.fc.weight.dtype == torch.float32
    assert torch.equal(loaded.module.fc.weight, weights["fc.weight"].half().float())


def test_checkpoints_older_than_batch_counters_load(weights: dict[str, Tensor], tmp_path: Path) -> None:
    old = {name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "theirs.pth")

    assert load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE).num_classes == 4


def test_a_foreign_model_saved_by_us_needs_no_more_telling(theirs: Path, tmp_path: Path) -> None:
    first = load_model(theirs, architecture=ARCHITECTURE, mean=(0.5,) * 3, std=(0.25,) * 3)
    save_model(first, tmp_path / "ours.safetensors")

    assert load_model(tmp_path / "ours.safetensors").digest() == first.digest()


# Theirs, refused


def test_a_foreign_checkpoint_needs_its_architecture(theirs: Path) -> None:
    with pytest.raises(ModelError, match=r"theirs\.pth: does not name its architecture; give it"):
        load_model(theirs)


def test_an_unknown_architecture_is_refused_with_the_nearest(theirs: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown architecture 'cifar_wrn_10': did you mean .*cifar_wrn_10_1"):
        load_model(theirs, architecture="cifar_wrn_10")


@pytest.mark.parametrize("architecture", ["cifar_resnet8", "cifar_wrn_16_2", "resnet18"])
def test_weights_of_another_architecture_are_refused(theirs: Path, architecture: str) -> None:
    with pytest.raises(ModelError, match=rf"theirs\.pth: these are not the weights of a {architecture}: \d+ "):
        load_model(theirs, architecture=architecture)


def test_what_is_missing_unexpected_or_of_another_shape_is_counted_and_named(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    del weights["norm.weight"]
    weights["extra.weight"] = torch.ones(1)
    weights["norm.bias"] = torch.ones(3)
    torch.save(weights, tmp_path / "theirs.pth")

    expected = "1 missing (norm.weight), 1 unexpected (extra.weight), 1 of another shape (norm.bias)"
    with pytest.raises(ModelError, match=re.escape(expected)):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)


@pytest.mark.parametrize("num_classes", [None, 4])
def test_weights_without_their_classifier_are_refused(
    weights: dict[str, Tensor], tmp_path: Path, num_classes: int | None
) -> None:
    body = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    torch.save(body, tmp_path / "theirs.pth")

    with pytest.raises(ModelError, match=r"2 missing \(fc\.bias, fc\.weight\)"):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE, num_classes=num_classes)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"num_classes": 10}, "has 4 classes, not 10"),
        ({"in_chans": 1}, "takes images of 3 channels, not 1"),
    ],
)
def test_a_foreign_checkpoint_of_other_classes_or_channels_is_refused(
    theirs: Path, wanted: dict[str, int], reason: str
) -> None:
    with pytest.raises(ModelError, match=rf"theirs\.pth: {reason}"):
        load_model(theirs, architecture=ARCHITECTURE, **wanted)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["stem.conv.weight", "norm.running_var"])
def test_weights_that_are_not_finite_are_refused_and_named(
    weights: dict[str, Tensor], tmp_path: Path, name: str, value: float
) -> None:
    weights[name].view(-1)[0] = value
    torch.save(weights, tmp_path / "theirs.pth")

    with pytest.raises(ModelError, match=rf"theirs\.pth: the weights {name} are not finite"):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)


def test_weights_of_ours_that_are_not_finite_are_refused(model: PixelModel, tmp_path: Path) -> None:
    model.module.fc.bias.data[0] = float("nan")
    save_model(model, tmp_path / "it.safetensors")

    with pytest.raises(ModelError, match=r"fc\.bias are not finite"):
        load_model(tmp_path / "it.safetensors")


def test_averaged_weights_that_are_absent_are_refused(theirs: Path) -> None:
    with pytest.raises(ModelError, match=r"theirs\.pth: has no averaged weights"):
        load_model(theirs, architecture=ARCHITECTURE, ema=True)


def test_averaged_weights_alone_are_refused_unless_asked_for(weights: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({"state_dict_ema": weights}, tmp_path / "theirs.pth")

    with pytest.raises(ModelError, match=r"theirs\.pth: has only averaged weights"):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)


def test_a_truncated_foreign_checkpoint_is_refused(theirs: Path) -> None:
    theirs.write_bytes(theirs.read_bytes()[:-1000])

    with pytest.raises(ModelError, match=r"theirs\.pth: damaged or not a checkpoint"):
        load_model(theirs, architecture=ARCHITECTURE)


class Bomb:
    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.crater),)


def test_a_checkpoint_that_would_execute_code_is_refused_and_executes_nothing(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({"state_dict": weights, "note": Bomb(tmp_path / "executed")}, tmp_path / "theirs.pth")

    with pytest.raises(ModelError, match="could execute code: refused"):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)

    assert not (tmp_path / "executed").exists()


def test_a_whole_pickled_model_is_refused(model: PixelModel, tmp_path: Path) -> None:
    torch.save(model, tmp_path / "theirs.pth")

    with pytest.raises(ModelError, match=r"PixelModel .*save only the weights"):
        load_model(tmp_path / "theirs.pth", architecture=ARCHITECTURE)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "recognised"),
    [
        (b"<!DOCTYPE html><html>sign in</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"),
    ],
    ids=["web page", "lfs pointer"],
)
def test_what_was_fetched_instead_of_a_checkpoint_is_recognised(
    tmp_path: Path, suffix: str, content: bytes, recognised: str
) -> None:
    file = tmp_path / f"fetched{suffix}"
    file.write_bytes(content)

    with pytest.raises(ModelError, match=rf"fetched\{suffix}: .*{recognised}"):
        load_model(file, architecture=ARCHITECTURE)
