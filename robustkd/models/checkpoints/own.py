"""Checkpoints: ours are safetensors files whose header describes the network; foreign ones are read safely.

No code in a checkpoint is ever executed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open

from robustkd.atomic import atomic_path
from robustkd.errors import ModelError
from robustkd.models.architectures import check_architecture, create_model
from robustkd.models.channel_order import ChannelOrder
from robustkd.models.checkpoints.fit import load_weights
from robustkd.models.checkpoints.foreign import Weights, advice, read_foreign, unwrap
from robustkd.models.checkpoints.other_code import foreign_model
from robustkd.models.checkpoints.programs import Program, read_program
from robustkd.models.hub.load import is_on_hub, load_from_hub
from robustkd.models.mismatch import refuse_mismatch
from robustkd.models.network_name import named_by_layers
from robustkd.models.pixel_model import PixelModel
from robustkd.models.preprocessing import STATED_BY_CHECKPOINT, Preprocessing
from robustkd.models.resizing import Interpolation
from robustkd.regular_file import why_not_a_file

HEADER_KEY = "robustkd"


def save_model(model: PixelModel, path: str | Path, lineage: Mapping[str, Any] | None = None) -> None:
    """Save a model as safetensors, completely or not at all.

    Args:
        model: The model; its weights, architecture, classes, preprocessing and lineage are kept.
        path: The file to write; conventionally ``*.safetensors``.
        lineage: Entries to add to the model's lineage: method, seed, condition, recipe, … (JSON values).

    Raises:
        ModelError: Its architecture is not registered with timm, so it could not be loaded again.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import robustkd as rk
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rk.save_model(model, Path(folder) / "model.safetensors", {"method": "baseline"})
    ...     loaded = rk.load_model(Path(folder) / "model.safetensors")
    >>> loaded.lineage["method"], loaded.digest() == model.digest()
    ('baseline', True)
    """
    check_architecture(model.architecture)
    network: Any = model.module
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.module.state_dict().items()}
    header = Header(
        architecture=model.architecture,
        options=model.options,
        num_classes=network.num_classes,
        in_chans=network.in_chans,
        mean=model.mean.flatten().tolist() if model.normalises else None,
        std=model.std.flatten().tolist() if model.normalises else None,
        image_size=model.image_size,
        crop_pct=model.crop_pct,
        interpolation=model.interpolation,
        channel_order=model.channel_order,
        classes=model.classes.tolist() if model.classes is not None else None,
        lineage={**model.lineage, **(lineage or {})},
    )
    with atomic_path(Path(path)) as partial:
        safetensors.torch.save_file(
            state, partial, metadata={HEADER_KEY: header.model_dump_json(exclude=_unset(header))}
        )


def _unset(header: "Header") -> set[str]:
    """The settings that version 0.1 does not know, if they are as it has them: it then reads the file."""
    newer = ("crop_pct", "interpolation", "channel_order", "classes")
    return {name for name in newer if getattr(header, name) == Header.model_fields[name].default}


def load_model(
    path: str | Path,
    *,
    architecture: str | None = None,
    num_classes: int | None = None,
    in_chans: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: int | None = None,
    channel_order: ChannelOrder = "rgb",
    options: Mapping[str, Any] | None = None,
    ema: bool = False,
) -> PixelModel:
    """Load a checkpoint of robustkd or of other code.

    A checkpoint of robustkd describes itself; `architecture`, `num_classes` and `in_chans` are then only verified.
    TorchScript archives and exported programs of torch bring their code. Any other file (``.safetensors`` or anything
    that `torch.save` wrote) needs its architecture, unless the names of its weights are those of a widely used CIFAR
    code base; common wrappings around the weights are removed. Pixels are not normalised unless the mean and std of the
    training are given.

    Args:
        path: The file; or ``hf:PATH_OR_ORG/NAME`` for an image classifier of transformers, ``hf-hub:ORG/NAME`` for a
            network of timm on the hub, which state their own normalisation and size.
        architecture: A name that timm knows, or a factory as for `parse_factory`.
        num_classes: The required number of classes; None accepts that of the checkpoint.
        in_chans: The required number of image channels; None accepts that of the checkpoint.
        mean: The mean of a foreign checkpoint's normalisation, one value for each channel.
        std: The standard deviation of a foreign checkpoint's normalisation.
        image_size: The size that images are resized to, for a foreign checkpoint.
        channel_order: The order of the channels that the network of a foreign checkpoint takes, ``rgb`` or ``bgr``.
        options: Further arguments of timm's `create_model`, for a foreign checkpoint.
        ema: Whether to load the exponential moving average of the weights, from a foreign checkpoint that has both.

    Returns:
        The model, frozen and in evaluation mode; `lineage["notes"]` lists what the loader changed or ignored.

    Raises:
        ModelError: The file is missing, damaged, unsafe, or of another architecture or class count.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import robustkd as rk
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rk.save_model(model, Path(folder) / "model.safetensors", {"method": "baseline"})
    ...     loaded = rk.load_model(Path(folder) / "model.safetensors")
    >>> loaded.lineage["method"], loaded.digest() == model.digest()
    ('baseline', True)
    """
    pixels = Preprocessing(mean, std, image_size, channel_order=channel_order)
    if is_on_hub(str(path)):
        if unfit := next((name for name, value in _only_of_files(architecture, options, ema) if value), None):
            raise ModelError(f"{path}: brings its architecture and its weights: leave out {unfit}")
        return load_from_hub(str(path), {"num_classes": num_classes, "in_chans": in_chans}, pixels)
    file = Path(path).expanduser()
    if problem := why_not_a_file(file):
        raise ModelError(f"{file}: {problem}")
    program = read_program(file)
    if program is not None:
        ignored = [name for name, value in _only_of_files(architecture, options, ema) if value]
        return _of_program(program, file, ignored, pixels)
    header, weights = _read(file, ema)
    wanted = {"architecture": architecture, "num_classes": num_classes, "in_chans": in_chans}
    if header is None:
        model = foreign_model(file, weights, wanted, pixels, options or {})
        return model.eval().requires_grad_(False)
    model = _own_model(file, header, wanted)
    load_weights(model, weights.state, file)
    told = [("mean", mean), ("std", std), ("image_size", image_size), ("bgr", channel_order != "rgb" or None)]
    ignored = [name for name, value in (*told, ("options", options), ("ema", ema or None)) if value is not None]
    notes = [*header.lineage.get("notes", [])]
    notes += [f"{', '.join(ignored)}: ignored, because the checkpoint has its own"] if ignored else []
    origin = header.lineage.get("normalisation", STATED_BY_CHECKPOINT)
    model.lineage = {**header.lineage, "file": file.name, "notes": notes, "normalisation": origin}
    return model.eval().requires_grad_(False)


def _only_of_files(architecture: str | None, options: Mapping[str, Any] | None, ema: bool) -> list[tuple[str, Any]]:
    return [("architecture", architecture), ("options", options), ("ema", ema)]


def _of_program(program: Program, file: Path, ignored: list[str], pixels: Preprocessing) -> PixelModel:
    notes = [f"a network with its own code ({program.kind})"]
    if ignored:
        notes.append(f"{', '.join(ignored)}: ignored, because the program has its own")
    with open(file, "rb") as opened:  # its code is not among its weights
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return PixelModel(
        program,
        **pixels.settings(),
        architecture=named_by_layers(program.kind, program.run),
        options={"file": digest},
        lineage={"file": file.name, "notes": notes, "normalisation": pixels.where_from},
    ).eval()


class Header(BaseModel):
    """The header of a checkpoint of robustkd."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal[1] = 1
    architecture: str
    options: dict[str, Any]
    num_classes: int
    in_chans: int
    mean: list[float] | None
    std: list[float] | None
    image_size: int | None
    crop_pct: float | None = None
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "rgb"
    classes: list[int] | None = None
    lineage: dict[str, Any]


def _read(file: Path, ema: bool) -> tuple[Header | None, Weights]:
    if file.suffix != ".safetensors":
        return None, read_foreign(file, ema)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{file}: not a complete safetensors file ({error}); {advice(file)}") from error
    if HEADER_KEY not in metadata:
        return None, unwrap(state, file, ema)
    try:
        return Header.model_validate_json(metadata[HEADER_KEY]), Weights(state, [], state.keys())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole header"
        raise ModelError(
            f"{file}: its robustkd header is damaged or of another version ({place}: {first['msg']})"
        ) from error


def _own_model(file: Path, header: Header, wanted: Mapping[str, Any]) -> PixelModel:
    held = {key: getattr(header, key) for key in wanted}
    held |= {"num_classes": len(header.classes)} if header.classes is not None else {}
    for key in wanted:
        refuse_mismatch(file, key, held[key], wanted[key])
    try:
        model = create_model(**header.model_dump(exclude={"format", "lineage", "classes"}))
        return model.restricted_to(header.classes) if header.classes is not None else model
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
