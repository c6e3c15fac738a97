"""The code of a network, which its weights do not tell: classes, settings, hooks, and tensors that it does not save."""

import functools
import hashlib
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LIBRARIES = frozenset({"builtins", "robustkd", "timm", "torch", "torchvision", "transformers"})
"""Their classes are known by name."""

_DEEPEST = 4
"""Settings are followed through this many levels of containers and functions."""

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), torch.dtype, torch.device)


def code_digest(module: nn.Module) -> str | None:
    """Return a digest of what determines a network's outputs besides its `state_dict`.

    It covers, for each part, its class, with the source of classes that are not of a library; its plain attributes,
    such as a temperature; its hooks and functions; and its buffers, saved or not. It does not follow what functions
    import: the probe of `robustkd.validity` notices where such code changes the outputs.

    Args:
        module: The network.

    Returns:
        SHA-256 in hexadecimal; None for a network of timm or of this package without anything foreign in it, which its
        name describes.
    """
    if _root(type(module)) in ("timm", "robustkd") and not any(map(_is_foreign, module.modules())):
        return None
    hasher = hashlib.sha256()
    for line in _lines(module):
        hasher.update(line.encode(errors="surrogatepass") + b"\0")
    return hasher.hexdigest()


def _is_foreign(part: nn.Module) -> bool:
    replaced = any(callable(value) for name, value in vars(part).items() if hasattr(type(part), name))
    return _root(type(part)) not in LIBRARIES or replaced or any(getattr(part, hooks) for hooks in _HOOKS)


def _lines(module: nn.Module) -> Iterator[str]:
    for name, part in module.named_modules():
        yield f"{name} {_described(type(part), _DEEPEST)} {part.extra_repr()}"
        for key, value in sorted(vars(part).items()):
            if not key.startswith("_") and key != "training":
                yield f"{name}.{key} {_described(value, _DEEPEST)}"
        for hooks in _HOOKS:
            yield f"{name}.{hooks} {_described(list(getattr(part, hooks).values()), _DEEPEST)}"
    for name, buffer in module.named_buffers():
        yield f"{name} {_described(buffer, 1)}"


def _described(value: Any, depth: int) -> str:
    """A text that is the same for the same setting, in every process."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, Tensor):
        return f"{value.dtype} {_described(value.detach().cpu().float().numpy(), 1)}"
    if isinstance(value, np.ndarray):
        return f"{value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    if depth == 0:
        return type(value).__qualname__
    if isinstance(value, type):
        return "; ".join(_class(each) for each in value.__mro__)
    if isinstance(value, dict):
        return str(sorted((_described(key, depth - 1), _described(held, depth - 1)) for key, held in value.items()))
    if isinstance(value, set | frozenset):
        return str(sorted(_described(held, depth - 1) for held in value))
    if isinstance(value, list | tuple):
        return str([_described(held, depth - 1) for held in value])
    return _of_function(value, depth - 1)


def _of_function(value: Any, depth: int) -> str:
    if isinstance(value, functools.partial):
        return f"partial {_described([value.func, value.args, value.keywords], depth)}"
    if isinstance(value, MethodType):
        return _described(value.__func__, depth)
    if isinstance(value, FunctionType):
        held = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        captured = [each for each in (*held, *(value.__defaults__ or ())) if not isinstance(each, nn.Module)]
        return f"{_code(value.__code__)} {_described(captured, depth)}"
    return type(value).__qualname__


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _class(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    if _root(kind) in LIBRARIES:
        return name
    try:
        return f"{name} {inspect.getsource(kind)}"
    except (OSError, TypeError):  # typed into a console: its functions are known, its text is not
        functions = sorted((key, held) for key, held in vars(kind).items() if isinstance(held, FunctionType))
        return f"{name} {[(key, _code(held.__code__)) for key, held in functions]}"


def _code(code: CodeType) -> str:
    inner = [_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {inner} {code.co_names}"


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]
