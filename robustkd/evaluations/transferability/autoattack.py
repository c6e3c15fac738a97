"""The standard version of AutoAttack on each network itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from robustkd.attacks.attack import Attack
from robustkd.attacks.layout import channels_last
from robustkd.attacks.soundness import Soundness
from robustkd.attacks.source import Source, batches, classes_of
from robustkd.attacks.standard_suite import standard_suite
from robustkd.progress import progress
from robustkd.results.records import Check

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.evaluations import Predict
    from robustkd.models import Member

VERSION = 1
"""Raised whenever the same networks would give other arrays."""


def run_autoattack(
    members: list[Member],
    images: ImageSet,
    indices: np.ndarray,
    norm: Literal["Linf", "L2"],
    batch_size: int,
    seed: int,
    predict: Predict,
) -> tuple[np.ndarray, list[Check]]:
    """Attack each network with each attack of the suite, on the images that withstood those before it.

    What was found on a network is kept on disk, so that an interrupted measurement continues with the next one.

    Args:
        members: The M networks.
        images: The S images.
        indices: The index of each image in its data set, int64 (S,).
        norm: The norm; ε is RobustBench's.
        batch_size: The number of images per batch.
        seed: The seed of all random numbers.
        predict: Keeps the arrays.

    Returns:
        Whether each network classifies an image correctly, both clean and after every attack, bool (M, S); and the
        validity checks.
    """
    suite = standard_suite(norm, images.num_classes)
    settings = {"version": VERSION, "norm": norm, "batch_size": batch_size, "seed": seed, "images": images.digest}
    withstood, checks = [], []
    for member in members:

        def compute(member: Member = member) -> dict[str, np.ndarray]:
            return _withstood(member, images, indices, suite, batch_size, seed)

        found = predict.kept("autoattack", [member], settings, compute)
        withstood.append(found["withstood"])
        changes = {
            f"{attack.label}, {attack.epsilon}": (attack, float(change))
            for attack, change in zip(suite, found["changes"], strict=True)
        }
        checks += Soundness(bool(found["evaluation_mode"]), bool(found["in_range"]), changes).checks(member.name)
    return np.stack(withstood), checks


def _withstood(
    member: Member, images: ImageSet, indices: np.ndarray, suite: tuple[Attack, ...], batch_size: int, seed: int
) -> dict[str, np.ndarray]:
    model, count = member.model, len(images)
    withstood = np.empty(count, dtype=np.bool_)
    with channels_last([model]), progress(f"AutoAttack on {member.name}", count) as advance:
        source = Source(model, [model], images.num_classes, seed, "float32", model)
        for batch in batches(images, indices, batch_size, model.mean.device):
            truth = batch.labels.cpu().numpy()
            standing = classes_of([model], batch.pixels)[0] == truth
            for attack in suite:
                left = np.flatnonzero(standing)
                if len(left) == 0:
                    break
                few = batch.only(left)
                standing[left] = classes_of([model], source.examples(attack, few))[0] == truth[left]
            withstood[batch.at] = standing
            advance(len(truth))
    seen = source.seen
    changes = [seen.changes.get(f"{attack.label}, {attack.epsilon}", (attack, 0.0))[1] for attack in suite]
    return {
        "withstood": withstood,
        "changes": np.array(changes),
        "evaluation_mode": np.array(seen.evaluation_mode),
        "in_range": np.array(seen.in_range),
    }
