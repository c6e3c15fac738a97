"""Wrong labels in the training set: drawn at random, drawn from a matrix, or given by people.

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), Table V: each label is
replaced with probability σ by a class drawn uniformly over **all** classes, the true one included, so that σ·(K−1)/K of
the labels are wrong: 18, 36 and 54 % for σ = 0.2, 0.4, 0.6 and ten classes. The other convention of the literature
leaves the true class out; both have a name here. The measured rate of wrong labels is always reported beside the
requested one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from robustkd.data.condition import CONDITIONS, Condition, Conditioned
from robustkd.errors import DataError
from robustkd.regular_file import why_not_a_file

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet

SEED = 12345
"""The seed of the authors' generator."""

HELD_OUT_STREAM = 1
"""The number that seeds the draw of the held-out images."""

Kind = Literal["symmetric", "symmetric_exclusive", "pair_flip", "matrix", "random_matrix", "human"]

_BY_RATE = ("symmetric", "symmetric_exclusive", "pair_flip", "random_matrix")


@CONDITIONS.register("label_noise")
@dataclass(frozen=True)
class LabelNoise(Condition):
    """Wrong labels in the training set.

    With a fixed draw, NumPy's legacy generator is seeded with 12345 for every seed of the training: one draw for
    the teacher, all students and all seeds. ``symmetric`` is then the paper's noise bit for bit. A numbered draw
    is another one for all, seeded with the first 32-bit word of ``numpy.random.SeedSequence((12345, number))``; with
    a draw per seed the number is the seed of the training, so that a teacher with another seed has other labels.

    Attributes:
        rate: The probability σ that a label is replaced; left out for the kinds ``matrix`` and ``human``, whose rate
            follows from `matrix` or `labels`.
        kind: The replacement of a label: ``symmetric``, by any class, the true one included; ``symmetric_exclusive``,
            by any other class; ``pair_flip``, by the next class, the last by the first; ``matrix``, by a draw from
            `matrix`; ``random_matrix``, by a draw from an asymmetric matrix that cleanlab generates, with a mean
            diagonal of 1 − `rate`; ``human``, by the labels in the file `labels`.
        draw: The draw of the labels: ``fixed``, one for all trainings, as in the paper; a number, another one for all
            trainings; ``per_seed``, one for each seed of a training. Human labels are never drawn.
        matrix: K rows of K probabilities: a row for each true class, with the probability of each label; every row
            sums to 1.
        labels: A ``.npy`` file of whole numbers (N,), one label for each training image, in order.
        held_out: The share of the images that is kept out of the training, so that networks that never saw them can
            audit their labels; drawn once for all seeds, after the labels.
    """

    name = "label_noise"

    rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    kind: Kind = "symmetric"
    draw: Literal["fixed", "per_seed"] | Annotated[int, Field(ge=0)] = "fixed"
    matrix: tuple[tuple[float, ...], ...] | None = None
    labels: str | None = None
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise DataError(f"label noise: rate must be from 0 to 1, got {self.rate}")
        if not 0 <= self.held_out < 1:
            raise DataError(f"label noise: held_out must be at least 0 and below 1, got {self.held_out}")
        if self.rate and self.kind not in _BY_RATE:
            raise DataError(f"label noise: kind {self.kind} determines the rate itself; remove rate")
        for kind, key, given in (("matrix", "matrix", self.matrix), ("human", "labels", self.labels)):
            if self.kind == kind and given is None:
                raise DataError(f"label noise: kind {kind} needs the key {key}")
            if self.kind != kind and given is not None:
                raise DataError(f"label noise: the key {key} is only for kind {kind}, got kind {self.kind}; remove it")

    @property
    def label(self) -> str:
        """``label noise 40%``, followed by the settings that differ from the paper's; a file is named by its stem."""
        if self.kind == "matrix":
            named = f" matrix {hashlib.sha256(repr(self.matrix).encode()).hexdigest()[:6]}"
        elif self.kind == "human":
            named = f" human {Path(str(self.labels)).stem}"
        else:
            named = f" {100 * self.rate:g}%" + (f" {self.kind}" if self.kind != "symmetric" else "")
        drawn = {"fixed": "", "per_seed": " per seed"}.get(str(self.draw), f" draw {self.draw}")
        drawn = drawn if self.kind != "human" else ""
        held_out = f", {100 * self.held_out:g}% held out" if self.held_out else ""
        return f"label noise{named}{drawn}{held_out}"

    @property
    def per_seed(self) -> bool:
        """Whether `draw` is ``per_seed``."""
        return self.draw == "per_seed"

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Replace labels, and hold out some images if requested.

        Args:
            train: The set; not changed.
            seed: The seed of the training; only used by a draw per seed.

        Returns:
            The images with the labels to train on, and their true labels.

        Raises:
            DataError: The matrix or the file does not fit the set, or no image would be left to train on.
        """
        import torch

        true = train.labels.cpu().numpy()
        given = torch.from_numpy(self._given(true, train.num_classes, seed)).to(train.labels)
        count = round(self.held_out * len(train))
        if count == len(train):
            raise DataError(f"label noise: held_out {self.held_out} leaves no image to train on")
        order = torch.from_numpy(
            _generator(HELD_OUT_STREAM).permutation(len(train)) if count else np.arange(len(train))
        )
        held_out, indices = order[:count].sort().values, order[count:].sort().values
        noisy = replace(train, labels=given)
        return Conditioned(
            images=noisy.subset(indices) if count else noisy,
            true_labels=train.labels[indices],
            indices=indices,
            held_out=held_out,
            held_out_labels=given[held_out],
        )

    def expected_rate(self, train: ImageSet) -> float | None:
        """Return the expected share of wrong labels in a set; None for human labels."""
        classes = train.num_classes
        if self.kind == "human":
            return None
        if self.kind in ("matrix", "random_matrix"):
            true = train.labels.cpu().numpy()
            return float(1 - self._matrix(true, classes)[true, true].mean())
        return self.rate * (classes - 1) / classes if self.kind == "symmetric" else self.rate

    def _given(self, true: np.ndarray, classes: int, seed: int) -> np.ndarray:
        """The labels to train on, int64 (N,)."""
        if self.kind == "human":
            return _read_labels(Path(str(self.labels)).expanduser(), len(true), classes)
        number = seed if self.draw == "per_seed" else self.draw
        random = np.random.RandomState(SEED) if isinstance(number, str) else _generator(number)
        if self.kind in ("matrix", "random_matrix"):
            return _drawn_from(self._matrix(true, classes), true, random)
        if classes < 2 and self.kind != "symmetric":
            raise DataError(f"label noise: kind {self.kind} needs at least two classes")
        given = true.copy()
        replaced = random.rand(len(true)) <= self.rate if self.rate else np.zeros(len(true), dtype=bool)
        count = int(replaced.sum())
        if self.kind == "symmetric":
            given[replaced] = random.choice(classes, count)
        elif self.kind == "symmetric_exclusive":
            given[replaced] = (true[replaced] + 1 + random.randint(0, classes - 1, count)) % classes
        else:
            given[replaced] = (true[replaced] + 1) % classes
        return given

    def _matrix(self, true: np.ndarray, classes: int) -> np.ndarray:
        """P(given label | true class), true classes in rows."""
        if self.kind == "random_matrix":
            return _random_matrix(self.rate, np.bincount(true, minlength=classes) / len(true))
        matrix = np.array([row for row in self.matrix or () if len(row) == classes], dtype=np.float64)
        if matrix.shape != (classes, classes) or len(self.matrix or ()) != classes:
            raise DataError(
                f"label noise: the matrix must have {classes} rows of {classes} numbers, one for each class"
            )
        if not (np.all(matrix >= 0) and np.allclose(matrix.sum(axis=1), 1, atol=1e-6)):
            raise DataError("label noise: every row of the matrix must hold probabilities that sum to 1")
        return matrix


def _generator(seed: int) -> np.random.RandomState:
    return np.random.RandomState(np.random.SeedSequence((SEED, seed)).generate_state(1)[0])


def _drawn_from(matrix: np.ndarray, true: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Draw a label for each image from the row of its class."""
    limits = matrix.cumsum(axis=1)
    limits[:, -1] = 1  # rounding must not leave a gap below 1
    return np.asarray((random.rand(len(true))[:, None] >= limits[true]).sum(axis=1))


def _random_matrix(rate: float, prior: np.ndarray) -> np.ndarray:
    """Generate a matrix with cleanlab, which draws from NumPy's global state; the state is restored."""
    from cleanlab.benchmarking.noise_generation import generate_noise_matrix_from_trace

    classes = len(prior)
    if rate == 0:
        return np.eye(classes)
    if not prior.all():  # cleanlab finds no matrix then, for any rate
        empty = ", ".join(map(str, np.flatnonzero(prior == 0)))
        raise DataError(
            f"label noise: kind random_matrix needs a training image of every class, but has none of class {empty} "
            "(numbered from 0); remove such classes from the data set, or use another kind"
        )
    before = np.random.get_state()
    try:
        columns = generate_noise_matrix_from_trace(classes, classes * (1 - rate), py=prior, seed=SEED)
    except ValueError as error:
        raise DataError(f"label noise: no matrix of {classes} classes has the rate {rate}: {error}") from error
    finally:
        np.random.set_state(before)
    if columns is None:
        raise DataError(f"label noise: cleanlab found no matrix of {classes} classes with the rate {rate}; lower it")
    return np.asarray(columns).T  # cleanlab's true classes are columns


def _read_labels(path: Path, images: int, classes: int) -> np.ndarray:
    if problem := why_not_a_file(path):
        raise DataError(f"{path}: not a readable .npy file of labels ({problem})")
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not a readable .npy file of labels ({error})") from error
    if not isinstance(labels, np.ndarray) or labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: must hold {images} whole numbers, one label for each training image")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{path}: labels must be from 0 to {classes - 1}, found {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)
