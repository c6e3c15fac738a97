"""Wrong labels in the training set: drawn at random, by a matrix, or given by people.

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), Table V: each label is
replaced with probability σ by a class drawn uniformly over **all** classes, the true one included, so that σ·(K−1)/K of
the labels are wrong: 18, 36 and 54 % for σ = 0.2, 0.4, 0.6 and ten classes. The other convention of the literature
leaves the true class out; both have a name here. What really came of it is always reported beside what was asked for.
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

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet

SEED = 12345
"""The seed of the authors' generator."""

HELD_OUT_STREAM = 1

Kind = Literal["symmetric", "symmetric_exclusive", "pair_flip", "matrix", "random_matrix", "human"]

_BY_RATE = ("symmetric", "symmetric_exclusive", "pair_flip", "random_matrix")


@CONDITIONS.register("label_noise")
@dataclass(frozen=True)
class LabelNoise(Condition):
    """Wrong labels in the training set.

    With a fixed draw, NumPy's legacy generator is seeded with 12345, whatever the seed of the training: one draw for
    the teacher, all students and all seeds. ``symmetric`` is then the paper's noise bit for bit. A numbered draw is
    another one for them all, seeded with the first 32-bit word of ``numpy.random.SeedSequence((12345, number))``; with
    a draw per seed the number is the seed of the training, so that a teacher of another seed has seen other labels.

    Attributes:
        rate: The probability σ of a replacement; for `kind` ``matrix`` and ``human`` it follows from what is given.
        kind: ``symmetric``: by any class, the true one included; ``symmetric_exclusive``: by any other class;
            ``pair_flip``: by the next class, the last by the first; ``matrix``: drawn from `matrix`;
            ``random_matrix``: drawn from an asymmetric matrix that cleanlab makes up, its mean diagonal 1 − `rate`;
            ``human``: read from the file `labels`.
        draw: ``fixed``, a number, or ``per_seed``; human labels are never drawn.
        matrix: K rows of K probabilities, the row of a true class saying which labels it is given; each sums to 1.
        labels: A ``.npy`` file of whole numbers (N,), one label for each training image, in order.
        held_out: This share of the images, drawn once for all seeds after the labels, is kept out of the training, so
            that their labels can be audited by networks that never saw them.
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
            raise DataError(f"label noise: the rate of kind {self.kind} follows from what is given; leave rate out")
        for kind, key, given in (("matrix", "matrix", self.matrix), ("human", "labels", self.labels)):
            if (self.kind == kind) != (given is not None):
                raise DataError(f"label noise: kind {kind} and the key {key} need each other")

    @property
    def label(self) -> str:
        """``label noise 40%``, with whatever differs from the paper's noise; a file is named by its stem."""
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
            The images with the labels that are trained on, and the true ones.

        Raises:
            DataError: Matrix or file do not fit the set, or nothing would be left to train on.
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
        """The labels that are trained on, int64 (N,)."""
        if self.kind == "human":
            return _read_labels(Path(str(self.labels)).expanduser(), len(true), classes)
        number = seed if self.draw == "per_seed" else self.draw
        random = np.random.RandomState(SEED) if isinstance(number, str) else _generator(number)
        if self.kind in ("matrix", "random_matrix"):
            return _drawn_from(self._matrix(true, classes), true, random)
        if classes < 2 and self.kind != "symmetric":
            raise DataError(f"label noise: kind {self.kind} needs two classes at least")
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
    if not prior.all():  # of which cleanlab finds no matrix, whatever the rate
        empty = ", ".join(map(str, np.flatnonzero(prior == 0)))
        raise DataError(
            f"label noise: kind random_matrix needs a training image of every class, and of {empty} (from 0) there is "
            "none; leave such classes out of the data set, or take another kind"
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
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not readable as labels (.npy): {error}") from error
    if not isinstance(labels, np.ndarray) or labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: must hold {images} whole numbers, one label for each training image")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{path}: labels must be from 0 to {classes - 1}, found {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)
