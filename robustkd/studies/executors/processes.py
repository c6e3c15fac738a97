"""Trainings in several processes on this machine, on one or several devices."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from robustkd.data import Dataset
from robustkd.devices import resolve_device
from robustkd.errors import TrainingError
from robustkd.plugins import Plugin, loaded_plugins, receive
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.executors.in_turns import InTurns
from robustkd.studies.training import Training

POLL_SECONDS = 0.5
"""How long a process runs its trainings before it looks for new ones."""

STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    device: str
    slots: int
    trainings: dict[str, Training] = field(default_factory=dict)


class Processes(Executor):
    """Runs trainings in several processes; on a GPU several take turns in one process.

    A process ends when the process that started it ends, for any reason.

    Args:
        load: Loads the data set of the study; called once in each process, after its plugins are loaded.
        devices: One device for each process; a device may occur several times.
        progressed: Called after each epoch.
        each: The number of trainings that take turns in each process; None for as many as its GPU has room for.
    """

    def __init__(
        self, load: Callable[[], Dataset], devices: Sequence[str], progressed: Progressed, each: int | None = 1
    ) -> None:
        self._load = load
        self._free = list(devices)
        self._progressed = progressed
        self._each = each
        self._workers: list[_Worker] = []

    @property
    def slots(self) -> int:  # type: ignore[override]  # a process may find room for more
        """The number of trainings at the same time."""
        return sum(worker.slots for worker in self._workers) + len(self._free) * (self._each or 1)

    def submit(self, training: Training, state: Path) -> None:
        """See `Executor`; starts a process if none has room."""
        with_room = [worker for worker in self._workers if len(worker.trainings) < worker.slots]
        idle = min(with_room, key=lambda worker: len(worker.trainings), default=None)
        # an idle device is filled before a second training shares one
        worker = self._start() if self._free and (idle is None or idle.trainings) else idle
        assert worker is not None, "no more than `slots` trainings are submitted"
        worker.trainings[training.id] = training
        _send(worker, ("train", training, state))

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor`."""
        outcomes: list[Outcome] = []
        for connection in wait([worker.connection for worker in self._workers], timeout):
            worker = next(worker for worker in self._workers if worker.connection is connection)
            outcomes += self._receive(worker)
        return outcomes

    def stop(self) -> None:
        """See `Executor`."""
        for worker in self._workers:
            _send(worker, ("stop", None, None))

    def close(self) -> None:
        """See `Executor`."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        here, there = context.Pipe()
        device = self._free.pop(0)
        given = (there, device, loaded_plugins(), self._load, self._each)
        process = context.Process(target=_work, args=given, daemon=True)
        with _signals_ignored():  # the process inherits this and so ignores them from its start
            process.start()
        there.close()  # so that each process notices when the other has ended
        worker = _Worker(process, here, device, self._each or 1)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> list[Outcome]:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._workers.remove(worker)
            self._free.append(worker.device)
            code = worker.process.exitcode
            return [Outcome(id_, _death(code, training)) for id_, training in worker.trainings.items()]
        if kind == "slots":
            worker.slots = content
            return []
        if kind == "epoch":
            self._progressed(*content)
            return []
        del worker.trainings[content.id]
        return [content]


@contextmanager
def _signals_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _send(worker: _Worker, order: tuple[str, Training | None, Path | None]) -> None:
    with suppress(OSError):  # `wait` notices a dead worker
        worker.connection.send(order)


def _death(exit_code: int | None, training: Training) -> TrainingError:
    how = f"was killed by signal {-exit_code}" if exit_code and exit_code < 0 else f"ended with code {exit_code}"
    cause = "; if the machine ran out of memory, use fewer workers" if exit_code == -signal.SIGKILL else ""
    return TrainingError(f"{training.title}: its training process {how}{cause}")


def _work(
    connection: Connection, device_name: str, plugins: Sequence[Plugin], load: Callable[[], Dataset], most: int | None
) -> None:
    """Run trainings as they are sent, until the other end of the connection is closed."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)  # the process that started this one decides when to stop
    orders: queue.Queue[tuple[Training, Path]] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(connection, orders, stop), daemon=True).start()
    receive(plugins)

    def on_epoch(id_: str, done: int, earlier: int) -> None:
        connection.send(("epoch", (id_, done, earlier)))

    executor = InTurns(load(), resolve_device(device_name), on_epoch, stop.is_set, most)
    slots, running = executor.slots, 0
    while True:
        if not running or not orders.empty():
            executor.submit(*orders.get())
            running += 1
            continue
        for outcome in executor.wait(POLL_SECONDS):
            running -= 1
            connection.send(("end", outcome))
        if executor.slots != slots:
            slots = executor.slots
            connection.send(("slots", slots))


def _listen(connection: Connection, orders: "queue.Queue[Any]", stop: threading.Event) -> None:
    try:
        while True:
            kind, training, state = connection.recv()
            if kind == "stop":
                stop.set()
            else:
                orders.put((training, state))
    except (EOFError, OSError):
        os._exit(1)
