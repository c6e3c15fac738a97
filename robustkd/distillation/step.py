"""One step of a training: a batch, the losses of a method, their gradient, the optimiser."""

from collections.abc import Hashable

import torch
from torch import Tensor

from robustkd.arithmetic import Precision, autocast
from robustkd.data import TrainingBatches
from robustkd.distillation.graphs import Graphs
from robustkd.distillation.method import Method
from robustkd.distillation.python_state import (
    OpaqueStateError,
    changed_in_place,
    python_state,
    restore,
    state_key,
)


class Step:
    """The step of a stage, on tensors that stay where they are; on CUDA it is captured and replayed.

    Losses and correct predictions stay on the device until the end of an epoch: reading a number would wait for it.

    Args:
        method: The method, in the state of the stage.
        batches: The batches.
        optimiser: The optimiser of the stage.
        precision: The precision of the networks.
        graphs: Captures and replays.
        device: The device of all of them.
    """

    def __init__(
        self,
        method: Method,
        batches: TrainingBatches,
        optimiser: torch.optim.Optimizer,
        precision: Precision,
        graphs: Graphs,
        device: torch.device,
    ) -> None:
        self._method = method
        self._batches = batches
        self._optimiser = optimiser
        self._precision = precision
        self._graphs = graphs
        self._device = device
        self._row = torch.zeros((), dtype=torch.int64, device=device)
        self._tables: dict[tuple[str, ...], Tensor] = {}
        self._names: tuple[str, ...] = ()

    def begin_epoch(self) -> list[int]:
        """Begin an epoch and return the sizes of its batches."""
        self._row.zero_()
        return self._batches.begin_epoch()

    def __call__(self, size: int) -> None:
        """Train on the next images of the epoch.

        Args:
            size: The number of images.
        """
        before = python_state(self._method)
        key = self._key(before)

        def run() -> tuple[tuple[str, ...], dict[str, object]]:
            restore(self._method, before)  # a capture that failed has changed it
            names = self._run(size)
            after = python_state(self._method)
            if key is not None and (name := changed_in_place(before, key, after)):
                self._graphs.give_up(f"a step changes what its attribute {name} holds")
            return names, after

        self._batches.prepare(size)
        self._names, after = self._graphs.call((self, size, key), run)
        restore(self._method, after)

    def results(self) -> tuple[tuple[str, ...], Tensor]:
        """Return the numbers of the epoch.

        Returns:
            The names of the losses; and, on the device, one row per step: the losses, the number of correct
            predictions, and the number of labelled images.
        """
        return self._names, self._tables[self._names]

    def _key(self, state: dict[str, object]) -> Hashable:
        try:
            return state_key(state)
        except OpaqueStateError as error:
            self._graphs.give_up(str(error))
            return None

    def _run(self, size: int) -> tuple[str, ...]:
        batch = self._batches.next(size)
        with autocast(self._precision, self._device):
            supervision = self._method(batch)
        parts = torch.stack(list(supervision.losses.values()))
        self._optimiser.zero_grad()
        parts.sum().backward()
        self._optimiser.step()
        correct = (supervision.logits.detach().argmax(1) == batch.labels).sum()
        names = tuple(supervision.losses)
        counts = torch.stack([correct, batch.labelled.sum()])
        self._record(names, torch.cat([parts.detach(), counts.to(parts.dtype)]))
        return names

    def _record(self, names: tuple[str, ...], numbers: Tensor) -> None:
        if names not in self._tables:
            self._tables[names] = numbers.new_zeros((len(self._batches), len(numbers)))
        self._tables[names].index_copy_(0, self._row[None], numbers[None])
        self._row += 1
