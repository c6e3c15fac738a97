"""The adversarial examples of a source on disk, written batch by batch as they are crafted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from robustkd.atomic import atomic_path, write_text
from robustkd.errors import EvaluationError
from robustkd.results.records import json_text

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import Member

LONGEST = 100
"""The characters of a member's name, with others than ASCII escaped, that the name of its file keeps."""

Save = Callable[[slice, "Tensor"], None]
"""Saves the examples, float32 (B, C, H, W), of a range of the images."""


def example_file(folder: Path, member: Member) -> Path:
    """Return the file of the examples crafted on a member: it is named by the member and its weights.

    Args:
        folder: The folder of the examples.
        member: The source.
    """
    name = quote(member.name, safe="")[:LONGEST]
    return folder / f"{name}-{member.digest[:12]}.npy"


@contextmanager
def saved_examples(folder: Path | None, member: Member, images: ImageSet, about: dict[str, Any]) -> Iterator[Save]:
    """Write the examples of a source to a ``.npy`` as they come, so that they are never all in memory.

    The file gets its name when it is complete; then a ``.json`` next to it describes its content.

    Args:
        folder: The folder of the examples; None to save nothing.
        member: The source.
        images: The images that are attacked.
        about: The content of the ``.json``, besides the source.

    Yields:
        The function to call for each batch.

    Raises:
        EvaluationError: The folder cannot be written to.
    """
    if folder is None:
        yield lambda batch, examples: None
        return
    path = example_file(folder, member)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        raise EvaluationError(
            f"transferability: save_examples: {folder} cannot be written to ({error.strerror}): choose another folder"
        ) from error
    with atomic_path(path) as partial:
        held = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=(len(images), *images.shape))

        def save(batch: slice, examples: Tensor) -> None:
            held[batch] = examples.cpu().numpy()

        yield save
        held.flush()
    write_text(path.with_suffix(".json"), json_text({"member": member.name, "digest": member.digest} | about))
