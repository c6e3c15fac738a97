"""The attack on all students together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustkd.attacks.layout import channels_last
from robustkd.attacks.source import Source, batches, classes_of
from robustkd.evaluations.transferability.plan import Plan
from robustkd.progress import progress

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.models import Member
    from robustkd.results.records import Check


def attack_together(
    members: list[Member], images: ImageSet, indices: np.ndarray, plan: Plan
) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Attack the mean of the students' logits with the matrix's attack, and show every member the examples.

    The gradients of all students are in memory at once, so the batches are smaller by their number.

    Args:
        members: The M members of the matrix, of which at least two are students.
        images: The N images.
        indices: The index of each image in its data set, int64 (N,).
        plan: The attacks.

    Returns:
        Predicted classes, int16: ``together`` (M, N) for the examples by member; ``together_clean`` and
        ``together_attacked`` (N,), those of the mean of the students' logits; and the validity checks.
    """
    from robustkd.attacks.ensemble import AveragedLogits

    everyone = [member.model for member in members]
    students = [member.model for member in members if member.role == "student"]
    count, size = len(images), max(1, plan.batch_size // len(students))
    arrays = {
        "together": np.empty((len(members), count), dtype=np.int16),
        "together_clean": np.empty(count, dtype=np.int16),
        "together_attacked": np.empty(count, dtype=np.int16),
    }
    with channels_last(everyone), progress("attack all students together", count) as advance:
        mean = AveragedLogits(students)
        source = Source(mean, everyone, images.num_classes, plan.seed, plan.precision, mean)
        for batch in batches(images, indices, size, everyone[0].mean.device):
            examples = source.examples(plan.attack, batch)
            arrays["together"][:, batch.at] = classes_of(everyone, examples)
            arrays["together_clean"][batch.at] = classes_of([mean], batch.pixels)[0]
            arrays["together_attacked"][batch.at] = classes_of([mean], examples)[0]
            advance(len(batch.places))
    return arrays, source.seen.checks("")
