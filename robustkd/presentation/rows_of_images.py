"""A picture with a row of images for each of several sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustkd.presentation.pictures import Picture, PictureRow, Tile


def rows_of_images(name: str, title: str, caption: str, labels: Sequence[str], rows: Sequence[np.ndarray]) -> Picture:
    """Show some images of each set.

    Args:
        name: A name for the file, unique in its evaluation.
        title: The heading.
        caption: The rule by which the images were chosen, and how to read them.
        labels: What each row shows.
        rows: The images of each row, uint8 (n, H, W, C) of one or three channels; a row may have fewer than others.
    """
    longest = max((len(row) for row in rows), default=0)
    shown = [
        PictureRow(label, tuple(_tile(row[place]) if place < len(row) else None for place in range(longest)))
        for label, row in zip(labels, rows, strict=True)
    ]
    return Picture(name, title, caption, ("",) * longest, tuple(shown))


def _tile(pixels: np.ndarray) -> Tile:
    return Tile(pixels[..., 0] if pixels.shape[-1] != 3 else pixels)
