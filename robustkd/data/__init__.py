"""Images, labels, and what can be wrong with them."""

from robustkd.data.augmentation import Augmentation
from robustkd.data.batches import Batch, TrainingBatches
from robustkd.data.image_set import Dataset, ImageSet
from robustkd.data.loading import DATASETS, load_dataset

__all__ = ["DATASETS", "Augmentation", "Batch", "Dataset", "ImageSet", "TrainingBatches", "load_dataset"]
