"""Load ``hf:PATH_OR_ORG/NAME`` with transformers, and ``hf-hub:ORG/NAME`` with timm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robustkd.errors import ModelError
from robustkd.models.mismatch import refuse_mismatch
from robustkd.models.pixel_model import PixelModel
from robustkd.models.preprocessing import Preprocessing

TRANSFORMERS, TIMM = "hf:", "hf-hub:"


def is_on_hub(architecture: str | None) -> bool:
    """Whether an architecture brings its weights from a hub or from a folder as a hub has it."""
    return architecture is not None and architecture.startswith((TRANSFORMERS, TIMM))


def load_from_hub(architecture: str, wanted: Mapping[str, Any], given: Preprocessing) -> PixelModel:
    """Load a network with its weights and its preprocessing. No code of a hub is ever executed.

    Args:
        architecture: ``hf:`` and a folder or the name of a repository, or ``hf-hub:`` and the name of a repository.
        wanted: The required number of classes (`num_classes`) and of channels (`in_chans`), or None.
        given: What the user says of the pixels; what the hub says comes second.

    Returns:
        The model, frozen and in evaluation mode.

    Raises:
        ModelError: It cannot be loaded, or is another one than required.
    """
    from robustkd.models.hub.timm_hub import from_timm_hub
    from robustkd.models.hub.transformers_hub import from_transformers

    kind, _, name = architecture.partition(":")
    if not name:
        raise ModelError(f"{architecture!r} needs the name of a repository, as in {architecture}ORG/NAME")
    found = from_timm_hub(name) if f"{kind}:" == TIMM else from_transformers(name)
    for key in ("num_classes", "in_chans"):
        refuse_mismatch(architecture, key, getattr(found.network, key), wanted.get(key))
    pixels = given.completed_by(found.stated)
    revision = _revision(name)
    notes = [*found.notes, f"revision {revision}"] if revision else found.notes
    return (
        PixelModel(
            found.network,
            **pixels.settings(),
            architecture=found.architecture,
            options=found.options,
            lineage={"file": architecture, "notes": notes, "normalisation": pixels.where_from},
        )
        .eval()
        .requires_grad_(False)
    )


def _revision(name: str) -> str | None:
    """The commit of a repository that was just fetched; None for a folder."""
    from huggingface_hub import try_to_load_from_cache

    if Path(name).expanduser().is_dir():
        return None
    repository, _, wanted = name.partition("@")
    config = try_to_load_from_cache(repository, "config.json", revision=wanted or None)
    return Path(config).parent.name if isinstance(config, str) else None
