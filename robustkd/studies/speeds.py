"""How fast a device trains: read from earlier jobs, or measured in a second for each network and each method.

A speed comes from earlier jobs of the store where the same method trained the same network on the same device. Else it
is measured: a forward pass and a step of the baseline for every network; and for every method, on one of the studies'
pairs of student and teacher, how much longer its step takes than the student's baseline step and the teacher's forward
pass together. That pair is the median one by cost, so that others are cheaper and dearer.

On a CPU steps of fewer images stand for those of a whole batch wherever that would take long: an image takes about as
long there whatever their number. What grows with the batch is then too small: the similarities and distances of `sp`
and `rkd_*`, a small share of a step that is slow enough for this.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.errors import RobustKDError
from robustkd.models import PixelModel, create_model
from robustkd.progress import progress
from robustkd.studies.plan import Job, Plan
from robustkd.studies.provenance import describe_device
from robustkd.studies.store import Store
from robustkd.studies.training import cpu_threads

MEASURED_SECONDS = 0.2
"""For each speed, and each of these epochs, after one step that warms up; one step at least."""
SAMPLED_EPOCHS = (12, 37, 62, 87)
"""Of a hundred, for a method that may do less in some of them; others are measured in the first."""
IMAGES_ON_CPU, IMAGES_ELSEWHERE = 32, 128
"""In a forward pass, and at the most in a step of the baseline; a method's step has those of its recipe at the most."""
STEP_SECONDS = 0.3
"""On a CPU a step that would take longer is measured with fewer images."""
FEWEST_IMAGES = 8
COUNTED_IN_IMAGES = ("attack_size",)
"""Options of methods that are a part of the batch: scaled with it."""
STEP_IN_FORWARD_PASSES = 4
"""About, of a baseline: to foresee how many images fit into the time."""


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


Key = tuple[str, str, str, int, str, tuple[int, ...]]


def _key(job: Job, data: Dataset) -> Key:
    """What a speed depends on, besides the device."""
    recipe = job.recipe
    return (
        job.settings["architecture"],
        job.settings["method"],
        _teacher_of(job),
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
        planned: What speeds will be asked for; their stores give earlier jobs.
    """

    def __init__(self, device: torch.device, planned: Sequence[Planned], threads: int = 1) -> None:
        self._device = device
        self._threads = threads
        self._kept: dict[tuple[str, ...], float] = {}
        self._told = False
        self._known: dict[Key, list[float]] = {}
        for store in {each.store.root: each.store for each in planned}.values():
            for key, times in _history(store, describe_device(device, threads)).items():
                self._known.setdefault(key, []).extend(times)
        self._samples: dict[str, dict[tuple[str, str], tuple[Job, Dataset]]] = {}
        for each in planned:
            for job in each.plan.jobs:
                pairs = self._samples.setdefault(job.settings["method"], {})
                pairs.setdefault((job.settings["architecture"], _teacher_of(job)), (job, each.data))
        self.from_history: set[str] = set()

    def training(self, job: Job, data: Dataset) -> float:
        """Seconds for an image of a training."""
        known = self._known.get(_key(job, data))
        if known is not None:
            self.from_history.add(job.id)
            return statistics.median(known)
        return self._factor(job.settings["method"]) * self._networks(job, data)

    def forward(self, architecture: str, data: Dataset) -> float:
        """Seconds for an image of a network's forward pass."""

        def measure() -> float:
            count = IMAGES_ON_CPU if self._device.type == "cpu" else IMAGES_ELSEWHERE
            model, batch = _network(architecture, data, self._device), _batch(data, self._device, count)

            def step() -> None:
                with torch.inference_mode():
                    model(batch.pixels)

            step()
            return _time(step, self._device) / count

        return self._keep(("forward pass", architecture, str(data.test.shape)), measure)

    def _networks(self, job: Job, data: Dataset) -> float:
        """What student and teacher take, whatever is done with their outputs."""
        teacher = _teacher_of(job)
        return self._baseline(job.settings["architecture"], data) + (self.forward(teacher, data) if teacher else 0.0)

    def _baseline(self, architecture: str, data: Dataset) -> float:
        def measure() -> float:
            most = IMAGES_ON_CPU if self._device.type == "cpu" else IMAGES_ELSEWHERE
            count = self._count(STEP_IN_FORWARD_PASSES * self.forward(architecture, data), most)
            return self._step(METHODS["baseline"](_network(architecture, data, self._device)), data, count)

        return self._keep(("step", architecture, str(data.test.shape)), measure)

    def _factor(self, method: str) -> float:
        """How much longer a step of a method takes than a step of its student and a pass of its teacher."""
        if method == "baseline":
            return 1.0

        def measure() -> float:
            job, data = self._sample(method)
            student, teacher = _network(job.settings["architecture"], data, self._device), None
            if name := _teacher_of(job):
                teacher = _network(name, data, self._device)
            networks, batch_size = self._networks(job, data), job.recipe.batch_size
            count = self._count(networks, batch_size)
            try:
                built = METHODS[method](student, teacher, **_scaled(job.settings["options"], count / batch_size))
                return self._step(built, data, count) / networks
            except RobustKDError:
                return 1.0  # it does not apply to these networks, and its job will say so

        return self._keep(("step", method), measure)

    def _sample(self, method: str) -> tuple[Job, Dataset]:
        """The pair of networks on which a method is measured: of all that it trains the median by cost."""

        def cost(sample: tuple[Job, Dataset]) -> float:
            job, data = sample
            return sum(self.forward(name, data) for name in (job.settings["architecture"], _teacher_of(job)) if name)

        samples = sorted(self._samples[method].values(), key=cost)
        return samples[(len(samples) - 1) // 2]

    def _count(self, seconds: float, most: int) -> int:
        """How many images a step is measured with, if each takes so long."""
        return most if self._device.type != "cpu" else min(max(int(STEP_SECONDS / seconds), FEWEST_IMAGES), most)

    def _step(self, method: Method, data: Dataset, count: int) -> float:
        built, batch = method.to(self._device), _batch(data, self._device, count)
        stage = built.stages(Recipe())[-1].name
        optimiser = torch.optim.SGD(built.trained(stage), lr=1e-9, momentum=0.9)
        built.train()

        def step() -> None:
            optimiser.zero_grad()
            torch.stack(list(built(batch).losses.values())).sum().backward()
            optimiser.step()

        varies = type(built).begin_epoch is not Method.begin_epoch
        epochs = SAMPLED_EPOCHS if varies else SAMPLED_EPOCHS[:1]
        taken: list[float] = []
        for epoch in epochs:
            built.begin_epoch(stage, epoch, 100)
            if not taken:
                step()
            taken.append(_time(step, self._device))
        return statistics.mean(taken) / count

    def _keep(self, key: tuple[str, ...], measure: Callable[[], float]) -> float:
        if key not in self._kept:
            if not self._told:
                self._told = True
                print(
                    f"measuring speeds on {describe_device(self._device, self._threads)}, "
                    "a second or two for each network and each method",
                    file=sys.stderr,
                    flush=True,
                )
            threads = self._threads if self._device.type == "cpu" else None
            with cpu_threads(threads), progress(f"measure a {key[0]} of {key[1]}", 1):
                self._kept[key] = measure()
        return self._kept[key]


def _teacher_of(job: Job) -> str:
    return str(job.teachers[0].settings["architecture"]) if job.teachers else ""


def _scaled(options: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Options of a method for a part of its batch."""
    scaled = {name: max(1, round(options[name] * share)) for name in COUNTED_IN_IMAGES if name in options}
    return {**options, **scaled}


def _network(architecture: str, data: Dataset, device: torch.device) -> PixelModel:
    return create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=0).to(device)


def _batch(data: Dataset, device: torch.device, count: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, *data.test.shape, generator=generator).to(device)
    return Batch(pixels, torch.randint(data.num_classes, (count,), generator=generator).to(device))


def _time(step: Callable[[], None], device: torch.device) -> float:
    """Seconds of one step: the median of as many as fit into the time, one at least; it has been warmed up."""
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
