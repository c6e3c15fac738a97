"""A network that was loaded from a hub, with what the hub says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import nn

from robustkd.errors import ModelError
from robustkd.models.preprocessing import Preprocessing

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class FoundNetwork:
    """A network from a hub.

    Attributes:
        network: The network with its weights; it has `num_classes` and `in_chans`.
        architecture: The name of the architecture.
        stated: What the hub says of its preprocessing.
        notes: What a reader of the report must know.
        options: Further arguments of timm's `create_model`.
    """

    network: nn.Module
    architecture: str
    stated: Preprocessing
    notes: list[str]
    options: Mapping[str, Any] = field(default_factory=dict)


def loaded(name: str, load: Callable[[], T]) -> T:
    """Call a loader of a library, whose errors are of many kinds and many lines.

    Args:
        name: The network, for the message.
        load: The loader.

    Raises:
        ModelError: It fails.
    """
    try:
        return load()
    except ModelError:
        raise
    except Exception as error:  # no network, no such repository, a damaged file, code that would have to be executed
        reason = (str(error).strip().splitlines() or ["no message"])[0]
        raise ModelError(f"{name}: cannot be loaded: {type(error).__name__}: {reason}") from error
