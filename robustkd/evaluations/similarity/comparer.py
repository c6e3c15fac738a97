"""Which networks are compared: every network with the teacher, and further baselines with the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import EvaluationError, ModelError
from robustkd.evaluations import Predict
from robustkd.evaluations.similarity.measurement import Arrays, compared
from robustkd.evaluations.similarity.options import SimilarityOptions
from robustkd.evaluations.similarity.stages import Stage, stages_of
from robustkd.progress import progress

if TYPE_CHECKING:
    from robustkd.data import ImageSet
    from robustkd.models import Member

VERSION = 1


@dataclass(frozen=True, eq=False)
class Comparer:
    """Compares networks on the same images, two at a time; each comparison is kept on disk.

    Attributes:
        images: N test images.
        options: The options of the evaluation.
        predict: Keeps the arrays of each pair.
    """

    images: ImageSet
    options: SimilarityOptions
    predict: Predict

    def with_teacher(self, teacher: Member, others: Sequence[Member]) -> tuple[list[Member], list[Arrays], list[str]]:
        """Compare every other network with the teacher.

        Args:
            teacher: The teacher.
            others: All other members.

        Returns:
            The members that give features, their arrays (`compared`), and notes.

        Raises:
            EvaluationError: The teacher gives no features, or no other network does.
        """
        reference = cache(lambda: self._reference(teacher))
        members, rows = [], []
        notes = [] if self.neighbours else [f"Mutual neighbours need more than {self.options.neighbours} images"]
        with progress("compare features", len(others)) as advance:
            for member in others:
                try:
                    rows.append(self._compare(teacher, reference, member))
                    members.append(member)
                except ModelError as error:
                    notes.append(f"{member.name} is left out: {error}")
                advance(1)
        if not members:
            raise EvaluationError(f"similarity compares no network with the teacher: {'; '.join(notes) or 'add one'}")
        pooled_only = [member.name for member, row in zip(members, rows, strict=True) if len(row["stage"]) == 1]
        return members, rows, [*notes, *(f"Of {name}, only the pooled features are compared" for name in pooled_only)]

    def between_baselines(self, members: Sequence[Member]) -> tuple[list[tuple[int, int]], list[Arrays]]:
        """Compare the first baseline with each further one.

        Args:
            members: Members that give features.

        Returns:
            The places of both among the members, and the arrays of each pair.
        """
        baselines = [place for place, member in enumerate(members) if member.role == "baseline"]
        pairs = [(baselines[0], other) for other in baselines[1:]]
        first = cache(lambda: self._reference(members[baselines[0]]))
        return pairs, [self._compare(members[one], first, members[other]) for one, other in pairs]

    @cached_property
    def neighbours(self) -> int:
        """The number of nearest neighbours; 0 where there are too few images."""
        return self.options.neighbours if self.options.neighbours < len(self.images) else 0

    def _compare(self, reference: Member, stages: Callable[[], list[Stage]], member: Member) -> Arrays:
        def compute() -> Arrays:
            shuffled = np.random.default_rng(self.options.seed).permutation(len(self.images))
            return compared(stages(), self._stages(member), shuffled)

        settings = asdict(self.options) | {"version": VERSION}
        return self.predict.kept("similarity", [reference, member], settings, compute)

    def _reference(self, member: Member) -> list[Stage]:
        try:
            return self._stages(member)
        except ModelError as error:
            raise EvaluationError(f"similarity needs features of {member.name}: {error}") from error

    def _stages(self, member: Member) -> list[Stage]:
        return stages_of(member.model, self.images, self.options.batch_size, self.neighbours)


def stacked(rows: Sequence[Arrays]) -> Arrays:
    """Stack the arrays of the members, with empty names and NaN where one has fewer stages than another."""
    most = max(len(row["stage"]) for row in rows)
    found = {}
    for name, first in rows[0].items():
        padding = "" if first.dtype.kind == "U" else np.nan
        others = [(0, 0)] * (first.ndim - 1)
        padded = [np.pad(row[name], [(0, most - len(row[name])), *others], constant_values=padding) for row in rows]
        found[name] = np.stack(padded)
    return found


def of_pooled(rows: Sequence[Arrays], name: str, images: int) -> np.ndarray:
    """Return the values of the pooled features of each comparison, float64 (P, N)."""
    return np.stack([row[name][-1] for row in rows]) if rows else np.empty((0, images))
