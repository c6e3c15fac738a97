"""Networks that bring their own code: TorchScript archives and exported programs."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robustkd.errors import ModelError

ONNX = ".onnx"

FROM_ONNX = (
    "save the network that it was made from as a program of torch: "
    "torch.export.save(torch.export.export(network, (images,)), 'network.pt2'), or torch.jit.trace(network, "
    "images).save('network.ts')"
)
"""There is no converter from ONNX to torch that keeps up with torch: onnx2torch was last released in August 2024."""


class Program(nn.Module):
    """A program of torch, which has one mode only.

    Args:
        run: The program.
        kind: ``TorchScript`` or ``exported program``.
    """

    def __init__(self, run: nn.Module, kind: str) -> None:
        super().__init__()
        self.run = run
        self.kind = kind

    def forward(self, x: Tensor) -> Any:
        """Whatever the program returns."""
        return self.run(x)

    def train(self, mode: bool = True) -> Program:
        """Exported programs refuse to change their mode, which has no effect on them, so it is only noted."""
        if isinstance(self.run, torch.jit.ScriptModule):
            return super().train(mode)
        for part in self.modules():
            part.training = mode
        return self


def read_program(file: Path) -> Program | None:
    """Read a network that was saved with its code, by ``torch.jit.save`` or ``torch.export.save``.

    Such code runs in torch's own interpreter, and is not Python.

    Args:
        file: The file.

    Returns:
        The network; None if the file is something else.

    Raises:
        ModelError: It is one, but cannot be loaded; or it is one of ONNX.
    """
    if file.suffix == ONNX:
        raise ModelError(f"{file}: ONNX files are not read; {FROM_ONNX}")
    found = _kind(file)
    if found is None:
        return None
    kind, load = found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch advises its own users against TorchScript
            network = load(file)
    except Exception as error:  # torch passes on every error of its readers
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{file}: this {kind} cannot be loaded: {reason}") from error
    return Program(network, kind).requires_grad_(False)


def _kind(file: Path) -> tuple[str, Callable[[Path], nn.Module]] | None:
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "TorchScript", lambda path: torch.jit.load(str(path), map_location="cpu")
    if any(name.startswith("models/") and name.endswith(".json") for name in names):
        return "exported program", lambda path: torch.export.load(path).module()
    return None
