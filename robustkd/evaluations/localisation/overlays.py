"""The picture of the localisation evaluation: images with the maps of several networks over them."""

from __future__ import annotations

import numpy as np

from robustkd.presentation.pictures import Picture, PictureRow, Tile
from robustkd.results.groups import groups_of
from robustkd.results.records import Records

MOST_NETWORKS = 7
"""The largest number of networks in the picture."""

_HOT = np.array([230.0, 40.0, 20.0])
"""The colour of the highest value of a map."""

_STRENGTH = 0.75
"""The share of that colour there."""


def map_pictures(records: Records) -> tuple[Picture, ...]:
    """Draw the maps of the images that the records hold.

    Args:
        records: The records of the localisation evaluation.

    Returns:
        One picture; none if there are no images in the records.
    """
    arrays, members = records.arrays, records.members
    if len(arrays["shown"]) == 0:
        return ()
    chosen = [int(group.rows[0]) for group in groups_of(members)][:MOST_NETWORKS]
    names = [str(members["member"].iloc[row]) for row in chosen]
    rows = []
    for place, image in enumerate(arrays["shown_images"]):
        shown = arrays["shown"][place]
        cosines = np.where(arrays["eligible"][shown], arrays["map_cosine"][:, shown], np.nan)
        tiles = [Tile(overlaid(image, arrays["shown_maps"][row, place]), _text(cosines[row])) for row in chosen]
        label = str(arrays["class_names"][arrays["label"][shown]])
        rows.append(PictureRow(label, (Tile(image), *tiles)))
    return (Picture("maps", "Where the networks see the true class", _caption(), ("image", *names), tuple(rows)),)


def overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Colour an image by a map.

    Args:
        image: uint8 (H, W, 3).
        heat: float (h, w), not negative; scaled to its largest value and resized to the image.

    Returns:
        uint8 (H, W, 3): the image in grey, red where the map is high.
    """
    from PIL import Image

    height, width = image.shape[:2]
    most = float(heat.max())
    scaled = Image.fromarray((heat / most if most > 0 else heat).astype(np.float32))
    share = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR))[..., None] * _STRENGTH
    grey = image.astype(np.float64).mean(axis=2, keepdims=True)
    return np.asarray(np.clip(grey * (1 - share) + _HOT * share, 0, 255).round().astype(np.uint8))


def _text(cosine: float) -> str:
    return "" if np.isnan(cosine) else f"cosine {cosine:.2f}"


def _caption() -> str:
    return (
        "The first of the sampled test images of each of some classes, which are spread evenly over all; chosen before "
        "any network was seen. Red is where Grad-CAM of the true class is high, each map scaled to its own maximum. "
        "Below each map its cosine with the teacher's, where the teacher has a map. Of networks that differ only in "
        "their seed, the first is shown."
    )
