"""Arrays kept on disk under a key, so that a long measurement that was interrupted continues where it stopped."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robustkd.atomic import atomic_path

_KEY = "_key"


def kept_arrays(path: Path | None, key: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of a file, which is written if it is absent, damaged or of another key.

    Args:
        path: The file, ``.npz``; None to compute the arrays without keeping them.
        key: The hash of all that determines the arrays.
        compute: Computes the arrays.

    Returns:
        The arrays by name.
    """
    if path is None:
        return dict(compute())
    try:
        with np.load(path, allow_pickle=False) as archive:
            if str(archive[_KEY]) == key:
                return {name: archive[name] for name in archive.files if name != _KEY}
    except Exception:  # absent, or damaged in any way: computed again and replaced
        pass
    arrays = dict(compute())
    stored: dict[str, Any] = {_KEY: np.array(key), **arrays}
    with atomic_path(path) as partial, open(partial, "wb") as file:
        np.savez(file, **stored)
    return arrays
