"""Planes through three images.

Somepalli et al., *Can Neural Nets Learn the Same Model Twice?* (CVPR 2022, arXiv 2203.08124), section 3: with images
x₁, x₂, x₃ the plane is x₁ + α v₁ + β v₂, where v₁ is the direction of x₂ − x₁ and v₂ that of the part of x₃ − x₁ which
is orthogonal to it. A regular grid of points covers the three images and a margin on each side (0.1 of their distance
there in the published code). Points beyond the images may have pixel values outside [0, 1]; as in that code, they are
not clipped, so that the points lie on a plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustkd.errors import EvaluationError

TRIES = 20
"""How often three images are drawn for a plane before it is given up: equal images span none."""

_PARALLEL = 1e-6
"""The smallest share of the distance between two images by which the third must lie beside their line."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through three images, each of P pixel values.

    Attributes:
        origin: The first image, float64 (P,).
        axes: Two orthogonal directions of length 1, float64 (2, P).
        corners: The coordinates (α, β) of the three images, float64 (3, 2).
    """

    origin: np.ndarray
    axes: np.ndarray
    corners: np.ndarray

    def bounds(self, margin: float) -> np.ndarray:
        """Return the lowest and highest coordinate along each axis, float64 (2, 2).

        Args:
            margin: By how much they lie beyond the images, as a share of the range of their coordinates.
        """
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        return np.stack([low - margin * (high - low), high + margin * (high - low)], axis=1)

    def grid(self, resolution: int, margin: float) -> np.ndarray:
        """Return the coordinates of a grid of R × R points, float64 (R · R, 2): α varies slowest.

        Args:
            resolution: The number R of points along each side.
            margin: See `bounds`.
        """
        along = [np.linspace(low, high, resolution) for low, high in self.bounds(margin)]
        return np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 2)

    def at(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the points of the plane at coordinates (B, 2), float64 (B, P)."""
        return np.asarray(self.origin + coordinates @ self.axes)


def plane_through(images: np.ndarray) -> Plane | None:
    """Return the plane through three images.

    Args:
        images: float (3, P).

    Returns:
        The plane; None if the images lie on a line.
    """
    origin = images[0].astype(np.float64)
    along, beside = images[1] - origin, images[2] - origin
    length = float(np.linalg.norm(along))
    if length == 0:
        return None
    first = along / length
    shift = float(beside @ first)
    rest = beside - shift * first
    height = float(np.linalg.norm(rest))
    if height <= _PARALLEL * length:
        return None
    corners = np.array([[0, 0], [length, 0], [shift, height]])
    return Plane(origin, np.stack([first, rest / height]), corners)


def draw_triplet(random: np.random.Generator, images: int) -> np.ndarray:
    """Draw three different images.

    Args:
        random: The source of random numbers.
        images: The number of images.

    Returns:
        Their indices, int64 (3,).

    Raises:
        EvaluationError: There are fewer than three.
    """
    if images < 3:
        raise EvaluationError(f"decision_boundary needs three test images to span a plane; there are {images}")
    return random.choice(images, 3, replace=False)
