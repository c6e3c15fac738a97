"""The members that are measured: each is probed once, before anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from robustkd.models import ModelPool
from robustkd.results.records import Check
from robustkd.validity.label_order import label_order
from robustkd.validity.near_chance import near_chance
from robustkd.validity.predicted import above_chance, why_not_finite
from robustkd.validity.probe import IMAGES, Probed, probe
from robustkd.validity.same_network import same_network_checks

if TYPE_CHECKING:
    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member
    from robustkd.results.predictions import PredictionCache


@dataclass(frozen=True, eq=False)
class Admitted:
    """The members that can be measured, and what is known of them.

    Attributes:
        pool: These members; None where there is none.
        refused: For the name of each other member, why it cannot be measured.
        no_gradient: For the names of members whose gradient with respect to the image cannot be computed, why.
        checks: The validity checks; a failure voids all numbers of its member.
        hints: For members near chance, the likeliest reason and how to find out; these are among the notes too.
        notes: What a reader must know of the members, each a sentence without its full stop.
    """

    pool: ModelPool | None
    refused: Mapping[str, str]
    no_gradient: Mapping[str, str]
    checks: tuple[Check, ...]
    hints: tuple[str, ...]
    notes: tuple[str, ...]

    def with_gradients(self) -> ModelPool | None:
        """Return the members whose gradients can be computed; None where there is none."""
        able = [member for member in self.pool or () if member.name not in self.no_gradient]
        return ModelPool(members=able) if able else None


def admit(pool: ModelPool, data: Dataset, predict: PredictionCache, device: torch.device | str = "cpu") -> Admitted:
    """Probe each member, and find out which of them can be measured.

    Args:
        pool: The members; each is moved to the device.
        data: The data set.
        predict: Gives cached predictions for its test images.
        device: The device that computes.

    Returns:
        The findings.
    """
    pixels = _a_few(data.test).to(device)
    refused: dict[str, str] = {}
    probed: list[Probed] = []
    looked_at = []
    for member in pool:
        member.model.to(device)
        looked_at.append(probe(member, pixels, data.num_classes))
    predict.together([found.member for found in looked_at if not found.problem])
    for member, found in zip(pool, looked_at, strict=True):
        problem = found.problem or why_not_finite(predict(found.member), found.member.model.module)
        if problem:
            refused[member.name] = problem
        else:
            probed.append(found)
    checks = [check for each in probed for check in each.checks] + same_network_checks(probed)
    judged = [(each.member, _of_predictions(each.member, data, predict)) for each in probed]
    checks += [check for member, found in judged if not _excuse(member, data) for check in found]
    excused = [note for member, found in judged for note in _in_place_of(found, member, data)]
    hints = _hints(judged, data, predict)
    admitted = [each.member for each in probed]
    return Admitted(
        ModelPool(members=admitted) if admitted else None,
        refused,
        {each.member.name: each.no_gradient for each in probed if each.no_gradient},
        tuple(checks),
        hints,
        (*(note for each in probed for note in each.notes), *excused, *hints),
    )


def _a_few(images: ImageSet) -> torch.Tensor:
    """A few images from all over the set, so that they are of several classes where it is sorted by class."""
    from robustkd.data.image_set import to_pixels

    chosen = torch.linspace(0, len(images) - 1, min(IMAGES, len(images))).long()
    return to_pixels(images.read(chosen))


def _of_predictions(member: Member, data: Dataset, predict: PredictionCache) -> list[Check]:
    predictions = predict(member)
    return [
        above_chance(member.name, predictions),
        label_order(member.name, predictions, data.test.class_names),
    ]


def _hints(judged: Sequence[tuple[Member, list[Check]]], data: Dataset, predict: PredictionCache) -> tuple[str, ...]:
    channels = data.test.shape[0]
    found = (
        near_chance(member, predict(member), order, data.name, channels)
        for member, (_, order) in judged
        if not _excuse(member, data)
    )
    return tuple(filter(None, found))


def _excuse(member: Member, data: Dataset) -> str:
    """What else than a fault makes a member guess, or take one class for another; empty if nothing does."""
    lineage = member.model.lineage
    if lineage.get("untrained"):
        return "is untrained, as a control"
    if lineage.get("untrained_teacher"):
        return f"it is the untrained teacher that {member.name} learned from"
    if data.condition.name == "label_noise" and member.condition in ("", data.condition.label):
        return f"it is the noise of the labels that {member.name} learned"
    return ""


def _in_place_of(checks: list[Check], member: Member, data: Dataset) -> list[str]:
    """Notes in place of checks that fail, or may fail, without a fault."""
    excuse = _excuse(member, data)
    if not excuse:
        return []
    if member.model.lineage.get("untrained"):
        return [f"{member.name} {excuse}: an accuracy near chance is expected of it"]
    return [f"{check.detail}, or {excuse}" for check in checks if not check.passed]


def without_gradients(admitted: Admitted, metrics: tuple[str, ...]) -> tuple[Check, ...]:
    """Return a check for each member without gradients, for an evaluation that needs them and leaves it out.

    Args:
        admitted: What is known of the members.
        metrics: The metrics of the evaluation, which are all that a failure concerns.
    """
    return tuple(
        Check("gradient with respect to the image exists", False, f"{name} {why}: it is left out here", name, metrics)
        for name, why in admitted.no_gradient.items()
    )
