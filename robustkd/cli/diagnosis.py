"""`robustkd doctor --models`: which normalisation, order of channels and order of classes fit each network."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from robustkd.errors import BadInputError, ModelError, printable

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import PixelModel
    from robustkd.validity.diagnosis import Diagnosis, Trial

IMAGES = 500
"""The number of test images that are tried."""

SHOWN = 4
"""The number of settings that are shown, besides those given."""

NORMALISED_AS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
"""The normalisation that networks for a data set usually have; others like it fit as well."""

OWN_CHECKPOINT = "it is a checkpoint of robustkd, which states its own settings: load it in Python, and save it anew"


def diagnose_models(
    models: Sequence[str], data_name: str | None, data_root: Path | None, image_size: int | None, device_name: str
) -> None:
    """Try the usual settings of each network, and print which fit best and how to give them.

    Args:
        models: The networks, as ``[NAME=][ARCHITECTURE:]PATH``.
        data_name: The data set.
        data_root: The directory of the data sets.
        image_size: The size that images are resized to.
        device_name: The device that computes.

    Raises:
        BadInputError: There is no data, or a network cannot be tried.
    """
    if data_name is None:
        raise BadInputError("--models needs images to try the networks on: give --data")
    from robustkd.data import load_dataset
    from robustkd.devices import resolve_device
    from robustkd.models import ModelPool
    from robustkd.progress import progress
    from robustkd.studies.photographs import fit_to_photographs
    from robustkd.validity.diagnosis import diagnose, settings_for

    device, data = resolve_device(device_name), load_dataset(data_name, data_root)
    loaded = [_loaded(text, data, image_size) for text in models]
    for name, model in loaded:
        (member,), shown = fit_to_photographs(ModelPool(students={name: model}), data)
        images = shown.test.subset(shown.test.sample_indices(IMAGES))
        with progress(f"try {name}", 1 + len(settings_for(images.shape[0]))) as advance:
            try:
                found = diagnose(member.model, images, device, NORMALISED_AS.get(data.name, ""), advance)
            except ModelError as error:
                raise ModelError(f"--models {name}: {error}") from error
        _show(name, model, found, data)


def verdict(name: str, model: "PixelModel", found: "Diagnosis") -> str:
    """Say in a line which settings fit best, and how to give them.

    Args:
        name: The name of the network.
        model: The network.
        found: What was tried.
    """
    from robustkd.models.preprocessing import STATED_BY_CHECKPOINT

    fits, given = found.fits, found.given
    chance = max(fits.labels.tolist().count(label) for label in set(fits.labels.tolist())) / len(fits.labels)
    accuracy = f"{100 * fits.best.mean():.1f} %"
    if fits.best.mean() < chance + 0.1 * (1 - chance):
        return (
            f"{name}: nothing fits, at best {accuracy} with chance at {100 * chance:.1f} %: check architecture, "
            "weights, image size and labels"
        )
    flags = _flags(name, fits, given)
    if not flags:
        return f"{name}: fits best as given, {accuracy}"
    better = f" instead of {100 * given.correct.mean():.1f} %" if given.logits.shape[1] == given.num_classes else ""
    states_it = model.lineage.get("normalisation") == STATED_BY_CHECKPOINT
    how = OWN_CHECKPOINT if states_it else f"give {' '.join(flags)}"
    return f"{name}: fits best with {_told(found)}, {accuracy}{better}: {how}"


def _flags(name: str, fits: "Trial", given: "Trial") -> list[str]:
    flags = []
    if not fits.setting.scales_as(given.setting):
        mean, std = fits.setting.mean or (0.0,), fits.setting.std or (1.0,)
        flags.append(f"--normalise {name}={_values(mean)}/{_values(std)}")
    if fits.setting.channel_order == "bgr":
        flags.append(f"--bgr {name}")
    if fits.permuted:
        flags.append(f"--classes {name}={','.join(map(str, fits.order))}")
    return flags


def _show(name: str, model: "PixelModel", found: "Diagnosis", data: "Dataset") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=printable(f"{name} ({model.architecture}) on {len(found.given.labels)} images of {data.name}"))
    for head in ("normalisation", "channels", "accuracy", "with classes in the best order"):
        table.add_column(head, justify="right" if "accuracy" in head or "best" in head else "left")
    for trial in (found.given, *found.others[:SHOWN]):
        own = f"{100 * trial.correct.mean():.1f} %" if trial.logits.shape[1] == trial.num_classes else "–"
        best = f"{100 * trial.correct_in_best_order.mean():.1f} %"
        table.add_row(trial.setting.name, trial.setting.channel_order.upper(), own, best)
    console = Console()
    console.print(table)
    print(printable(verdict(name, model, found)))


def _told(found: "Diagnosis") -> str:
    """What fits best, and what fits as well."""
    fits, parts = found.fits, []
    if fits is not found.given:
        equal = ", ".join(f"{trial.setting.name} {trial.setting.channel_order.upper()}" for trial in found.as_good)
        as_well = f" ({equal} may fit as well)" if equal else ""
        parts.append(f"normalisation {fits.setting.name} and channels {fits.setting.channel_order.upper()}{as_well}")
    if fits.permuted:
        of_all = fits.logits.shape[1] == fits.num_classes
        parts.append("its classes in another order" if of_all else f"{fits.num_classes} of its outputs")
    return " and ".join(parts)


def _values(values: Sequence[float]) -> str:
    return ",".join(f"{value:.6g}" for value in values)


def _loaded(text: str, data: "Dataset", image_size: int | None) -> "tuple[str, PixelModel]":
    from robustkd.models.given import GivenModel, load_given, parse_model

    name, architecture, path = parse_model(text)
    name = name or Path(path or str(architecture)).stem
    try:
        model = load_given(GivenModel(path, architecture, image_size=image_size), None, data.test.pixels(0, 1))
    except ModelError as error:
        raise ModelError(f"--models {name}: {error}") from error
    return name, model
