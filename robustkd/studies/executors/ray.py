"""Trainings on a Ray cluster whose machines need not share a disk: Ray sends data and plugins; only the driver writes.

Each training is a Ray task with a share of a GPU. A task whose machine is lost runs again on another, from the last
state that it sent. States and epochs go to a mailbox, which is an actor on the driver's machine.
"""

import os
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from robustkd.atomic import atomic_path
from robustkd.data import Dataset
from robustkd.devices import resolve_device
from robustkd.errors import BadInputError, RobustKDError, StorageError, TrainingError
from robustkd.plugins import Plugin, loaded_plugins, receive
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.training import Trained, Training, perform

TOKEN = (
    "; a cluster that asks for a token (~/.ray/auth_token on its machines) needs that file and RAY_AUTH_MODE=token here"
)
"""Ray's client does not report this: it waits until its timeout."""

MAX_RETRIES = 5
"""The number of times that a training is restarted after its machine was lost."""


class Mailbox:
    """Carries epochs and states from the trainings to the driver, and the request to stop from the driver to them."""

    def __init__(self) -> None:
        self._epochs: dict[str, tuple[int, int]] = {}
        self._states: dict[str, bytes] = {}
        self._fresh: set[str] = set()
        self._stop = False

    def tell(self, id_: str, epochs: tuple[int, int], state: bytes | None) -> bool:
        """Take the epochs of a training, and its state if that is new; return whether it is to stop."""
        self._epochs[id_] = epochs
        if state is not None:
            self._states[id_] = state
            self._fresh.add(id_)
        return self._stop

    def put_state(self, id_: str, state: bytes) -> None:
        """Keep the state that a training continues from."""
        self._states[id_] = state

    def state(self, id_: str) -> bytes | None:
        """Return the last state of a training."""
        return self._states.get(id_)

    def forget(self, id_: str) -> None:
        """Drop the state of a training that has ended."""
        self._states.pop(id_, None)
        self._fresh.discard(id_)

    def stop(self) -> None:
        """Ask all trainings to stop after their epoch."""
        self._stop = True

    def collect(self) -> tuple[dict[str, tuple[int, int]], dict[str, bytes]]:
        """Return all epochs, and the states that are new."""
        fresh = {id_: self._states[id_] for id_ in self._fresh}
        self._fresh.clear()
        return dict(self._epochs), fresh


class Ray(Executor):
    """Runs as many trainings at the same time as the cluster has room for.

    Args:
        data: The data set of the study; its images are sent once to each machine.
        device: ``auto``, ``cpu``, ``cuda``, …
        jobs_per_device: The number of trainings that share a GPU.
        workers: The largest number of trainings at the same time; None for as many as there is room for.
        threads: The number of CPU threads of each training.
        address: The address of the cluster; None starts Ray on this machine.
        progressed: Called when epochs are done.

    Raises:
        BadInputError: The cluster does not answer.
    """

    def __init__(
        self,
        data: Dataset,
        device: str,
        jobs_per_device: int,
        workers: int | None,
        threads: int,
        address: str | None,
        progressed: Progressed,
    ) -> None:
        self._owned = not ray.is_initialized()
        if self._owned:
            connect(address)
        gpus = float(ray.cluster_resources().get("GPU", 0))
        self._device, self._resources = placed(device, gpus, jobs_per_device, threads)
        self._most = workers
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=here).remote()
        self._data = ray.put(data.in_memory())
        self._plugins = loaded_plugins()
        self._progressed = progressed
        self._running: dict[Any, tuple[Training, Path]] = {}

    @property
    def slots(self) -> int:  # type: ignore[override]  # the cluster may grow and shrink
        """The number of trainings that the cluster has room for now, at most `workers`."""
        ((kind, amount),) = self._resources.items()
        total = float(ray.cluster_resources().get({"num_gpus": "GPU", "num_cpus": "CPU"}[kind], 0))
        room = max(1, int(total / amount))
        return min(room, self._most) if self._most is not None else room

    def submit(self, training: Training, state: Path) -> None:
        """See `Executor`."""
        if state.is_file():
            ray.get(self._mailbox.put_state.remote(training.id, state.read_bytes()))
        task = ray.remote(_train).options(max_retries=MAX_RETRIES, **self._resources)
        reference = task.remote(training, self._data, self._plugins, self._device, self._mailbox)
        self._running[reference] = (training, state)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor`; also writes the states that have arrived to the store."""
        ended, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout)
        self._collect()
        return [self._outcome(reference) for reference in ended]

    def stop(self) -> None:
        """See `Executor`."""
        ray.get(self._mailbox.stop.remote())

    def close(self) -> None:
        """See `Executor`; shuts Ray down only if it was started here."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        ray.kill(self._mailbox)
        if self._owned:
            ray.shutdown()

    def _collect(self) -> None:
        epochs, states = ray.get(self._mailbox.collect.remote())
        for training, path in self._running.values():
            if training.id in epochs:
                self._progressed(training.id, *epochs[training.id])
            if training.id in states:
                with atomic_path(path) as partial:
                    partial.write_bytes(states[training.id])

    def _outcome(self, reference: Any) -> Outcome:
        training, _ = self._running.pop(reference)
        ray.get(self._mailbox.forget.remote(training.id))
        try:
            result: Trained | Exception = ray.get(reference)
        except RayError as error:
            lines = str(error).strip().splitlines()
            result = TrainingError(
                f"{training.title}: lost on the cluster ({lines[0] if lines else type(error).__name__})"
            )
        return Outcome(training.id, result)


def placed(device: str, gpus: float, jobs_per_device: int, threads: int) -> tuple[str, dict[str, float]]:
    """Return the device of a training, and the resources that Ray reserves for it.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, … Ray decides which GPU of a machine is used: ``cuda:1`` means any.
        gpus: The number of GPUs in the cluster.
        jobs_per_device: The number of trainings that share a GPU.
        threads: The number of CPU threads of each training.

    Returns:
        The device as the training sees it, and the resources in Ray's terms.
    """
    if device.startswith("cuda") or (device == "auto" and gpus > 0):
        return "cuda", {"num_gpus": 1 / jobs_per_device}  # a task sees only the GPU that it was given
    return "cpu" if device == "auto" else device, {"num_cpus": float(threads)}


def _train(
    training: Training, data: Dataset, plugins: tuple[Plugin, ...], device: str, mailbox: Any
) -> Trained | RobustKDError:
    """Run a training on this machine; robustkd's errors are returned, all others are left to Ray."""
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        state = Path(folder) / "state"
        held = ray.get(mailbox.state.remote(training.id))
        if held is not None:
            state.write_bytes(held)
        tell = _Teller(training, state, mailbox)
        try:
            receive(plugins)
            return perform(training, data, resolve_device(device), state, tell.on_epoch, tell.should_stop)
        except StorageError as error:  # this machine's disk, not the driver's
            return TrainingError(f"{training.title}: on {socket.gethostname()}: {error}")
        except RobustKDError as error:
            tell.state()
            return error


class _Teller:
    """Sends epochs and states to the mailbox, and asks it whether to stop."""

    def __init__(self, training: Training, state: Path, mailbox: Any) -> None:
        self._id, self._path, self._mailbox = training.id, state, mailbox
        self._epochs = (0, 0)
        self._written: float | None = _written(state)

    def on_epoch(self, done: int, earlier: int) -> None:
        """Report an epoch."""
        self._epochs = (done, earlier)
        self.state()

    def should_stop(self) -> bool:
        """Return whether to stop."""
        return bool(ray.get(self._mailbox.tell.remote(self._id, self._epochs, None)))

    def state(self) -> None:
        """Send the epochs, and the state if it was written since the last time."""
        written = _written(self._path)
        fresh = written is not None and written != self._written
        self._written = written
        ray.get(self._mailbox.tell.remote(self._id, self._epochs, self._path.read_bytes() if fresh else None))


def _written(path: Path) -> float | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def connect(address: str | None) -> None:
    """Connect to a cluster, or start one on this machine, and keep the program's signal handlers.

    Args:
        address: The address of the cluster; None to start one.

    Raises:
        BadInputError: The cluster does not answer.
    """
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        hint = TOKEN if str(address).startswith("ray://") and "RAY_AUTH_MODE" not in os.environ else ""
        raise BadInputError(f"--address {address}: no Ray cluster answers ({reason}){hint}") from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)  # Ray installs its own, which ends the process
