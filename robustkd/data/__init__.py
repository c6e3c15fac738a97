"""Images, labels, and what can be wrong with them."""

from robustkd.data.augmentation import Augmentation
from robustkd.data.batches import Batch, TrainingBatches
from robustkd.data.condition import CONDITIONS, Clean, Condition, Conditioned
from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS, load_dataset

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
