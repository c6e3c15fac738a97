"""A data set: training images, test images, and the condition of the training images."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from robustkd.data.augmentation import Augmentation
from robustkd.data.condition import Clean, Condition, Conditioned
from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError, printable
from robustkd.notebook import html_table


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A training and a test set of the same classes and image size.

    Attributes:
        name: The name, as for `load_dataset`.
        train: The images to train on; None for a folder that is for evaluation only.
        test: The images to evaluate on.
        augmentation: The augmentation of training images, unless a study replaces it.
        condition: The change applied to the training set before training; `train` itself stays unchanged.
        remarks: What a reader of results must know: a sentence, without its full stop, for each thing that was decided
            or found while loading.
        unlabelled: Images without labels to train on beside the training set, uint8 (M, C, H, W); None for none.

    >>> import robustkd as rk
    >>> rk.load_dataset("digits")
    Dataset(digits: 1297 training and 500 test images, 10 classes, 1×8×8, clean)
    """

    name: str
    train: ImageSet | None
    test: ImageSet
    augmentation: Augmentation = field(default_factory=Augmentation)
    condition: Condition = field(default_factory=Clean)
    remarks: tuple[str, ...] = ()
    unlabelled: Tensor | None = None

    def __post_init__(self) -> None:
        if self.train is None:
            return
        if self.train.class_names != self.test.class_names:
            raise DataError(f"{self.name}: training and test set have different classes")
        if self.train.shape != self.test.shape:
            raise DataError(
                f"{self.name}: training images are {self.train.shape} (C, H, W), test images {self.test.shape}"
            )

    def __repr__(self) -> str:
        training = f"{len(self.train)} training and " if self.train is not None else ""
        size = "×".join(map(str, self.test.shape))
        content = f"{training}{len(self.test)} test images, {self.num_classes} classes, {size}, {self.condition.label}"
        return printable(f"Dataset({self.name}: {content})")

    def _repr_html_(self) -> str:
        """The number of images of each class, for a notebook."""
        sets = {"training": self.train, "test": self.test}
        counts = {
            name: held.labels.bincount(minlength=self.num_classes).tolist() for name, held in sets.items() if held
        }
        rows = [
            [name, *(count[index] for count in counts.values())] for index, name in enumerate(self.test.class_names)
        ]
        totals = ["all", *(sum(count) for count in counts.values())]
        return html_table([repr(self), *(f"{name} images" for name in counts)], [*rows, totals])

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return self.test.num_classes

    @property
    def training(self) -> ImageSet:
        """The training set.

        Raises:
            DataError: The data set has none.
        """
        if self.train is None:
            raise DataError(f"{self.name} has no training images: it can be evaluated on, not trained on")
        return self.train

    def trained_on(self, seed: int | None = None, role: str = "student") -> Conditioned:
        """Return the training set under the condition of the data set.

        Args:
            seed: The seed of the training; only used if the condition makes a new draw for each training.
            role: The role of the network; only used if the condition differs between roles.

        Returns:
            The images with the labels to train on, and their true labels.

        Raises:
            DataError: There is no training set, its images differ in size, or the condition does not fit it.
        """
        if self.train is not None and self.train.photographs:
            raise DataError(
                f"{self.name}: images differ in size, and training needs one: add @SIZE to the name of the data, as "
                "in folder:PATH@224, which resizes the shorter side and cuts out the centre"
            )
        return self.condition.for_role(role).apply(self.training, seed or 0)

    def in_memory(self) -> "Dataset":
        """Read all images that are on disk; the digest does not change."""
        train = self.train.in_memory() if self.train is not None else None
        return replace(self, train=train, test=self.test.in_memory())

    def with_workers(self, workers: int | None) -> "Dataset":
        """Choose how many processes decode images that are on disk; no result depends on it.

        Args:
            workers: The number; 0 for threads of this process, None for one process for each core.
        """
        train = self.train.with_workers(workers) if self.train is not None else None
        return replace(self, train=train, test=self.test.with_workers(workers))

    @property
    def digest(self) -> str:
        """SHA-256 over both sets."""
        parts = [self.train.digest if self.train is not None else "none", self.test.digest]
        return hashlib.sha256("".join(parts).encode()).hexdigest()


Loader = Callable[..., Dataset]
"""A function that takes ``path=`` and ``root=`` and returns a data set."""
