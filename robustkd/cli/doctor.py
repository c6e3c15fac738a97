"""The environment that robustkd runs in: for `robustkd doctor`."""

import platform
from pathlib import Path

import torch

from robustkd.data.loading import data_places
from robustkd.devices import resolve_device
from robustkd.studies.provenance import describe_device, package_versions


def environment(data_root: Path | None) -> list[tuple[str, str]]:
    """Name versions, devices, and which data sets are found.

    Args:
        data_root: Where to look for data sets first.

    Returns:
        Pairs of a name and what there is of it.
    """
    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return [
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        *package_versions().items(),
        *(("device", describe_device(torch.device(device))) for device in devices),
        ("--device auto", str(resolve_device("auto"))),
        ("digits", "found (ships with scikit-learn)"),
        ("cifar10", _found("cifar10", "cifar-10-batches-py", data_root)),
        ("cifar100", _found("cifar100", "cifar-100-python", data_root)),
    ]


def _found(name: str, official: str, data_root: Path | None) -> str:
    places = data_places(data_root)
    holding = [place for place in places if (place / f"{name}.npz").is_file() or (place / official).is_dir()]
    return f"found in {holding[0]}" if holding else f"not found (searched {', '.join(map(str, places))})"
