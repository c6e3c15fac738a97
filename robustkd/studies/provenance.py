"""The provenance of a result: models, data, machine, versions."""

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from robustkd.data import Dataset
from robustkd.models import ModelPool
from robustkd.plugins import loaded_plugins
from robustkd.studies.member_facts import member_facts

PACKAGES = (
    "robustkd",
    "torch",
    "timm",
    "torchattacks",
    "torchvision",
    "cleanlab",
    "imbalanced-learn",
    "scikit-learn",
    "scipy",
    "numpy",
    "pandas",
    "altair",
)


def provenance(pools: Sequence[ModelPool], data: Dataset, device: torch.device, limited: bool) -> dict[str, Any]:
    """Record models, data, versions and machine.

    Args:
        pools: The models.
        data: The images.
        device: The device that computed the results.
        limited: Whether `data` holds only a sample of the test images.

    Returns:
        JSON values.
    """
    members = list(
        {(member.digest, member.condition, member.name): member for pool in pools for member in pool}.values()
    )
    return {
        "members": [member_facts(member) for member in members],
        "seeds": sorted({member.seed for member in members if member.seed is not None}),
        "data": {
            "name": data.name,
            "digest": data.test.digest,
            "train_images": len(data.train) if data.train is not None else None,
            "test_images": len(data.test),
            "classes": data.num_classes,
            "limited": limited,
            "remarks": list(data.remarks),
        },
        "device": describe_device(device),
        "precision": "float32",
        "versions": {"python": platform.python_version(), **package_versions()},
        "plugins": [{"name": plugin.name, "sha256": plugin.digest} for plugin in loaded_plugins()],
        "git": git_revision(),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def describe_device(device: torch.device, threads: int | None = None) -> str:
    """Describe a device, with the number of CPU threads: `threads`, or torch's own choice if None."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()}, {threads or torch.get_num_threads()} threads)"


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def git_revision() -> str | None:
    """Return the git revision of the working directory, with ``+changes`` if files differ; None outside a checkout."""
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        return revision + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
