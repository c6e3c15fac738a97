"""The one pass over networks and images behind the transfer matrix: each source is attacked once, all look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from robustkd.atomic import atomic_path, write_text
from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import craft, largest_change, zero_gradients
from robustkd.errors import EvaluationError
from robustkd.evaluations.transferability.matrix import stands_still
from robustkd.results.records import Check, json_text

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import Member

NOT_TRIED = -1
ROUNDING = 1e-5
"""Of float32, in the norm of a whole image."""

FEW = 16
"""So many images tell whether a network is randomised."""

RANDOM_OUTPUT = 1e-3
"""Two passes may differ by this part of the largest logit; arithmetic alone makes less of a difference."""


@dataclass(frozen=True)
class Plan:
    """What is done to each source.

    Attributes:
        attack: Its examples are shown to every member.
        own: Further attacks on the source itself, each on the images that withstood those before it.
        from_teacher: One more whose examples, made against the teacher, are shown to every member; None for none.
        sweep: `attack` at other ε; these examples are shown to every member too.
        batch_size: Images attacked at once.
        seed: Of all random draws.
        folder: Where to save the examples of `attack`; None for nowhere.
    """

    attack: Attack
    own: tuple[Attack, ...]
    from_teacher: Attack | None
    sweep: tuple[Attack, ...]
    batch_size: int
    seed: int
    folder: Path | None


@dataclass
class _Soundness:
    """What was seen of a source's attacks that decides whether its numbers can be trusted."""

    modes: bool = True
    range: bool = True
    random_output: float = 0.0
    changes: dict[str, tuple[Attack, float]] = field(default_factory=dict)

    def changed(self, attack: Attack, change: float) -> None:
        """Remember the largest change that an attack made."""
        known = f"{attack.label}, {attack.epsilon}"
        self.changes[known] = attack, max(change, self.changes.get(known, (attack, 0.0))[1])


def attack_all(
    members: list[Member],
    images: ImageSet,
    indices: np.ndarray,
    clean: np.ndarray,
    plan: Plan,
    advance: Callable[[int], None],
) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Attack every member, and show each batch of examples to all of them at once, so that none need be kept.

    Args:
        members: Sources and targets.
        images: The images, N of them.
        indices: int64 (N,), where each stands in its data set.
        clean: int (M, N), the classes that the members predict for them.
        plan: What is done.
        advance: Called with the number of images after each batch of a source.

    Returns:
        Arrays of classes, int16, by source first: ``adversarial`` (M, M, N), ``rounded`` (M, N), ``own`` (A, M, N),
        ``sweep`` (E, M, M, N), and, with a teacher, ``from_teacher`` (M, N) by target; ``zero_gradient``, bool (M, N);
        and the checks.
    """
    count, number = len(members), len(images)
    arrays = {
        "adversarial": np.empty((count, count, number), dtype=np.int16),
        "rounded": np.empty((count, number), dtype=np.int16),
        "own": np.full((len(plan.own), count, number), NOT_TRIED, dtype=np.int16),
        "sweep": np.empty((len(plan.sweep), count, count, number), dtype=np.int16),
        "zero_gradient": np.empty((count, number), dtype=np.bool_),
    }
    if plan.from_teacher is not None and any(member.role == "teacher" for member in members):
        arrays["from_teacher"] = np.empty((count, number), dtype=np.int16)
    checks = []
    with _prepared(members):
        for source, member in enumerate(members):
            seen = _Soundness()
            with _saved(plan, member, images, indices) as save:
                for start in range(0, number, plan.batch_size):
                    batch = slice(start, min(start + plan.batch_size, number))
                    _attack_batch(members, source, images, indices, clean, plan, batch, arrays, seen, save)
                    advance(batch.stop - batch.start)
            checks += _checks(member, seen, arrays["zero_gradient"][source], alone=not plan.own)
    return arrays, checks


def _attack_batch(
    members: list[Member],
    source: int,
    images: ImageSet,
    indices: np.ndarray,
    clean: np.ndarray,
    plan: Plan,
    batch: slice,
    arrays: dict[str, np.ndarray],
    seen: _Soundness,
    save: Callable[[slice, Tensor], None],
) -> None:
    model = members[source].model
    device = model.mean.device
    pixels = images.pixels(batch.start, batch.stop, device)
    labels = images.labels[batch].to(device)
    places = indices[batch].tolist()
    run = partial(_examples, members, source, seed=plan.seed, classes=images.num_classes, seen=seen)
    if batch.start == 0:
        seen.random_output = _difference_of_two_passes(model, pixels[:FEW])
    arrays["zero_gradient"][source, batch] = zero_gradients(model, pixels, labels).cpu().numpy()

    examples = run(plan.attack, pixels, labels, places)
    save(batch, examples)
    arrays["adversarial"][source, :, batch] = _classes([member.model for member in members], examples)
    arrays["rounded"][source, batch] = _classes([model], (examples * 255).round() / 255)[0]
    for at_epsilon, attack in zip(arrays["sweep"], plan.sweep, strict=True):
        at_epsilon[source, :, batch] = _classes(
            [member.model for member in members], run(attack, pixels, labels, places)
        )

    if plan.from_teacher is not None and members[source].role == "teacher":
        examples = run(plan.from_teacher, pixels, labels, places)
        arrays["from_teacher"][:, batch] = _classes([member.model for member in members], examples)

    truth = images.labels[batch].cpu().numpy()
    standing = (clean[source, batch] == truth) & (arrays["adversarial"][source, source, batch] == truth)
    for by_attack, attack in zip(arrays["own"], plan.own, strict=True):
        left = np.flatnonzero(standing)
        if len(left) == 0:
            return
        rest = labels.new_tensor(left)
        examples = run(attack, pixels[rest], labels[rest], [places[place] for place in left])
        by_attack[source, batch.start + left] = _classes([model], examples)[0]
        standing[left] = by_attack[source, batch.start + left] == truth[left]


def _examples(
    members: list[Member],
    source: int,
    attack: Attack,
    pixels: Tensor,
    labels: Tensor,
    places: list[int],
    *,
    seed: int,
    classes: int,
    seen: _Soundness,
) -> Tensor:
    before = _in_evaluation_mode(members)
    examples = craft(attack, members[source].model, pixels, labels, places, seed, classes)
    seen.modes &= before and _in_evaluation_mode(members)
    seen.range &= bool(((examples >= 0) & (examples <= 1)).all())
    seen.changed(attack, largest_change(attack, examples, pixels))
    return examples


def _classes(models: list[Any], pixels: Tensor) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return torch.stack([model(pixels).argmax(1) for model in models]).cpu().numpy()


def _difference_of_two_passes(model: Any, pixels: Tensor) -> float:
    import torch

    with torch.inference_mode():
        first, second = model(pixels).float(), model(pixels).float()
    return float((first - second).abs().max() / first.abs().max().clamp_min(1e-12))


def _in_evaluation_mode(members: list[Member]) -> bool:
    return not any(part.training for member in members for part in member.model.modules())


@contextmanager
def _prepared(members: list[Member]) -> Iterator[None]:
    """Lay the weights out as convolutions like them best: the examples come a quarter sooner on a CPU."""
    import torch

    hooks = []
    for member in members:
        member.model.to(memory_format=torch.channels_last)
        hooks.append(member.model.register_forward_pre_hook(_keep_layout))
    try:
        yield
    finally:
        for member, hook in zip(members, hooks, strict=True):
            hook.remove()
            member.model.to(memory_format=torch.contiguous_format)


def _keep_layout(model: Any, inputs: tuple[Tensor]) -> None:
    """Give the gradient the layout of the image: torchattacks' PGDL2 takes no other."""
    if inputs[0].requires_grad:
        inputs[0].register_hook(lambda gradient: gradient.contiguous())


def example_file(folder: Path, member: Member) -> Path:
    """Name the file of the examples made against a member: by its name and weights."""
    return folder / f"{quote(member.name, safe='')}-{member.digest[:12]}.npy"


@contextmanager
def _saved(
    plan: Plan, member: Member, images: ImageSet, indices: np.ndarray
) -> Iterator[Callable[[slice, Tensor], None]]:
    """Write a source's examples to a ``.npy`` as they come, so that they need never be held at once.

    It is named by the member and its weights, and has its name when it is whole; then a ``.json`` says what it is.
    """
    if plan.folder is None:
        yield lambda batch, examples: None
        return
    path = example_file(plan.folder, member)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        raise EvaluationError(f"save_examples: {plan.folder}: cannot be written to ({error.strerror})") from error
    with atomic_path(path) as partial:
        held = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=(len(images), *images.shape))

        def save(batch: slice, examples: Tensor) -> None:
            held[batch] = examples.cpu().numpy()

        yield save
        held.flush()
    about = {"member": member.name, "digest": member.digest, "seed": plan.seed, "attack": asdict(plan.attack)}
    write_text(path.with_suffix(".json"), json_text(about | {"images": indices.tolist()}))


ON_ITSELF = (
    *("white_box_accuracy", "white_box_accuracy_8bit", "mean_from_source", "asymmetry"),
    *("transfer_success", "fooling_rate"),
)
"""What rests on the matrix's attack on a network; the last two where it is the source."""


def _checks(member: Member, seen: _Soundness, zero_gradient: np.ndarray, *, alone: bool) -> list[Check]:
    name = member.name
    modes = "before and after each attack" if seen.modes else "violated during an attack: the numbers are void"
    pixels = "all examples" if seen.range else "some examples leave it: the numbers are void"
    steady = seen.random_output <= RANDOM_OUTPUT
    twice = f"two passes over the same images differ by {seen.random_output:.1e} of the largest logit"
    share = float(zero_gradient.mean())
    zero = f"{share:.1%} of the images have an input gradient of exactly zero"
    if not steady:
        twice += ": a randomised network is not attacked by its gradient at one draw"
    moves = not stands_still(share)
    if not moves:
        zero += ": the cross-entropy attack stands still there, and robustness is overstated"
        zero += "; so is what transfers from it understated" if member.role == "teacher" else ""
    resting = (*ON_ITSELF, "worst_case_accuracy") if alone else ON_ITSELF
    return [
        *(_within(name, *change) for change in seen.changes.values() if change[0].epsilon is not None),
        Check("networks in evaluation mode", seen.modes, modes, name),
        Check("pixels in [0, 1]", seen.range, pixels, name),
        Check("same output twice", steady, twice, name),
        Check("few zero gradients", moves, zero, name, resting),
    ]


def _within(name: str, attack: Attack, change: float) -> Check:
    within = change <= (attack.epsilon or 0.0) + ROUNDING
    norm = "L2" if attack.norm == "L2" else "L∞"
    detail = f"{attack.label}: largest change {change:.4f} ({norm}), ε {attack.epsilon:.4f}"
    return Check("perturbation within ε", within, detail if within else detail + ": the numbers are void", name)
