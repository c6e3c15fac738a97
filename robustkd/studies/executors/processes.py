"""Trainings in several processes on this machine, on one or several devices."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from robustkd.data import Dataset
from robustkd.devices import resolve_device
from robustkd.errors import RobustKDError, TrainingError
from robustkd.plugins import Plugin, loaded_plugins, receive
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.training import Trained, Training, perform

STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    device: str
    training: Training | None = None


class Processes(Executor):
    """Runs one training at a time in each of several processes.

    A process ends when the process that started it ends, for any reason.

    Args:
        load: Loads the data set of the study; called once in each process, after its plugins are loaded.
        devices: One device for each process; a device may occur several times.
        progressed: Called after each epoch.
    """

    def __init__(self, load: Callable[[], Dataset], devices: Sequence[str], progressed: Progressed) -> None:
        self.slots = len(devices)
        self._load = load
        self._free = list(devices)
        self._progressed = progressed
        self._workers: list[_Worker] = []

    def submit(self, training: Training, state: Path) -> None:
        """See `Executor`; starts a process if none is idle."""
        worker = next((worker for worker in self._workers if worker.training is None), None) or self._start()
        worker.training = training
        _send(worker, ("train", training, state))

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor`."""
        outcomes = []
        for connection in wait([worker.connection for worker in self._workers], timeout):
            worker = next(worker for worker in self._workers if worker.connection is connection)
            if (outcome := self._receive(worker)) is not None:
                outcomes.append(outcome)
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
        process = context.Process(target=_work, args=(there, device, loaded_plugins(), self._load), daemon=True)
        with _signals_ignored():  # the process inherits this and so ignores them from its start
            process.start()
        there.close()  # so that each process notices when the other has ended
        worker = _Worker(process, here, device)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Outcome | None:
        training = worker.training
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._workers.remove(worker)
            self._free.append(worker.device)
            return Outcome(training.id, _death(worker.process.exitcode, training)) if training is not None else None
        if training is None:
            return None
        if kind == "epoch":
            self._progressed(training.id, *content)
            return None
        worker.training = None
        return Outcome(training.id, content)


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


def _work(connection: Connection, device_name: str, plugins: Sequence[Plugin], load: Callable[[], Dataset]) -> None:
    """Run trainings as they are sent, until the other end of the connection is closed."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)  # the process that started this one decides when to stop
    orders: queue.Queue[tuple[Training, Path]] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(connection, orders, stop), daemon=True).start()
    receive(plugins)
    data = load()
    device = resolve_device(device_name)

    def on_epoch(done: int, earlier: int) -> None:
        connection.send(("epoch", (done, earlier)))

    while True:
        training, state = orders.get()
        result: Trained | Exception
        try:
            result = perform(training, data, device, state, on_epoch, stop.is_set)
        except RobustKDError as error:
            result = error
        connection.send(("end", result))


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
