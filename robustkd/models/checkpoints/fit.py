"""Whether weights are those of a network; and if not, of which one they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import timm
import torch
from torch import Tensor

from robustkd.errors import ModelError
from robustkd.models.architectures import OWN_ARCHITECTURES, classifier_name
from robustkd.models.checkpoints.code_bases import recognise, whose
from robustkd.models.pixel_model import PixelModel

NAMED = 5
"""The most tensors that an error names of each kind."""

MOST_TRIED = 12
"""The most architectures of timm that are tried when weights do not fit the one that was named: each is built."""


def load_weights(model: PixelModel, state: Mapping[str, Tensor], file: Path) -> None:
    """Load weights into a network.

    Args:
        model: The network.
        state: The weights.
        file: Their file, for messages.

    Raises:
        ModelError: They are not those of such a network, or not finite; the error says of which network they are.
    """
    expected = model.module.state_dict()
    # checkpoints written before PyTorch 0.4.1 lack the counters, which evaluation never reads
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    problems = {
        "missing": sorted(expected.keys() - state.keys() - optional),
        "unexpected": sorted(state.keys() - expected.keys()),
        "of another shape": sorted(
            name for name in expected.keys() & state.keys() if expected[name].shape != state[name].shape
        ),
    }
    if any(problems.values()):
        found = [f"{len(names)} {what} ({_few(names)})" for what, names in problems.items() if names]
        raise ModelError(
            f"{file}: these are not the weights of a {model.architecture}: {', '.join(found)}"
            f"{_of_another(state, model.architecture, alike=bool(expected.keys() & state.keys()))}"
        )
    broken = next((name for name, tensor in state.items() if not torch.isfinite(tensor).all()), None)
    if broken is not None:
        raise ModelError(f"{file}: the weights {broken} are not finite")
    model.module.load_state_dict(state, strict=False)


def _of_another(state: Mapping[str, Tensor], architecture: str, *, alike: bool) -> str:
    """Which network they are of, to be appended to an error; empty if that is not known.

    Only if the names are alike, at least in part, may a similar architecture fit.
    """
    known = recognise(state)
    if known is not None:
        return f"; they are those of a {known.architecture}"
    candidates = [*(_similar(architecture) if alike else []), *OWN_ARCHITECTURES]
    if name := next((each for each in dict.fromkeys(candidates) if _fits(state, each)), None):
        return f"; they are those of a {name}"
    if like := whose(state):
        return f"; they look like those of {like}: name its code, FILE.py::FACTORY"
    return ""


def _similar(architecture: str) -> list[str]:
    """Architectures of timm whose names differ in what follows the family: first those that differ in a number."""
    family = architecture.rstrip("0123456789")
    others = [name for name in timm.list_models(f"{family}*") if name != architecture]
    return sorted(others, key=lambda name: not name.removeprefix(family).isdigit())[:MOST_TRIED]


def _fits(state: Mapping[str, Tensor], architecture: str) -> bool:
    """Whether names and shapes are those of an architecture, whatever the number of classes."""
    with torch.device("meta"):
        try:
            expected = timm.create_model(architecture).state_dict()
        except Exception:  # some networks cannot be built without memory
            return False
    head = f"{classifier_name(architecture)}."

    def shapes(of: Mapping[str, Tensor]) -> dict[str, torch.Size]:
        counters = "num_batches_tracked"
        return {name: tensor.shape for name, tensor in of.items() if not name.startswith(head) and counters not in name}

    return shapes(state) == shapes(expected)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
