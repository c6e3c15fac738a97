"""What a report says about a network: where it comes from, and what it does with the pixels."""

from typing import Any

import torch

from robustkd.models import Member, PixelModel
from robustkd.models.preprocessing import NOT_STATED

MODEL_FILE = "model.safetensors"
"""The file of every network that a study trains."""

GIVEN_IN_PYTHON, NO_PARAMETERS = "given in Python", "no parameters"


def member_facts(member: Member) -> dict[str, Any]:
    """Describe a network, in JSON values.

    Args:
        member: The network.

    Returns:
        Its names, size, source, preprocessing and where its normalisation comes from, the size of its input (None for
        that of the images), the outputs that are used (None for all), the number of renamed weights, its precision,
        digest, notes and lineage.
    """
    model, lineage = member.model, member.model.lineage
    return {
        "member": member.name,
        "role": member.role,
        "method": member.method,
        "architecture": member.architecture,
        "parameters": model.num_parameters,
        "source": _source(lineage),
        "preprocessing": preprocessing(model),
        "normalisation": _normalisation(model),
        "input_size": model.image_size,
        "class_map": model.classes.tolist() if model.classes is not None else None,
        "renamed": lineage.get("renamed", 0),
        "precision": _precision(model),
        "seed": member.seed,
        "condition": member.condition,
        "digest": member.digest,
        "notes": [*lineage.get("notes", []), *_remarks(member)],
        "lineage": {key: value for key, value in lineage.items() if key != "notes"},
    }


def preprocessing(model: PixelModel) -> str:
    """Describe what a network does with pixels in [0, 1] before its first layer.

    Args:
        model: The network.

    Returns:
        Such as ``mean 0.491, 0.482, 0.447; std 0.247; resized to 224, centre 87.5 %, bicubic``; ``none`` if nothing.
    """
    done = []
    if model.normalises:
        done += [f"{name} {_values(held)}" for name, held in (("mean", model.mean), ("std", model.std))]
    done += ["channels in the order blue, green, red"] if model.channel_order == "bgr" else []
    if model.image_size is not None:
        centre = f", centre {100 * model.crop_pct:g} %" if model.crop_pct is not None else ""
        done.append(f"resized to {model.image_size}{centre}, {model.interpolation}")
    return "; ".join(done) or "none"


def _normalisation(model: PixelModel) -> str:
    """Where the normalisation comes from."""
    return str(model.lineage.get("normalisation", GIVEN_IN_PYTHON if model.normalises else NOT_STATED))


def _remarks(member: Member) -> list[str]:
    """What is said of a network only where it is not as usual."""
    renamed, precision = member.model.lineage.get("renamed", 0), _precision(member.model)
    remarks = [f"{renamed} of its weights have other names in the file"] if renamed else []
    return [*remarks, f"computes in {precision}"] if precision not in ("float32", NO_PARAMETERS) else remarks


def _values(held: torch.Tensor) -> str:
    values = [f"{value:.4g}" for value in held.flatten().tolist()]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _source(lineage: dict[str, Any]) -> str:
    file = str(lineage.get("source", lineage.get("file", MODEL_FILE)))
    if file != MODEL_FILE:
        return file
    return "trained by robustkd" if "method" in lineage else GIVEN_IN_PYTHON


def _precision(model: PixelModel) -> str:
    kinds = {str(each.dtype).removeprefix("torch.") for each in model.parameters() if each.is_floating_point()}
    return ", ".join(sorted(kinds)) or NO_PARAMETERS
