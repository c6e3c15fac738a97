import io

import numpy as np
from PIL import Image

from robustkd.presentation.pictures import SHOWN_SIDE, Picture, PictureRow, Tile, picture_png, tile_png


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_small_image_is_enlarged_without_smoothing() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], dtype=np.uint8)

    shown = opened(tile_png(Tile(pixels)))

    half = SHOWN_SIDE // 2
    assert shown.shape == (SHOWN_SIDE, SHOWN_SIDE, 3)
    assert (shown[:half, :half] == [255, 0, 0]).all()
    assert (shown[half:, half:] == [9, 9, 9]).all()


def test_an_image_of_one_channel_is_grey() -> None:
    shown = opened(tile_png(Tile(np.full((8, 4), 77, dtype=np.uint8))))

    assert shown.shape == (SHOWN_SIDE, SHOWN_SIDE // 2, 3)
    assert (shown == 77).all()


def test_a_picture_shows_every_tile_in_its_place_and_leaves_absent_ones_white() -> None:
    red, blue = (np.tile(np.array(colour, dtype=np.uint8), (8, 8, 1)) for colour in ((255, 0, 0), (0, 0, 255)))
    rows = (PictureRow("first", (Tile(red, "cat"), None)), PictureRow("second", (None, Tile(blue, "dog\nship"))))

    shown = opened(picture_png(Picture("name", "Title", "Caption", ("a", "b"), rows)))

    coloured = {
        name: np.argwhere((shown == colour).all(axis=2))
        for name, colour in {"red": (255, 0, 0), "blue": (0, 0, 255)}.items()
    }
    assert {len(found) for found in coloured.values()} == {SHOWN_SIDE**2}
    assert (coloured["red"].max(axis=0) < coloured["blue"].min(axis=0)).all()
