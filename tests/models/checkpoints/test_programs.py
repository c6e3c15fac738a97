"""Networks that were saved with their code."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model
from robustkd.models.modes import in_evaluation_mode


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return create_model("cifar_resnet8", num_classes=10, seed=0).module.eval()


def scripted(network: nn.Module, images: Tensor, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(network, images), file)


def exported(network: nn.Module, images: Tensor, file: Path) -> None:
    any_number = ({0: torch.export.Dim("images", min=1, max=1024)},)
    torch.export.save(torch.export.export(network, (images,), dynamic_shapes=any_number), file)


Save = Callable[[nn.Module, Tensor, Path], None]

KINDS = pytest.mark.parametrize(
    ("save", "name", "kind"),
    [(scripted, "net.ts", "TorchScript"), (exported, "net.pt2", "exported program")],
    ids=["script", "export"],
)


@KINDS
def test_its_path_alone_gives_its_logits_and_gradients(
    save: Save, name: str, kind: str, network: nn.Module, pixels: Tensor, tmp_path: Path
) -> None:
    save(network, pixels, tmp_path / name)

    model = load_model(tmp_path / name, mean=[0.5] * 3, std=[0.25] * 3)

    inputs = pixels[:3].clone().requires_grad_(True)
    expected = PixelModel(network, mean=[0.5] * 3, std=[0.25] * 3)(inputs)
    torch.testing.assert_close(model(inputs), expected)
    (gradient,) = torch.autograd.grad(model(inputs).sum(), inputs)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), inputs)[0], rtol=1e-3, atol=1e-4)
    assert model.architecture.startswith(f"{kind}-")
    assert model.lineage["notes"] == [f"a network with its own code ({kind})"]
    assert in_evaluation_mode([model.train().eval()])


def test_what_a_program_has_already_is_ignored_and_noted(network: nn.Module, pixels: Tensor, tmp_path: Path) -> None:
    exported(network, pixels, tmp_path / "net.pt2")

    model = load_model(tmp_path / "net.pt2", architecture="resnet18", ema=True, mean=[0.5] * 3)

    assert model.lineage["notes"][1] == "architecture, ema: ignored, because the program has its own"


@KINDS
def test_programs_of_the_same_weights_and_other_code_are_told_apart(
    save: Save, name: str, kind: str, network: nn.Module, pixels: Tensor, tmp_path: Path
) -> None:
    class Sharper(nn.Module):
        def __init__(self, times: float) -> None:
            super().__init__()
            self.network, self.times = network, times

        def forward(self, x: Tensor) -> Tensor:
            return self.times * self.network(x)

    digests = set()
    for times in (1.0, 2.0):
        save(Sharper(times), pixels, tmp_path / name)
        digests.add(load_model(tmp_path / name).digest())

    assert len(digests) == 2


def test_a_damaged_archive_is_named(network: nn.Module, pixels: Tensor, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "net.ts", "w") as archive:
        archive.writestr("net/constants.pkl", b"")
        archive.writestr("net/code/net.py", b"def")

    with pytest.raises(ModelError, match=r"net\.ts: this TorchScript cannot be loaded: "):
        load_model(tmp_path / "net.ts")
