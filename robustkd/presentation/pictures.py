"""Pictures of images: labelled rows of small images, for a page or as one PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

SHOWN_SIDE = 96
"""The longer side of an image in a picture, in pixels; smaller images are enlarged without smoothing."""


@dataclass(frozen=True, eq=False)
class Tile:
    """An image in a picture.

    Attributes:
        pixels: uint8 (H, W) or (H, W, 3).
        text: A short text below it, at most two lines; empty for none.
    """

    pixels: np.ndarray
    text: str = ""


@dataclass(frozen=True, eq=False)
class PictureRow:
    """A row of a picture.

    Attributes:
        label: What the row shows, such as a class or a network.
        tiles: An image for each column; None where there is none.
    """

    label: str
    tiles: tuple[Tile | None, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """Images in rows and columns.

    Attributes:
        name: A name for its file, unique in its evaluation.
        title: The heading.
        caption: The rule by which the images were chosen, and how to read them.
        columns: The head of each column; empty for none.
        rows: The rows, each with one tile for each column.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[PictureRow, ...]


def enlarged(pixels: np.ndarray) -> Image.Image:
    """Return an image at the size it is shown at.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    scale = SHOWN_SIDE / max(image.size)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)


def tile_png(tile: Tile) -> bytes:
    """Return the image of a tile as PNG."""
    return _png(enlarged(tile.pixels))


_LABEL, _HEAD, _GAP, _LINE = 150, 20, 8, 13


def picture_png(picture: Picture) -> bytes:
    """Return a whole picture as one PNG, with its labels and texts."""
    from PIL import Image, ImageDraw

    columns = max((len(row.tiles) for row in picture.rows), default=0)
    lines = max((len(_lines(tile)) for row in picture.rows for tile in row.tiles if tile), default=0)
    step = SHOWN_SIDE + _LINE * lines + _GAP
    head = _HEAD if any(picture.columns) else 0
    whole = Image.new("RGB", (_LABEL + columns * (SHOWN_SIDE + _GAP), head + step * len(picture.rows) + _GAP), "white")
    draw = ImageDraw.Draw(whole)
    for column, text in enumerate(picture.columns):
        _write(draw, (_LABEL + column * (SHOWN_SIDE + _GAP), 2), text, SHOWN_SIDE)
    for place, row in enumerate(picture.rows):
        top = head + place * step + _GAP // 2
        _write(draw, (4, top + SHOWN_SIDE // 2 - _LINE // 2), row.label, _LABEL - 8)
        for column, tile in enumerate(row.tiles):
            if tile is None:
                continue
            left = _LABEL + column * (SHOWN_SIDE + _GAP)
            whole.paste(enlarged(tile.pixels), (left, top))
            for line, text in enumerate(_lines(tile)):
                _write(draw, (left, top + SHOWN_SIDE + _LINE * line), text, SHOWN_SIDE)
    return _png(whole)


def _lines(tile: Tile) -> list[str]:
    return tile.text.splitlines()


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int) -> None:
    """Write one line, shortened to a width."""
    shown = text
    while shown and draw.textlength(shown, font_size=11) > width:
        shown = shown[:-2].rstrip("…") + "…" if len(shown) > 2 else ""
    draw.text(place, shown, fill="#222222", font_size=11)


def _png(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG", compress_level=6)  # the highest takes seven times as long for 3% of the size
    return held.getvalue()
