"""The classes that every network predicts on the same planes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import EvaluationError
from robustkd.evaluations import Predict
from robustkd.evaluations.decision_boundary.options import DecisionBoundaryOptions
from robustkd.evaluations.decision_boundary.planes import TRIES, Plane, draw_triplet, plane_through

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import Member

VERSION = 1


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes through test images.

    Attributes:
        images: The test images.
        triplets: The indices of the three images of each plane, int64 (P, 3).
    """

    images: ImageSet
    triplets: np.ndarray

    def __iter__(self) -> Iterator[Plane]:
        for triplet in self.triplets:
            plane = self.plane(triplet)
            if plane is not None:  # always so: triplets that span no plane were drawn again
                yield plane

    def plane(self, triplet: np.ndarray) -> Plane | None:
        """Return the plane through three images; None if they lie on a line."""
        return plane_through(self.pixels(triplet).reshape(3, -1))

    def pixels(self, triplet: np.ndarray) -> np.ndarray:
        """Return three images, float64 (3, C, H, W) in [0, 1]."""
        import torch

        return self.images.read(torch.from_numpy(triplet)).cpu().numpy() / 255.0


def draw_planes(images: ImageSet, options: DecisionBoundaryOptions) -> Planes:
    """Draw three images for each plane, again where they lie on a line.

    Args:
        images: The test images.
        options: The options of the evaluation.

    Raises:
        EvaluationError: There are fewer than three images, or they span no planes.
    """
    random = np.random.default_rng(options.seed)
    empty = Planes(images, np.empty((0, 3), dtype=np.int64))
    drawn: list[np.ndarray] = []
    for _ in range(options.planes):
        tries = (draw_triplet(random, len(images)) for _ in range(TRIES))
        triplet = next((each for each in tries if empty.plane(each) is not None), None)
        if triplet is None:
            raise EvaluationError("decision_boundary needs three test images that do not lie on a line: found none")
        drawn.append(triplet)
    return Planes(images, np.stack(drawn))


def predicted_classes(member: Member, planes: Planes, options: DecisionBoundaryOptions, predict: Predict) -> np.ndarray:
    """Return the classes that a network predicts at the points of each plane.

    Args:
        member: The network.
        planes: The planes.
        options: The options of the evaluation.
        predict: Keeps the classes on disk.

    Returns:
        int16 (P, R · R); see `Plane.grid`.
    """

    def compute() -> dict[str, np.ndarray]:
        return {"classes": np.stack([_on_plane(member, planes, plane, options) for plane in planes])}

    settings = asdict(options) | {"version": VERSION}
    return predict.kept("decision_boundary", [member], settings, compute)["classes"]


def _on_plane(member: Member, planes: Planes, plane: Plane, options: DecisionBoundaryOptions) -> np.ndarray:
    import torch

    from robustkd.models.batch_size import images_at_once

    device, shape = member.model.mean.device, planes.images.shape
    grid = plane.grid(options.resolution, options.margin)
    at_once = images_at_once(options.batch_size, shape, device)
    found: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(grid), at_once):
            points = plane.at(grid[start : start + at_once]).astype(np.float32).reshape(-1, *shape)
            found.append(member.model(torch.from_numpy(points).to(device)).argmax(dim=1))
    return torch.cat(found).cpu().numpy().astype(np.int16)
