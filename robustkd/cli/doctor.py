"""`robustkd doctor`: versions, devices, threads, and which data sets are found; or what is wrong with a network."""

import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.diagnosis import diagnose_models
from robustkd.cli.options import DataRoot, Device, Plugin, load_named_plugins
from robustkd.errors import BadInputError


def doctor(
    models: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A network whose settings are to be found, as [NAME=][ARCHITECTURE:]PATH; repeatable.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="The images to try it on.", show_default=False)
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="The size that images are resized to.", show_default=False)
    ] = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    plugin: Plugin = None,
) -> None:
    """Show the environment: versions, devices, threads, plugins, and which data sets are found.

    With --models, find out instead why networks are worse than expected: on 500 test images, the usual normalisations,
    both orders of the channels, and other orders of the classes are tried.

    Example: robustkd doctor --data cifar10 --models kd=resnet18:kd.pth
    """
    load_named_plugins(plugin)
    if models:
        diagnose_models(models, data, data_root, image_size, device)
        return
    if data is not None:
        raise BadInputError("--data is for --models: name the networks, as in --models kd=resnet18:kd.pth")
    for name, found in environment(data_root):
        print(f"{name:<18} {found}")


def environment(data_root: Path | None) -> list[tuple[str, str]]:
    """Describe the environment.

    Args:
        data_root: The directory that is searched first for data sets.

    Returns:
        Pairs of a name and what was found.
    """
    import torch

    from robustkd.devices import resolve_device
    from robustkd.plugins import loaded
    from robustkd.studies.provenance import describe_device, package_versions

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return [
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        *package_versions().items(),
        *(("device", describe_device(torch.device(device))) for device in devices),
        ("--device auto", str(resolve_device("auto"))),
        ("cores", str(os.cpu_count())),
        ("threads", f"1 for each training, {torch.get_num_threads()} for an evaluation ({_reason()})"),
        ("plugins", ", ".join(loaded()) or "none loaded"),
        ("digits", "found (part of scikit-learn)"),
        ("cifar10", _found("cifar10", "cifar-10-batches-py", data_root)),
        ("cifar100", _found("cifar100", "cifar-100-python", data_root)),
    ]


def _reason() -> str:
    given = os.environ.get("OMP_NUM_THREADS")
    threads = f"OMP_NUM_THREADS={given}" if given else "set OMP_NUM_THREADS for fewer"
    waiting = os.environ.get("OMP_WAIT_POLICY", "").upper()
    return threads + ("; idle threads sleep" if waiting == "PASSIVE" else "; idle threads may spin")


def _found(name: str, official: str, data_root: Path | None) -> str:
    from robustkd.data.loading import data_places

    places = data_places(data_root)
    holding = [place for place in places if (place / f"{name}.npz").is_file() or (place / official).is_dir()]
    return f"found in {holding[0]}" if holding else f"not found (searched {', '.join(map(str, places))})"
