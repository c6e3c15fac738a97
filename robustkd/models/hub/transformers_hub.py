"""Image classifiers of transformers, from the hub or from a folder that `save_pretrained` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from robustkd.errors import ModelError
from robustkd.models.hub.found import FoundNetwork, loaded
from robustkd.models.hub.image_processor import stated_by
from robustkd.models.network_name import named_by_layers
from robustkd.models.preprocessing import Preprocessing

EXTRA = "pip install 'robustkd[hub]'"

NAMED = 5
"""The most tensors that an error names."""

_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


def from_transformers(name: str) -> FoundNetwork:
    """Load an image classifier; its image processor says how it sees images.

    Weights are read from safetensors, else with ``weights_only=True``; code of a repository is refused.

    Args:
        name: A folder, or the name of a repository, ``ORG/NAME``.

    Raises:
        ModelError: transformers is missing, there is no such classifier, it would execute code, or its weights are
            incomplete.
    """
    source, folder = f"hf:{name}", Path(name).expanduser()
    _refuse_what_is_no_repository(source, folder)
    try:
        import transformers
    except ImportError as error:
        raise ModelError(f"{source}: needs transformers: {EXTRA}") from error
    place = {"pretrained_model_name_or_path": str(folder) if folder.is_dir() else name, "trust_remote_code": False}
    place |= {"local_files_only": True} if folder.is_dir() else {}
    with _quiet(transformers):
        network, report = loaded(
            source,
            lambda: transformers.AutoModelForImageClassification.from_pretrained(
                **place, weights_only=True, dtype=torch.float32, output_loading_info=True
            ),
        )
        missing = sorted(report["missing_keys"])
        if missing:
            told = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
            raise ModelError(f"{source}: its weights lack {told}: is it a classifier, and not a backbone?")
        stated, notes = _preprocessing(transformers, place, source, folder)
    network.num_classes = network.config.num_labels
    network.in_chans = getattr(network.config, "num_channels", None)
    if stated.image_size is not None:  # what timm's networks say of themselves
        network.default_cfg = {
            "input_size": (3, stated.image_size, stated.image_size),
            "crop_pct": stated.crop_pct or 1.0,
            "interpolation": stated.interpolation,
            "crop_mode": "squash" if stated.crop_pct is None else "center",
        }
    architecture = named_by_layers(type(network).__name__, network)
    return FoundNetwork(network, architecture, stated, [f"loaded by transformers {transformers.__version__}", *notes])


def _refuse_what_is_no_repository(source: str, folder: Path) -> None:
    if folder.is_file():
        raise ModelError(f"{source}: is a file; name the folder that save_pretrained wrote")
    if not folder.is_dir() and (folder.is_absolute() or len(folder.parts) != 2 or folder.parts[0] in (".", "..")):
        raise ModelError(f"{source}: no such folder, and the name of a repository is ORG/NAME")


def _preprocessing(
    transformers: Any, place: dict[str, Any], source: str, folder: Path
) -> tuple[Preprocessing, list[str]]:
    if folder.is_dir() and not any((folder / file).is_file() for file in _PROCESSOR_FILES):
        return Preprocessing(), ["it has no image processor, which would say how images are prepared"]
    processor = loaded(source, lambda: transformers.AutoImageProcessor.from_pretrained(**place))
    if not hasattr(processor, "image_mean"):
        raise ModelError(
            f"{source}: its image processor does not state mean and std; a network of timm is named hf-hub:"
        )
    return stated_by(processor, source), []


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without progress bars, and without warnings: missing weights are an error here."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
