"""The picture of the decision boundary evaluation: planes, coloured by the class that each network predicts."""

from __future__ import annotations

import numpy as np

from robustkd.evaluations.decision_boundary.overlap import boundary_iou
from robustkd.presentation.pictures import SHOWN_SIDE, Picture, PictureRow, Tile
from robustkd.results.groups import groups_of
from robustkd.results.records import Records

MOST_NETWORKS = 6
"""The largest number of networks in the picture."""

_BORDER = 0.08
"""The width of an image's border in the colour of its class, as a share of its side."""

_GOLDEN = 0.618034
"""Steps of this share of the circle of hues keep any number of colours apart."""


def plane_pictures(records: Records) -> tuple[Picture, ...]:
    """Draw the planes that the records hold images of.

    Args:
        records: The records of the decision boundary evaluation.

    Returns:
        One picture; none if there are no images in the records.
    """
    arrays, members = records.arrays, records.members
    if len(arrays["shown_images"]) == 0:
        return ()
    chosen = [int(group.rows[0]) for group in groups_of(members)][:MOST_NETWORKS]
    colours = class_colours(len(arrays["class_names"]))
    teachers = np.flatnonzero(members["role"] == "teacher")
    rows = []
    for place, images in enumerate(arrays["shown_images"]):
        labels, corners = arrays["labels"][place], arrays["corners"][place]
        tiles = [
            Tile(bordered(image, colours[label]), str(arrays["class_names"][label]))
            for image, label in zip(images, labels, strict=True)
        ]
        for row in chosen:
            classes = arrays["classes"][row, place]
            known = len(teachers) and row != teachers[0]
            iou = boundary_iou(classes[None], arrays["classes"][teachers[:1], place])[0] if known else np.nan
            text = f"IoU {iou:.0%}" if known else ""
            tiles.append(Tile(coloured(classes, corners, float(arrays["margin"]), colours), text))
        rows.append(PictureRow(f"plane {place + 1}", tuple(tiles)))
    heads = ("image 1", "image 2", "image 3", *(str(members["member"].iloc[row]) for row in chosen))
    return (Picture("planes", "Decisions on planes through three images", _CAPTION, heads, tuple(rows)),)


def coloured(classes: np.ndarray, corners: np.ndarray, margin: float, colours: np.ndarray) -> np.ndarray:
    """Draw a plane in the colours of the predicted classes, and mark its three images with dots.

    Args:
        classes: The predicted classes, int (R · R,), the first axis of the plane slowest.
        corners: The coordinates of the three images on the plane, float (3, 2).
        margin: By how much the plane reaches beyond the images.
        colours: The colour of each class, uint8 (K, 3).

    Returns:
        uint8 (S, S, 3), the first axis of the plane to the right and the second one upwards.
    """
    side = round(np.sqrt(len(classes)))
    # rows of a picture run downwards
    picture = colours[classes.reshape(side, side).T[::-1]]
    nearest = (np.arange(SHOWN_SIDE) + 0.5) * side / SHOWN_SIDE
    picture = picture[np.ix_(nearest.astype(int), nearest.astype(int))].copy()
    low, high = corners.min(axis=0), corners.max(axis=0)
    share = ((corners - low) / (high - low) + margin) / (1 + 2 * margin)
    down, right = np.mgrid[:SHOWN_SIDE, :SHOWN_SIDE] + 0.5
    for x, y in share * SHOWN_SIDE:
        distance = np.hypot(right - x, down - (SHOWN_SIDE - y))
        picture[distance <= 4] = 255
        picture[distance <= 2.5] = 0
    return picture


def bordered(image: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Frame an image, uint8 (H, W, 3), in a colour, uint8 (3,)."""
    framed = image.copy()
    width = max(1, round(_BORDER * min(image.shape[:2])))
    framed[:width] = framed[-width:] = framed[:, :width] = framed[:, -width:] = colour
    return framed


def class_colours(classes: int) -> np.ndarray:
    """Return a colour for each class, uint8 (K, 3): hues around the circle, lighter and darker in turn."""
    import colorsys

    found = [
        colorsys.hls_to_rgb((place * _GOLDEN) % 1, (0.45, 0.62, 0.76)[place % 3], (0.75, 0.6)[place % 2])
        for place in range(classes)
    ]
    return (np.array(found) * 255).round().astype(np.uint8)


_CAPTION = (
    "The first planes that were drawn. Each goes through three test images, framed in the colour of their class and "
    "marked by dots; a point has the colour of the class that the network predicts there. Below each plane the share "
    "of points with the teacher's class. Of networks that differ only in their seed, the first is shown."
)
