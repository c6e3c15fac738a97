"""Data sets, the conditions and corruptions applied to them, and training batches."""

from typing import TYPE_CHECKING, Any

from robustkd.lazy import exported

if TYPE_CHECKING:
    from robustkd.data.augmentation import Augmentation
    from robustkd.data.batches import Batch, TrainingBatches
    from robustkd.data.condition import CONDITIONS, Clean, Condition, Conditioned
    from robustkd.data.dataset import Dataset
    from robustkd.data.image_set import ImageSet
    from robustkd.data.loading import DATASETS, load_dataset

_HOMES = {
    "robustkd.data.augmentation": ("Augmentation",),
    "robustkd.data.batches": (
        "Batch",
        "TrainingBatches",
    ),
    "robustkd.data.condition": (
        "CONDITIONS",
        "Clean",
        "Condition",
        "Conditioned",
    ),
    "robustkd.data.dataset": ("Dataset",),
    "robustkd.data.image_set": ("ImageSet",),
    "robustkd.data.loading": (
        "DATASETS",
        "load_dataset",
    ),
}

__all__ = [
    "CONDITIONS",
    "DATASETS",
    "Augmentation",
    "Batch",
    "Clean",
    "Condition",
    "Conditioned",
    "Dataset",
    "ImageSet",
    "TrainingBatches",
    "load_dataset",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that code that needs no torch does not import it."""
    return exported(__name__, _HOMES, name)
