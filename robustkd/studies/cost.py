"""What a study costs: a measured speed for each network, times the work of each job.

The model: a training takes, for each image of each epoch, what one step of its method takes on this device divided by
the batch size, and after each epoch one forward pass over the test images. A speed comes from earlier jobs of the store
where the same method trained the same network on the same device, else it is measured in seconds: a step of the
baseline and a forward pass for every network; and for every method, on the study's first students, how much longer a
step takes than the baseline's, its teacher's forward pass apart.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Recipe
from robustkd.errors import RobustKDError
from robustkd.models import PixelModel, create_model
from robustkd.studies.plan import Job, Plan, epochs_of
from robustkd.studies.provenance import describe_device
from robustkd.studies.store import Store
from robustkd.studies.training import cpu_threads

MEASURED_SECONDS = 0.2
"""For each speed, and each of these epochs, after one step that warms up."""
SAMPLED_EPOCHS = (12, 37, 62, 87)
"""Of a hundred."""
IMAGES_ON_CPU, IMAGES_ELSEWHERE = 32, 128
"""In a step of the baseline: a CPU takes as long for each image whatever their number, a GPU does not. A method is
measured at the batch size of its recipe, on which its cost for an image may depend."""


@dataclass(frozen=True)
class Planned:
    """A plan, and what it is trained on.

    Attributes:
        plan: The jobs.
        data: The data set, before any condition.
        store: Where its jobs are kept.
    """

    plan: Plan
    data: Dataset
    store: Store


def job_seconds(planned: Planned, jobs: Sequence[Job], speeds: "Speeds") -> dict[str, float]:
    """Estimate how long trainings take, each by itself.

    Args:
        planned: Their plan.
        jobs: Some of its jobs.
        speeds: Of networks and methods on the device.

    Returns:
        Seconds by job id.
    """
    images = dict(_training_images(planned))
    return {
        job.id: epochs_of(job)
        * (
            images[job.id] * speeds.training(job, planned.data)
            + len(planned.data.test) * speeds.forward(job.settings["architecture"], planned.data)
        )
        for job in jobs
    }


def critical_path(jobs: Sequence[Job], seconds: Mapping[str, float]) -> float:
    """Give the time that no number of devices can undercut: the longest chain of jobs that wait for each other.

    Args:
        jobs: What is to be done.
        seconds: Of each.

    Returns:
        Seconds.
    """
    ends: dict[str, float] = {}
    for job in jobs:
        ends[job.id] = seconds[job.id] + max((ends.get(teacher.id, 0.0) for teacher in job.teachers), default=0.0)
    return max(ends.values(), default=0.0)


def makespan(jobs: Sequence[Job], seconds: Mapping[str, float], devices: int) -> float:
    """Simulate doing jobs on several equal devices, one at a time on each, longest first, teachers before students.

    Args:
        jobs: What is to be done, teachers before what waits for them.
        seconds: Of each.
        devices: How many.

    Returns:
        Seconds until the last has ended.
    """
    wanted = {job.id for job in jobs}
    waits = {job.id: {teacher.id for teacher in job.teachers} & wanted for job in jobs}
    chained = {teacher for held in waits.values() for teacher in held}
    # what others wait for goes first, then the longest
    queue = sorted(jobs, key=lambda job: (job.id not in chained, -seconds[job.id]))
    running: list[tuple[float, str]] = []
    now = 0.0
    while queue or running:
        ready = [job for job in queue if not waits[job.id]][: devices - len(running)]
        for job in ready:
            queue.remove(job)
            heappush(running, (now + seconds[job.id], job.id))
        now, ended = heappop(running)
        for held in waits.values():
            held.discard(ended)
    return now


def _training_images(planned: Planned) -> Iterator[tuple[str, int]]:
    for part in planned.plan.parts:
        counts: dict[int, int] = {}
        for job in part.jobs:
            draw = job.settings["seed"] if part.condition.per_seed else 0
            if draw not in counts:
                counts[draw] = len(replace(planned.data, condition=part.condition).trained_on(draw).indices)
            yield job.id, round(counts[draw] * (1 - job.recipe.validation_fraction))


Key = tuple[str, str, str, int, str, tuple[int, ...]]


def _key(job: Job, data: Dataset) -> Key:
    """What a speed depends on, besides the device."""
    teacher = job.teachers[0].settings["architecture"] if job.teachers else ""
    recipe = job.recipe
    return (
        job.settings["architecture"],
        job.settings["method"],
        teacher,
        recipe.batch_size,
        recipe.precision,
        (*data.test.shape, data.num_classes),
    )


def _history(store: Store, device: str) -> dict[Key, list[float]]:
    """Seconds for an image, by what they depend on, of the finished jobs that ran on such a device."""
    records = store.records()
    found: dict[Key, list[float]] = {}
    for record in records.values():
        if not {"settings", "teachers", "device", "shape", "images_per_second"} <= record.keys():
            continue
        settings, teachers = record["settings"], record["teachers"]
        if record["device"] != device or any(teacher not in records for teacher in teachers[:1]):
            continue
        key = (
            settings["architecture"],
            settings["method"],
            records[teachers[0]]["settings"]["architecture"] if teachers else "",
            settings["recipe"]["batch_size"],
            settings["recipe"]["precision"],
            tuple(record["shape"]),
        )
        found.setdefault(key, []).append(1 / record["images_per_second"])
    return found


class Speeds:
    """Seconds for an image on a device: read from earlier jobs, or measured when asked for and kept.

    Args:
        device: The device.
        threads: Of a CPU, for each training.
        planned: What speeds will be asked for; the first students of each method are what it is measured on, and the
            stores give earlier jobs.
    """

    def __init__(self, device: torch.device, planned: Sequence[Planned], threads: int = 1) -> None:
        self._device = device
        self._threads = threads
        self._kept: dict[tuple[str, ...], float] = {}
        self._known: dict[Key, list[float]] = {}
        for store in {each.store.root: each.store for each in planned}.values():
            for key, times in _history(store, describe_device(device, threads)).items():
                self._known.setdefault(key, []).extend(times)
        self._samples: dict[str, tuple[Job, Dataset]] = {}
        for each in planned:
            for job in each.plan.jobs:
                self._samples.setdefault(job.settings["method"], (job, each.data))
        self.from_history: set[str] = set()

    def training(self, job: Job, data: Dataset) -> float:
        """Seconds for an image of a training."""
        known = self._known.get(_key(job, data))
        if known is not None:
            self.from_history.add(job.id)
            return statistics.median(known)
        teacher = self.forward(job.teachers[0].settings["architecture"], data) if job.teachers else 0.0
        return self._factor(job.settings["method"]) * self._baseline(job.settings["architecture"], data) + teacher

    def forward(self, architecture: str, data: Dataset) -> float:
        """Seconds for an image of a network's forward pass."""

        def measure() -> float:
            model, batch = _network(architecture, data, self._device), _batch(data, self._device, None)

            def step() -> None:
                with torch.inference_mode():
                    model(batch.pixels)

            return _time(step, self._device) / len(batch.labels)

        return self._keep(("forward", architecture, str(data.test.shape)), measure)

    def _baseline(self, architecture: str, data: Dataset) -> float:
        return self._keep(
            ("baseline", architecture, str(data.test.shape)),
            lambda: self._step("baseline", {}, _network(architecture, data, self._device), None, data, None),
        )

    def _factor(self, method: str) -> float:
        """How much longer a step of a method takes than the baseline's, its teacher's forward pass apart."""
        if method == "baseline":
            return 1.0

        def measure() -> float:
            job, data = self._samples[method]
            architecture = job.settings["architecture"]
            student, teacher, forward = _network(architecture, data, self._device), None, 0.0
            if job.teachers:
                name = job.teachers[0].settings["architecture"]
                teacher, forward = _network(name, data, self._device), self.forward(name, data)
            try:
                seconds = self._step(method, job.settings["options"], student, teacher, data, job.recipe.batch_size)
            except RobustKDError:
                return 1.0  # it does not apply to these networks, and its job will say so
            return max(seconds - forward, 0.0) / self._baseline(architecture, data)

        return self._keep(("factor", method), measure)

    def _step(
        self,
        method: str,
        options: Mapping[str, object],
        student: PixelModel,
        teacher: PixelModel | None,
        data: Dataset,
        batch_size: int | None,
    ) -> float:
        built = METHODS[method](student, teacher, **options).to(self._device)
        batch = _batch(data, self._device, batch_size)
        stage = built.stages(Recipe())[-1].name
        parameters = built.trained(stage)
        optimiser = torch.optim.SGD(parameters, lr=1e-9, momentum=0.9)
        built.train()

        def step() -> None:
            optimiser.zero_grad()
            torch.stack(list(built(batch).losses.values())).sum().backward()
            optimiser.step()

        taken = []
        for epoch in SAMPLED_EPOCHS:  # a method may do less towards the end
            built.begin_epoch(stage, epoch, 100)
            taken.append(_time(step, self._device))
        return statistics.mean(taken) / len(batch.labels)

    def _keep(self, key: tuple[str, ...], measure: Callable[[], float]) -> float:
        if key not in self._kept:
            with cpu_threads(self._threads if self._device.type == "cpu" else None):
                self._kept[key] = measure()
        return self._kept[key]


def _network(architecture: str, data: Dataset, device: torch.device) -> PixelModel:
    return create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=0).to(device)


def _batch(data: Dataset, device: torch.device, count: int | None) -> Batch:
    count = count or (IMAGES_ON_CPU if device.type == "cpu" else IMAGES_ELSEWHERE)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, *data.test.shape, generator=generator).to(device)
    return Batch(pixels, torch.randint(data.num_classes, (count,), generator=generator).to(device))


def _time(step: Callable[[], None], device: torch.device) -> float:
    """Seconds of one step: the median of as many as fit into the time, one at least."""
    step()
    _wait(device)
    taken: list[float] = []
    begun = time.perf_counter()
    while not taken or time.perf_counter() - begun < MEASURED_SECONDS:
        start = time.perf_counter()
        step()
        _wait(device)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
