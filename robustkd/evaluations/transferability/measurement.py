"""The pass over networks and images behind the matrix: each source is attacked once, and all members see the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from robustkd.arithmetic import tensor_float32
from robustkd.attacks.attack import Attack
from robustkd.attacks.eight_bit import in_eight_bit
from robustkd.attacks.gradients import NOWHERE, leads_up, zero_gradients
from robustkd.attacks.layout import channels_last
from robustkd.attacks.noise import with_noise
from robustkd.attacks.soundness import Soundness
from robustkd.attacks.source import Batch, Source, batches, classes_of
from robustkd.evaluations.transferability.examples import Save, saved_examples
from robustkd.evaluations.transferability.matrix import NOT_SAMPLED
from robustkd.evaluations.transferability.plan import Plan
from robustkd.evaluations.transferability.strength import gradient_check, zero_gradient_check
from robustkd.results.records import Check

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.models import Member

NOT_TRIED = -1
"""Marks, in place of a predicted class, an image on which an earlier attack has already fooled the network."""

STEP = 1 / 32
"""The step along a gradient that is tried out, relative to the ε of the matrix's attack."""

LARGEST_STEP = 2 / 255
"""The largest such step, for attacks in another norm or without an ε."""

BY_SOURCE = ("adversarial", "rounded", "zero_gradient", "gradient", "eight_bit")
"""The arrays whose first axis is the source."""

BY_ATTACK = ("own", "sweep", "further")
"""The arrays whose first axis is the attack, and the second the source."""

Arrays = dict[str, np.ndarray]
Keep = Callable[["Member", Callable[[], Arrays]], Arrays]
"""Returns what was seen of a source, computed if it is not known."""


def attack_all(
    members: list[Member],
    images: ImageSet,
    indices: np.ndarray,
    clean: np.ndarray,
    plan: Plan,
    advance: Callable[[int], None],
    keep: Keep = lambda member, compute: compute(),
) -> tuple[Arrays, list[Check]]:
    """Attack every member, and show each batch of examples to all members at once, so that no examples are kept.

    Args:
        members: The M sources, which are also the targets.
        images: The N images.
        indices: The index of each image in its data set, int64 (N,).
        clean: The classes that the members predict for the images, int (M, N).
        plan: The attacks.
        advance: A function that is called with the number of images after each batch of a source.
        keep: Keeps what was seen of each source, so that an interrupted measurement continues with the next one.

    Returns:
        Arrays of predicted classes, int16, by source first: ``adversarial`` (M, M, N), ``rounded`` (M, N), ``own``
        (A, M, N), ``sweep`` (E, M, M, N), ``further`` (F, M, M, N), if asked for ``eight_bit`` (M, M, N), and, with a
        teacher, ``from_teacher`` (M, N) by target; ``zero_gradient``, bool (M, N); ``gradient``, int8 (M, N), for those
        followed (`leads_up`); for an attack with an ε ``noise`` (M, N), for random noise of that size; and the validity
        checks.
    """
    seen = []
    checks = []
    everyone = [member.model for member in members]
    with channels_last(everyone):
        for index, member in enumerate(members):
            attack = _Progressing(advance, partial(_of_source, members, index, images, indices, clean[index], plan))
            found = keep(member, attack)
            advance(len(images) - attack.advanced)
            seen.append(found)
            checks += _soundness(found, plan).checks(member.name)
            checks.append(zero_gradient_check(member, found["zero_gradient"][0], alone=not plan.own))
            checks.append(gradient_check(member, found["gradient"][0][plan.followed]))
        arrays = _of_all(seen)
        if plan.attack.epsilon is not None:
            arrays["noise"] = np.empty((len(members), len(images)), dtype=np.int16)
            for batch in batches(images, indices, plan.batch_size, members[0].model.mean.device):
                noisy = with_noise(plan.attack, batch.pixels, batch.places, plan.seed)
                arrays["noise"][:, batch.at] = classes_of(everyone, noisy)
    return arrays, checks


class _Progressing:
    """Computes something that reports its progress, and remembers how far it came: what was kept reports nothing."""

    def __init__(self, advance: Callable[[int], None], compute: Callable[[Callable[[int], None]], Arrays]) -> None:
        self.advanced = 0
        self._advance = advance
        self._compute = compute

    def __call__(self) -> Arrays:
        return self._compute(self._count)

    def _count(self, images: int) -> None:
        self.advanced += images
        self._advance(images)


def _of_source(
    members: list[Member],
    index: int,
    images: ImageSet,
    indices: np.ndarray,
    clean: np.ndarray,
    plan: Plan,
    advance: Callable[[int], None],
) -> Arrays:
    """What is seen of one source: the arrays of `attack_all` for it alone, and whether it was attacked soundly."""
    member, arrays = members[index], _empty_arrays(members, members[index], len(images), plan)
    source = Source.of(member.model, [each.model for each in members], images, plan.seed, plan.precision)
    attacked = _Attacked(members, index, plan, source)
    about = {"seed": plan.seed, "attack": _settings(plan.attack), "images": indices.tolist()}
    with saved_examples(plan.folder, member, images, about) as save:
        for batch in batches(images, indices, plan.batch_size, member.model.mean.device):
            _attack_batch(attacked, batch, clean[batch.at], arrays, save)
            advance(len(batch.places))
    sound = source.seen
    return arrays | {
        "attacked": np.array(list(sound.changes), dtype=np.str_),
        "changes": np.array([change for _, change in sound.changes.values()]),
        "evaluation_mode": np.array(sound.evaluation_mode),
        "in_range": np.array(sound.in_range),
    }


def _soundness(found: Arrays, plan: Plan) -> Soundness:
    attacks = (plan.attack, *plan.sweep, *plan.further, *plan.own)
    named = {f"{attack.label}, {attack.epsilon}": attack for attack in attacks}
    changes = {
        str(name): (named[str(name)], float(change))
        for name, change in zip(found["attacked"], found["changes"], strict=True)
    }
    return Soundness(bool(found["evaluation_mode"]), bool(found["in_range"]), changes)


def _of_all(seen: list[Arrays]) -> Arrays:
    """Put the arrays of single sources together."""
    arrays = {name: np.concatenate([found[name] for found in seen]) for name in BY_SOURCE if name in seen[0]}
    arrays |= {name: np.concatenate([found[name] for found in seen], axis=1) for name in BY_ATTACK}
    taught = [found["from_teacher"] for found in seen if "from_teacher" in found]
    return arrays | ({"from_teacher": taught[0]} if taught else {})


@dataclass(frozen=True)
class _Attacked:
    """The member `index` under attack."""

    members: list[Member]
    index: int
    plan: Plan
    source: Source


def _attack_batch(attacked: _Attacked, batch: Batch, clean: np.ndarray, arrays: Arrays, save: Save) -> None:
    """Attack a source on a batch, and write the predictions for its examples into the arrays."""
    plan, index, source, at = attacked.plan, attacked.index, attacked.source, batch.at
    model = attacked.members[index].model
    with tensor_float32(True):  # gradients vanish where the softmax saturates, which no rounding changes
        vanished = zero_gradients(model, batch.pixels, batch.labels)
    arrays["zero_gradient"][0, at] = vanished.cpu().numpy()
    looked_at = np.flatnonzero(plan.followed[at])
    if len(looked_at):
        few, step = batch.only(looked_at), STEP * (plan.attack.epsilon or LARGEST_STEP)
        found = leads_up(model, few.pixels, few.labels, min(step, LARGEST_STEP))
        arrays["gradient"][0, at.start + looked_at] = found.cpu().numpy()

    examples = source.examples(plan.attack, batch)
    save(at, examples)
    arrays["adversarial"][0, :, at] = classes_of(source.everyone, examples)
    arrays["rounded"][0, at] = classes_of([source.model], (examples * 255).round() / 255)[0]
    if plan.eight_bit:
        rounded = in_eight_bit(plan.attack, examples, batch.pixels)
        arrays["eight_bit"][0, :, at] = classes_of(source.everyone, rounded)
    for name, attacks in (("sweep", plan.sweep), ("further", plan.further)):
        for by_attack, attack in zip(arrays[name], attacks, strict=True):
            by_attack[0, :, at] = classes_of(source.everyone, source.examples(attack, batch))
    if plan.from_teacher is not None and attacked.members[index].role == "teacher":
        arrays["from_teacher"][:, at] = classes_of(source.everyone, source.examples(plan.from_teacher, batch))
    _attack_what_withstood(attacked, batch, clean, arrays)


def _attack_what_withstood(attacked: _Attacked, batch: Batch, clean: np.ndarray, arrays: Arrays) -> None:
    """Run each further attack on the images that the source still classifies correctly after those before it."""
    index, source, at, truth = attacked.index, attacked.source, batch.at, batch.labels.cpu().numpy()
    withstood = (clean == truth) & (arrays["adversarial"][0, index, at] == truth)
    for by_attack, attack in zip(arrays["own"], attacked.plan.own, strict=True):
        reached = withstood & attacked.plan.sample[at] if attack == attacked.plan.sampled else withstood
        by_attack[0, at.start + np.flatnonzero(withstood & ~reached)] = NOT_SAMPLED
        left = np.flatnonzero(reached)
        if len(left) == 0:
            continue
        predicted = classes_of([source.model], source.examples(attack, batch.only(left)))[0]
        by_attack[0, at.start + left] = predicted
        withstood[left] = predicted == truth[left]


def _empty_arrays(members: list[Member], source: Member, number: int, plan: Plan) -> Arrays:
    count = len(members)
    arrays = {
        "adversarial": np.empty((1, count, number), dtype=np.int16),
        "rounded": np.empty((1, number), dtype=np.int16),
        "own": np.full((len(plan.own), 1, number), NOT_TRIED, dtype=np.int16),
        "sweep": np.empty((len(plan.sweep), 1, count, number), dtype=np.int16),
        "further": np.empty((len(plan.further), 1, count, number), dtype=np.int16),
        "zero_gradient": np.empty((1, number), dtype=np.bool_),
        "gradient": np.full((1, number), NOWHERE, dtype=np.int8),
    }
    if plan.from_teacher is not None and source.role == "teacher":
        arrays["from_teacher"] = np.empty((count, number), dtype=np.int16)
    if plan.eight_bit:
        arrays["eight_bit"] = np.empty((1, count, number), dtype=np.int16)
    return arrays


def _settings(attack: Attack) -> dict[str, Any]:
    return {"name": attack.name, "parameters": dict(attack.parameters), "logits": attack.logits}
