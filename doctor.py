"""`robustkd doctor`: the environment that robustkd runs in."""

from pathlib import Path

from robustkd.cli.options import DataRoot, Plugins, use_plugins
from robustkd.errors import printable


def doctor(data_root: DataRoot = None, plugin: Plugins = None) -> None:
    """Show versions, devices, threads, and which data sets are found."""
    use_plugins(plugin)
    for name, found in environment(data_root):
        print(f"{name:<15} {printable(found)}")


def environment(data_root: Path | None) -> list[tuple[str, str]]:
    """Describe versions, devices, threads, and which data sets are found.

    Args:
        data_root: The directory in which data sets are looked for first.

    Returns:
        Pairs of a name and a description.
    """
    import platform

    import torch

    from robustkd.devices import resolve_device
    from robustkd.studies.provenance import describe_device, package_versions

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    return [
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        *package_versions().items(),
        *(("device", describe_device(torch.device(device))) for device in devices),
        ("--device auto", str(resolve_device("auto"))),
        *_threads(),
        ("digits", "found (ships with scikit-learn)"),
        ("cifar10", _found("cifar10", "cifar-10-batches-py", data_root)),
        ("cifar100", _found("cifar100", "cifar-100-python", data_root)),
    ]


def _threads() -> list[tuple[str, str]]:
    import os

    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    given = os.environ.get("OMP_NUM_THREADS")
    here = torch.get_num_threads()
    return [
        ("cores", f"{os.cpu_count()}, of which this process may use {usable}"),
        ("threads", f"{here} by default in torch, OMP_NUM_THREADS is {given if given is not None else 'not set'}"),
        ("training", "1 thread for each process, unless --threads gives another number"),
        ("evaluation", f"{here} thread{'s' if here > 1 else ''}; OMP_NUM_THREADS sets another number"),
    ]


def _found(name: str, official: str, data_root: Path | None) -> str:
    from robustkd.data.loading import data_places

    places = data_places(data_root)
    holding = [place for place in places if (place / f"{name}.npz").is_file() or (place / official).is_dir()]
    return f"found in {holding[0]}" if holding else f"not found (looked in {', '.join(map(str, places))})"
