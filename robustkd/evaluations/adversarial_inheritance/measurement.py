"""Attacks on the teacher, on the foreign source, and on every other network, and who is fooled by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from robustkd.arithmetic import Precision, tensor_float32
from robustkd.attacks.attack import Attack
from robustkd.attacks.gradients import stands_still, zero_gradients
from robustkd.attacks.layout import channels_last
from robustkd.attacks.soundness import Soundness
from robustkd.attacks.source import Source, batches, classes_of
from robustkd.progress import progress
from robustkd.results.records import Check

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.models import Member

VERSION = 1
"""Raised whenever the same networks would give other arrays."""


@dataclass(frozen=True)
class Plan:
    """How sources are attacked.

    Attributes:
        epsilons: Every ε, in ascending order.
        steps: The number of steps k.
        images: The N images.
        indices: The index of each image in its data set, int64 (N,).
        precision: The precision that examples are crafted in.
        batch_size: The number of images per batch.
    """

    epsilons: tuple[float, ...]
    steps: int
    images: ImageSet
    indices: np.ndarray
    precision: Precision
    batch_size: int

    def settings(self, epsilons: Sequence[float]) -> dict[str, Any]:
        """Return all that determines the predictions for examples, besides the networks and the test images."""
        about = {"version": VERSION, "epsilons": list(epsilons), "steps": self.steps, "precision": self.precision}
        return about | {"images": self.images.digest}


def i_fgsm(epsilon: float, steps: int) -> Attack:
    """Return the iterative fast gradient sign method with steps of ε/k (Kurakin, Goodfellow, Bengio 2017, section 2.2).

    Args:
        epsilon: The largest change of a pixel.
        steps: The number of steps k.
    """
    return Attack("BIM", {"eps": epsilon, "alpha": epsilon / steps, "steps": steps})


Keep = Callable[[str, Sequence["Member"], Any, Callable[[], Mapping[str, np.ndarray]]], dict[str, np.ndarray]]
"""`PredictionCache.kept`."""


def shown(
    source: Member, targets: Sequence[Member], epsilons: Sequence[float], plan: Plan, keep: Keep
) -> tuple[np.ndarray, list[Check]]:
    """Attack a network at every ε, and show the examples to others; what was seen is kept on disk.

    Args:
        source: The network that is attacked.
        targets: The T networks that see the examples; the source may be one of them.
        epsilons: The E values of ε.
        plan: How it is attacked.
        keep: Keeps the arrays.

    Returns:
        The classes that each network predicts for the examples, int16 (E, T, N); and the checks of the source. At most
        one batch of examples is held at a time.
    """

    def compute() -> dict[str, np.ndarray]:
        return _predicted(source, targets, epsilons, plan)

    found = keep("adversarial_inheritance", [source, *targets], plan.settings(epsilons), compute)
    attacks = [i_fgsm(epsilon, plan.steps) for epsilon in epsilons]
    changes = {
        f"{attack.label}, {attack.epsilon}": (attack, float(change))
        for attack, change in zip(attacks, found["changes"], strict=True)
    }
    seen = Soundness(bool(found["evaluation_mode"]), bool(found["in_range"]), changes)
    return found["predicted"], [*seen.checks(source.name), _gradient_check(source, found["zero_gradient"])]


def _predicted(
    source: Member, targets: Sequence[Member], epsilons: Sequence[float], plan: Plan
) -> dict[str, np.ndarray]:
    models = [target.model for target in targets]
    watched = list({id(model): model for model in (source.model, *models)}.values())
    count = len(plan.images)
    predicted = np.empty((len(epsilons), len(targets), count), dtype=np.int16)
    vanished = np.empty(count, dtype=np.bool_)
    attacks = [i_fgsm(epsilon, plan.steps) for epsilon in epsilons]
    with channels_last(watched), progress(f"attack {source.name}", count) as advance:
        attacked = Source.of(source.model, watched, plan.images, 0, plan.precision)
        for batch in batches(plan.images, plan.indices, plan.batch_size, source.model.mean.device):
            with tensor_float32(True):  # gradients vanish where the softmax saturates, which no rounding changes
                vanished[batch.at] = zero_gradients(source.model, batch.pixels, batch.labels).cpu().numpy()
            for at_epsilon, attack in zip(predicted, attacks, strict=True):
                at_epsilon[:, batch.at] = classes_of(models, attacked.examples(attack, batch))
            advance(len(batch.places))
    seen = attacked.seen
    return {
        "predicted": predicted,
        "zero_gradient": vanished,
        "changes": np.array([seen.changes[f"{attack.label}, {attack.epsilon}"][1] for attack in attacks]),
        "evaluation_mode": np.array(seen.evaluation_mode),
        "in_range": np.array(seen.in_range),
    }


FROM_SOURCE = {
    "teacher": ("fooling_rate", "transfer_success", "specific_fooling", "attack_success"),
    "foreign": ("foreign_fooling_rate", "foreign_transfer_success", "specific_fooling"),
    "network": ("reverse_fooling_rate", "reverse_transfer_success", "attack_success"),
}
"""The metrics that rest on the attack on a source."""


def _gradient_check(source: Member, zero_gradient: np.ndarray) -> Check:
    """Check that the gradients that the attack follows do not vanish."""
    share = float(zero_gradient.mean())
    moves = not stands_still(share)
    detail = f"the input gradient is exactly zero for {share:.1%} of the images"
    detail += (
        ", so the attack can move" if moves else ", where the attack cannot move: its numbers understate the transfer"
    )
    metrics = FROM_SOURCE["teacher"] if source.role == "teacher" else (*FROM_SOURCE["foreign"], *FROM_SOURCE["network"])
    return Check("nonzero gradients of the cross-entropy", moves, detail, source.name, metrics)
