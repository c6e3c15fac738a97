"""A picture of images before and after a pattern was painted over them, with what networks say of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustkd.presentation.pictures import Picture, PictureRow, Tile

MOST_SHOWN = 6
"""The most images shown."""


def one_of_each_class(labels: np.ndarray, left_out: int | None = None) -> np.ndarray:
    """Return the index of the first image of each class, of at most `MOST_SHOWN` classes, int64.

    Args:
        labels: The labels of the images, int (N,).
        left_out: A class that is not shown; None for none.
    """
    classes = [label for label in np.unique(labels).tolist() if label != left_out][:MOST_SHOWN]
    return np.array([int(np.argmax(labels == label)) for label in classes], dtype=np.int64)


def before_and_after(
    picture: tuple[str, str, str],
    rows: tuple[str, str],
    images: tuple[np.ndarray, np.ndarray],
    said: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    labels: np.ndarray,
) -> Picture:
    """Lay out images in two rows.

    Args:
        picture: Name, title and caption of the picture.
        rows: The labels of the rows.
        images: The images before and after, each uint8 (n, C, H, W).
        said: The classes that two networks predict before and after, each int (2, n) or (1, n).
        names: The names of the K classes.
        labels: The labels of the images, int (n,); they head the columns.

    Returns:
        The picture; the text of an image has a line for each network.
    """
    name, title, caption = picture
    shown = [
        PictureRow(
            row,
            tuple(
                Tile(_last_axis(image), "\n".join(names[answer] for answer in answers.tolist()))
                for image, answers in zip(pixels, predicted.T, strict=True)
            ),
        )
        for row, pixels, predicted in zip(rows, images, said, strict=True)
    ]
    return Picture(name, title, caption, tuple(names[label] for label in labels.tolist()), tuple(shown))


def _last_axis(image: np.ndarray) -> np.ndarray:
    """Channels last for three channels, else the first channel alone."""
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
