"""The models to evaluate, each with its role."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import nn

from robustkd.errors import ModelError, printable
from robustkd.models.ensembles import ensemble
from robustkd.models.pixel_model import PixelModel
from robustkd.notebook import html_table
from robustkd.roles import Role, control_name

LONGEST_NAME = 100
"""The characters of the longest name, which goes into tables and names of files."""

Models = PixelModel | Iterable[PixelModel]


@dataclass(frozen=True, eq=False, repr=False)
class Member:
    """A trained network and its role in the comparison.

    Attributes:
        model: The network.
        role: ``teacher``; ``baseline``: trained on the same data without a teacher; ``student``; or ``control``: a
            student of another teacher.
        method: The method of its training, or the user's name for it; members that differ only in their seed share it.
        seed: The seed of its training; None if unknown.
        condition: The label of its training set's condition; empty if the evaluation states it for all members.
        fingerprint: A digest of its logits for a few images; empty if it was not probed (`robustkd.validity`).

    >>> import robustkd as rk
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> rk.Member(model, "student", "hinton", seed=3)
    Member(hinton-3: student, cifar_wrn_10_1, 77,562 parameters)
    """

    model: PixelModel = field(repr=False)
    role: Role
    method: str
    seed: int | None = None
    condition: str = ""
    fingerprint: str = field(default="", repr=False)

    def __repr__(self) -> str:
        condition = f", {self.condition}" if self.condition else ""
        network = f"{self.architecture}, {self.model.num_parameters:,} parameters"
        return printable(f"Member({self.name}: {self.role}, {network}{condition})")

    def _repr_html_(self) -> str:
        """The member with role, architecture and size, for a notebook."""
        return html_table(_HEADS, [_row(self)])

    @property
    def name(self) -> str:
        """The name, unique in its pool: the method, and the seed if it is known; a teacher's has no seed."""
        return self.method if self.seed is None or self.role == "teacher" else f"{self.method}-{self.seed}"

    @property
    def architecture(self) -> str:
        """The network's name."""
        return self.model.architecture

    @property
    def selection(self) -> str | None:
        """The rule by which its training chose it: ``last``, ``validation`` or ``test``; None if unknown."""
        rule = self.model.lineage.get("select")
        return rule if isinstance(rule, str) else None

    @cached_property
    def digest(self) -> str:
        """The hash of what determines its outputs, and of its outputs for a few images where it was probed.

        The code of a network may depend on things that no digest of it reaches; its outputs tell.
        """
        known = self.model.digest()
        return hashlib.sha256(f"{known} {self.fingerprint}".encode()).hexdigest() if self.fingerprint else known


class ModelPool:
    """A teacher, independent baselines, students, and students of another teacher.

    Args:
        teacher: The teacher, if there is one; several networks are one teacher, their ensemble (`ensemble`).
        baseline: The independent network, or one for each seed.
        students: For each name a network, or one for each seed.
        controls: For the name of a student the network, or one for each seed, that the same method distilled from
            another teacher; the members are named by `control_name`.
        members: Existing members, instead of or besides the above.

    Raises:
        ModelError: The pool is empty, a name occurs twice or is used for two architectures.

    >>> import robustkd as rk
    >>> def network(seed):
    ...     return rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)
    >>> pool = rk.ModelPool(network(7), baseline=network(0), students={"hinton": [network(1), network(2)]})
    >>> [member.name for member in pool]
    ['teacher', 'baseline', 'hinton-0', 'hinton-1']
    """

    def __init__(
        self,
        teacher: PixelModel | Sequence[PixelModel] | None = None,
        baseline: Models | None = None,
        students: Mapping[str, Models] | None = None,
        *,
        controls: Mapping[str, Models] | None = None,
        members: Iterable[Member] = (),
    ) -> None:
        self.members = list(members)
        if teacher is not None:
            taught_by = teacher if isinstance(teacher, nn.Module) else ensemble(teacher)
            self.members.append(Member(taught_by, "teacher", "teacher"))
        if baseline is not None:
            self.members += _with_seeds(baseline, "baseline", "baseline")
        for name, models in (students or {}).items():
            self.members += _with_seeds(models, "student", name)
        for name, models in (controls or {}).items():
            self.members += _with_seeds(models, "control", control_name(name))
        self._validate()
        for member in self.members:
            member.model.eval().requires_grad_(False)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return printable(f"ModelPool({', '.join(f'{member.name}: {member.role}' for member in self)})")

    def _repr_html_(self) -> str:
        """The members with role, architecture and size, for a notebook."""
        return html_table(_HEADS, map(_row, self))

    @property
    def teacher(self) -> Member | None:
        """The teacher, if there is one."""
        return next((member for member in self if member.role == "teacher"), None)

    def _validate(self) -> None:
        if not self.members:
            raise ModelError("a pool needs at least one model")
        for member in self:
            if not isinstance(member.model, PixelModel):
                raise ModelError(f"{member.name}: wrap the network, rk.PixelModel(network, mean=…, std=…)")
        names = [member.name for member in self]
        for name in names:
            if len(name) > LONGEST_NAME or printable(name) != name or not name.strip():
                raise ModelError(
                    f"the name {_short(name)!r} cannot be shown everywhere: give one of at most {LONGEST_NAME} "
                    "visible characters, NAME=PATH"
                )
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ModelError(f"two models are called {twice!r}: give each a different name")
        if sum(member.role == "teacher" for member in self) > 1:
            raise ModelError("a pool has at most one teacher")
        for member in self:
            first = next(other for other in self if (other.method, other.role) == (member.method, member.role))
            if first.architecture != member.architecture and first.condition == member.condition:
                raise ModelError(
                    f"{first.name} is a {first.architecture}, {member.name} a {member.architecture}: networks of one "
                    "name may differ only in their seed; give each a different name"
                )


def _with_seeds(models: Models, role: Role, method: str) -> list[Member]:
    if isinstance(models, PixelModel):
        return [Member(models, role, method)]
    if isinstance(models, nn.Module):
        raise ModelError(f"{method}: wrap the network, rk.PixelModel(network, mean=…, std=…)")
    return [Member(model, role, method, seed) for seed, model in enumerate(models)]


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:30]}…"


_HEADS = ("member", "role", "architecture", "parameters", "condition")


def _row(member: Member) -> tuple[str, ...]:
    parameters = f"{member.model.num_parameters:,}"
    return member.name, member.role, member.architecture, parameters, member.condition or "not stated"
