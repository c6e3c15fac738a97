"""A look at what a network does with a few images, before anything is measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from robustkd.errors import ModelError
from robustkd.models import Member
from robustkd.models.modes import in_evaluation_mode
from robustkd.results.records import Check

IMAGES = 4
"""The number of images of a probe."""

SAME = 1e-3
"""The largest difference of two passes over the same images that is rounding, relative to the largest logit."""

SAME_ALONE = 1e-2
"""The same for images in another batch, for which a GPU may choose other algorithms."""

PROBABILITIES = 1e-3
"""The largest deviation of the sum of a row from 1."""

_DIGITS = 3
"""The decimals of the logits, relative to the largest one, that a fingerprint keeps."""


@dataclass(frozen=True, eq=False)
class Probed:
    """What a probe found.

    Attributes:
        member: The member, with its fingerprint, and with logits where it gave probabilities.
        log_probabilities: What it predicts for the images of the probe, float64 (P, K); None where nothing usable.
        problem: Why it cannot be measured; empty where it can.
        no_gradient: Why the gradient with respect to the image cannot be computed; empty where it can.
        checks: What was tested of its numbers.
        notes: What a reader must know, each a sentence without its full stop.
    """

    member: Member
    log_probabilities: Tensor | None = None
    problem: str = ""
    no_gradient: str = ""
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()


def probe(member: Member, pixels: Tensor, classes: int) -> Probed:
    """Find out whether a network can be measured, and whether its numbers would mean anything.

    Args:
        member: The member, in evaluation mode, on the device of the pixels.
        pixels: A few images, float32 (P, C, H, W) in [0, 1]; they are left as they are.
        classes: The number of classes of the data.

    Returns:
        The findings.
    """
    try:
        first = _logits(member, pixels, classes)
    except _UnusableError as error:
        return Probed(member, problem=str(error))
    finally:
        member.model.eval()
    found = replace(member, fingerprint=_fingerprint(first))
    notes = []
    if _are_probabilities(_of_all_outputs(member, pixels, first)):
        notes.append(f"{member.name} gives probabilities instead of logits: their logarithms are used as logits")
        if bool(((first == 0) | (first == 1)).all()):
            notes.append(f"{member.name} gives 0 and 1 only, so nothing that rests on its confidence has a meaning")
        found = replace(found, model=found.model.with_logits_from_probabilities())
        first = _pass(found, pixels)
    if first.dtype != torch.float32:
        notes.append(f"{member.name} computes its logits in {_precision(first.dtype)}, with coarser rounding")
    checks = _steadiness(found, pixels, first.float()) if bool(first.isfinite().all()) else ()
    spoken = first.double().log_softmax(dim=1).cpu()
    return Probed(found, spoken, "", _why_no_gradient(found, pixels), checks, tuple(notes))


class _UnusableError(Exception):
    """The reason why a network cannot be measured."""


def _logits(member: Member, pixels: Tensor, classes: int) -> Tensor:
    given = pixels.clone()
    try:
        logits = _pass(member, given)
    except ModelError as error:
        raise _UnusableError(str(error)) from error
    except (Exception, SystemExit) as error:  # a network may fail in any way
        raise _UnusableError(_why_it_fails(member, pixels, error)) from error
    if not logits.is_floating_point():
        raise _UnusableError(f"gives numbers of type {_precision(logits.dtype)}, not logits")
    if logits.shape != (len(pixels), classes):
        raise _UnusableError(
            f"gives {logits.shape[1]} outputs for each image, but the data has {classes} classes: replace its last "
            f"layer, or use data with its classes"
            if len(logits) == len(pixels)
            else f"gives {len(logits)} rows of logits for {len(pixels)} images"
        )
    if not torch.equal(given, pixels):
        raise _UnusableError(
            "changes its input in place, which would change the images of the others: write x = x - mean"
        )
    if not in_evaluation_mode([member.model]):
        raise _UnusableError("switches to training mode in its forward pass: remove .train() from it")
    if logits.device != pixels.device:
        raise _UnusableError(f"returns its logits on {logits.device} for images on {pixels.device}")
    return logits


def _pass(member: Member, pixels: Tensor) -> Tensor:
    with torch.no_grad():  # a network may keep a tensor for later, which inference mode would make useless for attacks
        return torch.as_tensor(member.model(pixels))


def _of_all_outputs(member: Member, pixels: Tensor, logits: Tensor) -> Tensor:
    """The outputs of a network, also those that a class map leaves out: only all probabilities sum to 1."""
    if member.model.classes is None:
        return logits
    return _pass(replace(member, model=member.model.restricted_to(None)), pixels)


def _why_it_fails(member: Member, pixels: Tensor, error: BaseException) -> str:
    kinds = {parameter.dtype for parameter in member.model.parameters() if parameter.is_floating_point()}
    other = next((kind for kind in kinds if kind != torch.float32), None)
    if other is not None:
        return f"computes in {_precision(other)}, images are float32: convert it with network.float()"
    reason = (str(error).splitlines() or [""])[0]
    shape = "×".join(map(str, pixels.shape[1:]))
    return f"fails on images of {shape}: {type(error).__name__}{f': {reason}' if reason else ''}"


def _precision(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def _are_probabilities(logits: Tensor) -> bool:
    outside = (logits < -PROBABILITIES) | (logits > 1 + PROBABILITIES)
    return not bool(outside.any()) and bool(((logits.float().sum(dim=1) - 1).abs() < PROBABILITIES).all())


def _steadiness(member: Member, pixels: Tensor, first: Tensor) -> tuple[Check, ...]:
    """Compare a pass with another one over the same images, and with passes over some of them."""
    size = float(first.abs().max().clamp_min(1e-12))
    again = float((_pass(member, pixels).float() - first).abs().max()) / size
    steady = again <= SAME
    twice = f"{member.name} gives the same logits for the same images twice"
    if not steady:
        twice = (
            f"{member.name} gives other logits for the same images: they differ by {again:.1g} of the largest, so "
            "nothing that it answers is repeatable; is there dropout or noise in its forward pass?"
        )
    checks = [Check("same logits in every pass", steady, twice, member.name)]
    if steady:
        checks.append(_independence(member, pixels, first / size, size))
    return tuple(checks)


def _independence(member: Member, pixels: Tensor, expected: Tensor, size: float) -> Check:
    name = "logits independent of the batch"
    for some in (slice(0, 1), slice(len(pixels) - 1, len(pixels)), slice(0, max(len(pixels) // 2, 1))):
        try:
            differs = float((_pass(member, pixels[some]).float() / size - expected[some]).abs().max())
        except Exception:  # batch statistics of one image do not exist for some layers
            differs = float("inf")
        if differs > SAME_ALONE:
            detail = (
                f"{member.name} gives an image other logits alone than among others, so its numbers depend on the "
                "order of the images; does a normalisation use the statistics of the batch?"
            )
            return Check(name, False, detail, member.name)
    return Check(name, True, f"{member.name} gives an image the same logits alone and among others", member.name)


def _why_no_gradient(member: Member, pixels: Tensor) -> str:
    """Why the loss has no gradient with respect to the image; empty where it has one."""
    inputs = pixels.clone().requires_grad_(True)
    try:
        with torch.enable_grad():
            logits: Any = member.model(inputs)
            loss = torch.nn.functional.cross_entropy(logits.float(), logits.argmin(dim=1))
            (gradient,) = torch.autograd.grad(loss, inputs, allow_unused=True)
    except Exception as error:  # a forward pass without gradient, or one that fails in any other way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return f"has no gradient with respect to the image ({reason})"
    return "" if gradient is not None else "has no gradient with respect to the image: its forward pass detaches it"


def _fingerprint(logits: Tensor) -> str:
    """Hash logits, with few enough digits that rounding errors of another machine hardly ever matter."""
    known = torch.nan_to_num(logits.double().cpu(), nan=-1e30, posinf=1e30, neginf=-1e30)
    size = float(known.abs().max().clamp_min(1e-30))
    kept = (known / size * 10**_DIGITS).round().long().numpy()
    return hashlib.sha256(kept.tobytes() + f"{size:.2e}".encode()).hexdigest()
