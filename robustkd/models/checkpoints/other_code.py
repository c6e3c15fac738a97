"""Networks for the weights that other code saved: from timm, from the user's code, or known by the names of weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from robustkd.errors import ModelError
from robustkd.models.architectures import check_architecture, classifier_name, create_model, first_convolution_name
from robustkd.models.checkpoints.code_bases import recognise, whose
from robustkd.models.checkpoints.fit import load_weights
from robustkd.models.checkpoints.foreign import Weights
from robustkd.models.checkpoints.stored_normalisation import StoredNormalisation, stored_normalisation
from robustkd.models.factories import Factory, build_network, name_of, parse_factory
from robustkd.models.mismatch import refuse_mismatch
from robustkd.models.pixel_model import PixelModel
from robustkd.models.preprocessing import Preprocessing

ITSELF = "the network itself"


def foreign_model(
    file: Path,
    weights: Weights,
    wanted: Mapping[str, Any],
    given: Preprocessing,
    options: Mapping[str, Any],
) -> PixelModel:
    """Build the network of weights that other code saved, and load them.

    Args:
        file: The file, for messages.
        weights: The weights.
        wanted: The required architecture, number of classes (`num_classes`) and of channels (`in_chans`), or None.
        given: What the user says of the pixels; a normalisation that is stored among the weights comes second.
        options: Further arguments of timm's `create_model`.

    Returns:
        The model. Its lineage says where the normalisation comes from, and how many weights were renamed.

    Raises:
        ModelError: There is no such network, or these are not its weights.
    """
    factory = parse_factory(wanted["architecture"]) if wanted["architecture"] else None
    if factory is not None:
        model, state, notes = _built(factory, weights, wanted, given)
    else:
        model, state, notes = _of_timm(file, weights, wanted, given, options)
    load_weights(model, state, file)
    kinds = {str(each.dtype).removeprefix("torch.") for each in state.values() if each.is_floating_point()}
    if other := sorted(kinds - {"float32"}):
        notes.append(f"weights stored in {', '.join(other)}, used in float32")
    model.lineage |= {
        "file": file.name,
        "notes": [*weights.notes, *notes],
        "renamed": len(state.keys() - set(weights.names)),
    }
    return model


def _built(
    factory: Factory, weights: Weights, wanted: Mapping[str, Any], given: Preprocessing
) -> tuple[PixelModel, dict[str, Tensor], list[str]]:
    """What a function builds; it may normalise by itself, with values that are among its weights."""
    network = build_network(factory, wanted["num_classes"] or _classes(weights.state), wanted["in_chans"])
    stored, origin = stored_normalisation(weights.state), ""
    if stored is not None and set(stored.names) <= network.state_dict().keys():
        stored, origin = None, ITSELF
    state, pixels, notes = _without(stored, weights.state, given)
    model = PixelModel(network, **pixels.settings(), architecture=name_of(factory, network))
    model.lineage["normalisation"] = pixels.where_from if pixels.normalises or not origin else origin
    return model, state, notes


def _of_timm(
    file: Path, weights: Weights, wanted: Mapping[str, Any], given: Preprocessing, options: Mapping[str, Any]
) -> tuple[PixelModel, dict[str, Tensor], list[str]]:
    """A network of timm or of this package, which the names of the weights may tell."""
    state, pixels, notes = _without(stored_normalisation(weights.state), weights.state, given)
    known = recognise(state)
    if known is not None and wanted["architecture"] in (None, known.architecture):
        wanted, state = {**wanted, "architecture": known.architecture}, known.state
        options = known.options | dict(options)
        notes.append(f"the names of its weights are those of {known.code_base}")
    model = create_model(**_settings(file, state, wanted), **pixels.settings(), options=options)
    model.lineage["normalisation"] = pixels.where_from
    return model, state, notes


def _without(
    stored: StoredNormalisation | None, state: dict[str, Tensor], given: Preprocessing
) -> tuple[dict[str, Tensor], Preprocessing, list[str]]:
    """The weights without a stored normalisation, the preprocessing with it, and notes."""
    if stored is None:
        return state, given, []
    names = " and ".join(stored.names)
    found = Preprocessing(stored.mean, stored.std, origin=f"stored among the weights ({names})")
    notes = [f"{names} are not used, because mean and std are given"] if given.normalises else []
    return stored.rest, given.completed_by(found), [*notes, *stored.notes]


def _settings(file: Path, state: Mapping[str, Tensor], wanted: Mapping[str, Any]) -> dict[str, Any]:
    architecture = wanted["architecture"]
    if architecture is None:
        like = whose(state)
        hint = f" (it looks like that of {like})" if like else ""
        raise ModelError(f"{file}: does not name its architecture{hint}; give it, as in resnet18:{file}")
    check_architecture(architecture)
    held = {
        "num_classes": _axis(state, classifier_name(architecture), 0),
        "in_chans": _axis(state, first_convolution_name(architecture), 1),
    }
    for key, value in held.items():
        refuse_mismatch(file, key, value, wanted[key])
    if classifier_name(architecture) is None and wanted["num_classes"] is None:
        raise ModelError(f"{file}: does not tell the number of classes of {architecture}; give num_classes")
    # if the weights lack the classifier, any number serves: loading fails and names what is missing
    return {
        "architecture": architecture,
        "num_classes": held["num_classes"] or wanted["num_classes"] or 1,
        "in_chans": held["in_chans"] or wanted["in_chans"] or 3,
    }


def _classes(state: Mapping[str, Tensor]) -> int | None:
    """The rows of the last matrix, which in most networks is that of the classifier."""
    return next((len(tensor) for tensor in reversed(list(state.values())) if tensor.ndim == 2), None)


def _axis(state: Mapping[str, Tensor], module_name: str | None, axis: int) -> int | None:
    weight = state.get(f"{module_name}.weight")
    return int(weight.shape[axis]) if weight is not None and weight.ndim > axis else None
