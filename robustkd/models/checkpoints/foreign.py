"""Read the checkpoints of other training scripts without executing code in them."""

import argparse
import collections
import pathlib
import pickle
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustkd.errors import ModelError

WRAPPERS = ("state_dict", "model", "net", "model_state_dict")
EMA_WRAPPERS = ("model_ema", "state_dict_ema", "ema", "ema_state_dict")
PREFIXES = ("module.", "_orig_mod.", "student.", "model.", "net.", "network.", "backbone.")
AVERAGING_COUNTER = "n_averaged"
"""The counter that torch.optim.swa_utils.AveragedModel stores among its weights."""
DEEPEST_WRAPPING = 8

# The types that training scripts store next to the weights; building them runs no code of the file. NumPy renamed the
# module of its two functions in version 2, and files use either name.
_SCALAR, _ARRAY = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
_HARMLESS: list[Any] = [
    argparse.Namespace,
    collections.defaultdict,
    *((pathlib.PosixPath, f"{module}.PosixPath") for module in ("pathlib", "pathlib._local")),
    *((kind, f"builtins.{kind.__name__}") for kind in (dict, list, int, float)),
    np.dtype,
    np.ndarray,
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_ARRAY, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *(type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")),
]


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights in a file.

    Attributes:
        state: The weights, without wrappings and prefixes.
        notes: What was removed or left out.
        names: Their names in the file.
    """

    state: dict[str, Tensor]
    notes: list[str]
    names: Collection[str]


def read_foreign(file: Path, ema: bool) -> Weights:
    """Read the weights from a file written by `torch.save`.

    Args:
        file: The file.
        ema: Whether to return the averaged weights.

    Returns:
        The weights.

    Raises:
        ModelError: The file is damaged, would execute code, or has no weights.
    """
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{file}: {_why_refused(file, str(error))}") from error
    except Exception as error:  # on a damaged file the unpickler raises errors of many kinds
        raise ModelError(f"{file}: damaged or not a checkpoint ({_first_line(error)}); {advice(file)}") from error
    return unwrap(content, file, ema)


def unwrap(content: Any, file: Path, ema: bool) -> Weights:
    """Return the state dict inside the content of a file, without the prefixes that wrappers add to its names.

    Args:
        content: The content of the file.
        file: The file, for messages.
        ema: Whether to return the averaged weights.

    Returns:
        The weights.

    Raises:
        ModelError: There are no weights, or not the requested ones.
    """
    notes: list[str] = []
    if ema:
        key = next((key for key in EMA_WRAPPERS if _is_wrapper(content, key)), None)
        if key is not None:
            content = content[key]
        elif not (isinstance(content, Mapping) and AVERAGING_COUNTER in content):
            raise ModelError(f"{file}: has no averaged weights ({', '.join((*EMA_WRAPPERS, AVERAGING_COUNTER))})")
        notes.append(f"averaged weights from {key or AVERAGING_COUNTER!r}")
    for _ in range(DEEPEST_WRAPPING):
        key = next((key for key in WRAPPERS if _is_wrapper(content, key)), None)
        if key is None:
            break
        beside = [other for other in (*WRAPPERS, *EMA_WRAPPERS) if other != key and _is_wrapper(content, other)]
        content = content[key]
        left = f"; the file also has {', '.join(map(repr, beside))}, not taken" if beside and not ema else ""
        notes.append(f"weights from {key!r}{left}")
    found = next((key for key in EMA_WRAPPERS if _is_wrapper(content, key)), None)
    if not ema and isinstance(content, Mapping) and AVERAGING_COUNTER in content:
        found, content = AVERAGING_COUNTER, None
    if not _is_state(content):
        if found is not None:
            raise ModelError(f"{file}: has only averaged weights ({found!r}): load them with ema")
        held = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise ModelError(f"{file}: has no state dict (found {held or 'nothing'})")
    state = {
        name: tensor for name, tensor in content.items() if isinstance(tensor, Tensor) and name != AVERAGING_COUNTER
    }
    _refuse_special(state, file)
    stripped, removed = without_prefixes(state)
    return Weights(stripped, notes + removed, state.keys())


def without_prefixes(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Remove the prefixes that wrappers add to the names of weights.

    Args:
        state: The weights.

    Returns:
        The weights, and notes on what was removed.
    """
    notes, left = [], dict(state)
    while (prefix := next((prefix for prefix in PREFIXES if _has_prefix(left, prefix)), None)) is not None:
        left = {name.removeprefix(prefix): left[name] for name in left if name.startswith(prefix)}
        notes.append(f"prefix {prefix!r} removed")
    return left, notes


def _refuse_special(state: Mapping[str, Tensor], file: Path) -> None:
    for name, tensor in state.items():
        if tensor.is_quantized:
            raise ModelError(f"{file}: the tensor {name!r} is quantised: save it with dequantize()")
        if tensor.layout != torch.strided:
            raise ModelError(f"{file}: the tensor {name!r} is sparse: save it with to_dense()")


def _is_wrapper(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(key), Mapping)


def _is_state(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and any(isinstance(value, Tensor) for value in content.values())
        and all(isinstance(name, str) for name in content)
    )


def _has_prefix(state: Mapping[str, Tensor], prefix: str) -> bool:
    if prefix == "student.":  # a saved distillation module also contains the teacher and adaptors
        return any(name.startswith(prefix) for name in state)
    return bool(state) and all(name.startswith(prefix) for name in state)


def _why_refused(file: Path, message: str) -> str:
    needed = re.search(r"GLOBAL (\w+(?:\.\w+)+) ", message)
    if needed is None:
        return f"damaged or not a checkpoint; {advice(file)}"
    return (
        f"needs {needed[1]} to be unpickled, which could execute code: refused; "
        "save only the weights with torch.save(model.state_dict(), path)"
    )


def advice(file: Path) -> str:
    """Suggest what to do about an unreadable file, by its first bytes."""
    with open(file, "rb") as opened:
        start = opened.read(64).lstrip()
    if start.startswith(b"<"):
        return "it is a web page: the download failed"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: fetch the file itself"
    return "copy or download it again"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]
