"""Refuse a checkpoint of another architecture, or of other classes or channels, than those that are required."""

from pathlib import Path
from typing import Any

from robustkd.errors import ModelError

_MISMATCH = {
    "architecture": "is a {held}, not a {wanted}",
    "num_classes": "has {held} classes, not {wanted}",
    "in_chans": "takes images of {held} channels, not {wanted}",
}


def refuse_mismatch(source: Path | str, key: str, held: Any, wanted: Any) -> None:
    """Refuse a value that is not the required one.

    Args:
        source: The file or the name of the network, for the message.
        key: ``architecture``, ``num_classes`` or ``in_chans``.
        held: The value; None if it is not known.
        wanted: The required value; None if any will do.

    Raises:
        ModelError: The values differ.
    """
    if held is not None and wanted is not None and held != wanted:
        raise ModelError(f"{source}: {_MISMATCH[key].format(held=held, wanted=wanted)}")
