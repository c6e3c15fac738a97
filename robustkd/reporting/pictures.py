"""The pictures of images of an evaluation, from its records."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.pictures import SHOWN_SIDE, Picture, Tile, enlarged, tile_png
from robustkd.results.result import Result
from robustkd.results.storage import load_records

PICTURE_BYTES = 1_000_000
"""The most bytes that the images of a page take; further pictures are shown from their files beside the page."""

_URI = "data:image/png;base64,"


def pictures_of(result: Result, folder: Path) -> tuple[Picture, ...]:
    """Return the pictures of an evaluation; where a study has several parts, those of one after those of another.

    Args:
        result: The result of the evaluation.
        folder: The folder of the records, ``RUN/results``.
    """
    evaluation = EVALUATIONS[result.evaluation]()
    if type(evaluation).pictures is Evaluation.pictures:  # the records of most evaluations need not be read
        return ()
    parts = load_records(folder, result.evaluation)
    if len(parts) == 1:
        return evaluation.pictures(parts[0].records)
    return tuple(
        replace(picture, name=f"{picture.name}-{index}", title=f"{picture.title}: {part.title}")
        for index, part in enumerate(parts)
        for picture in evaluation.pictures(part.records)
    )


@dataclass(frozen=True)
class EmbeddedTile:
    """An image of a picture inside a page.

    Attributes:
        source: The image as a data URI.
        text: The text below it.
        width: The width that it is shown at, in pixels.
        height: The height.
    """

    source: str
    text: str
    width: int
    height: int


def embedded(tile: Tile) -> EmbeddedTile:
    """Return the image of a tile for a page that opens offline; the browser enlarges a small one."""
    size = enlarged(tile.pixels).size
    data = _own_pixels_png(tile) if max(tile.pixels.shape[:2]) <= SHOWN_SIDE else tile_png(tile)
    return EmbeddedTile(_URI + base64.b64encode(data).decode(), tile.text, *size)


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture for a page: its images, or the name of its file where they do not fit into the page.

    Attributes:
        picture: The picture.
        rows: The tiles of each row, None where there is none; empty where the page refers to the file.
    """

    picture: Picture
    rows: tuple[tuple[EmbeddedTile | None, ...], ...]


def embedded_pictures(
    pictures: Mapping[str, Sequence[Picture]], budget: int = PICTURE_BYTES
) -> dict[str, list[EmbeddedPicture]]:
    """Choose which pictures stand in the page itself: one after the other, as long as they fit.

    Args:
        pictures: The pictures of each section.
        budget: The most bytes that all images in the page may take.

    Returns:
        The pictures of each section; those without rows are to be shown from ``figures``, where each has a file.
    """
    chosen: dict[str, list[EmbeddedPicture]] = {}
    left = budget
    for section, shown in pictures.items():
        chosen[section] = []
        for picture in shown:
            rows = tuple(tuple(embedded(tile) if tile else None for tile in row.tiles) for row in picture.rows)
            size = sum(len(tile.source) for row in rows for tile in row if tile)
            fits = size <= left
            left -= size if fits else 0
            chosen[section].append(EmbeddedPicture(picture, rows if fits else ()))
    return chosen


def _own_pixels_png(tile: Tile) -> bytes:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tile.pixels)).save(held, "PNG", optimize=True)
    return held.getvalue()
