"""The training speed of a device: known from earlier jobs, or measured in about a second per network and method.

If an earlier job in the store trained the same network by the same method on the same device, its speed is used.
Otherwise the speed is measured: for every network a forward pass and a step of the baseline; for every method the ratio
of its step to the sum of the student's baseline step and the teacher's forward pass. This ratio is measured on one of
the studies' pairs of student and teacher, the one with the median cost.

On a CPU, steps that would take long are measured with fewer images than the batch has, because the time per image there
hardly depends on their number. This underestimates what grows faster than the batch: the similarities and distances of
`sp` and `rkd_*`, which are a small share of a step that is slow enough to be measured in this way.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.errors import RobustKDError
from robustkd.models import PixelModel, create_model
from robustkd.models.ensembles import ensemble
from robustkd.progress import progress
from robustkd.studies.job import Job
from robustkd.studies.plan import Plan
from robustkd.studies.provenance import describe_device
from robustkd.studies.store import Store
from robustkd.studies.training import cpu_threads

MEASURED_SECONDS = 0.2
"""The time for each speed and each sampled epoch, after one step to warm up; at least one step is measured."""
SAMPLED_EPOCHS = (12, 37, 62, 87)
"""The epochs, of a hundred, in which methods that vary between epochs are measured; others only in the first."""
IMAGES_ON_CPU, IMAGES_ELSEWHERE = 32, 128
"""The images of a forward pass, and at most of a baseline step; a method's step has at most its batch size."""
STEP_SECONDS = 0.3
"""A step that would take longer on a CPU is measured with fewer images."""
FEWEST_IMAGES = 8
COUNTED_IN_IMAGES = ("attack_size",)
"""The options of methods that count images of the batch; they are scaled with it."""
STEP_IN_FORWARD_PASSES = 4
"""The approximate cost of a baseline step, to estimate how many images fit into the time."""


@dataclass(frozen=True)
class Planned:
    """A plan with its data and its store.

    Attributes:
        plan: The jobs.
        data: The data set, before any condition.
        store: The store of its jobs.
    """

    plan: Plan
    data: Dataset
    store: Store


Key = tuple[str, str, str, int, str, tuple[int, ...]]


def _key(job: Job, data: Dataset) -> Key:
    """Everything that a speed depends on, except the device."""
    recipe = job.recipe
    return (
        job.settings["architecture"],
        job.settings["method"],
        _joined(_teachers_of(job)),
        recipe.batch_size,
        recipe.precision,
        (*data.test.shape, data.num_classes),
    )


def _history(store: Store, device: str) -> dict[Key, list[float]]:
    """The seconds per image of the finished jobs that ran on such a device."""
    records = store.records()
    found: dict[Key, list[float]] = {}
    for record in records.values():
        if not {"settings", "teachers", "device", "shape", "images_per_second"} <= record.keys():
            continue
        settings, teachers = record["settings"], record["teachers"]
        if record.get("teaching", "one") == "one":
            teachers = teachers[:1]
        if record["device"] != device or any(teacher not in records for teacher in teachers):
            continue
        key = (
            settings["architecture"],
            settings["method"],
            _joined(records[teacher]["settings"]["architecture"] for teacher in teachers),
            settings["recipe"]["batch_size"],
            settings["recipe"]["precision"],
            tuple(record["shape"]),
        )
        found.setdefault(key, []).append(1 / record["images_per_second"])
    return found


class Speeds:
    """The seconds per image on a device: known from earlier jobs, or measured when first needed.

    Args:
        device: The device.
        threads: The number of CPU threads of each training.
        planned: The plans that need speeds; their stores hold the earlier jobs.
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
                pairs.setdefault((job.settings["architecture"], _joined(_teachers_of(job))), (job, each.data))
        self.from_history: set[str] = set()

    def training(self, job: Job, data: Dataset) -> float:
        """Return the seconds per image of a training."""
        known = self._known.get(_key(job, data))
        if known is not None:
            self.from_history.add(job.id)
            return statistics.median(known)
        return self._factor(job.settings["method"]) * self._networks(job, data)

    def forward(self, architecture: str, data: Dataset) -> float:
        """Return the seconds per image of a network's forward pass."""

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
        """The time of student and teachers, without what a method does with their outputs."""
        taught = sum(self.forward(name, data) for name in _teachers_of(job))
        return self._baseline(job.settings["architecture"], data) + taught

    def _baseline(self, architecture: str, data: Dataset) -> float:
        def measure() -> float:
            most = IMAGES_ON_CPU if self._device.type == "cpu" else IMAGES_ELSEWHERE
            count = self._count(STEP_IN_FORWARD_PASSES * self.forward(architecture, data), most)
            return self._step(METHODS["baseline"](_network(architecture, data, self._device)), data, count)

        return self._keep(("step", architecture, str(data.test.shape)), measure)

    def _factor(self, method: str) -> float:
        """The ratio of a step of a method to a step of its student plus a forward pass of its teacher."""
        if method == "baseline":
            return 1.0

        def measure() -> float:
            job, data = self._sample(method)
            student, teacher = _network(job.settings["architecture"], data, self._device), None
            if names := _teachers_of(job):
                teacher = ensemble([_network(name, data, self._device) for name in names])
            networks, batch_size = self._networks(job, data), job.recipe.batch_size
            count = self._count(networks, batch_size)
            try:
                built = METHODS[method](student, teacher, **_scaled(job.settings["options"], count / batch_size))
                return self._step(built, data, count) / networks
            except RobustKDError:
                return 1.0  # the method does not apply to these networks; its job will report that

        return self._keep(("step", method), measure)

    def _sample(self, method: str) -> tuple[Job, Dataset]:
        """The pair of networks on which a method is measured: the one with the median cost."""

        def cost(sample: tuple[Job, Dataset]) -> float:
            job, data = sample
            return sum(self.forward(name, data) for name in (job.settings["architecture"], *_teachers_of(job)))

        samples = sorted(self._samples[method].values(), key=cost)
        return samples[(len(samples) - 1) // 2]

    def _count(self, seconds: float, most: int) -> int:
        """The number of images of a measured step, given the seconds per image."""
        return most if self._device.type != "cpu" else min(max(int(STEP_SECONDS / seconds), FEWEST_IMAGES), most)

    def _step(self, method: Method, data: Dataset, count: int) -> float:
        labels = data.training.labels.cpu()
        method.prepare(labels)
        built, places = method.to(self._device), torch.arange(count, device=self._device) % len(labels)
        batch = _batch(data, self._device, count)
        batch = replace(batch, indices=places, views=dict.fromkeys(method.views, batch.pixels))
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


def _teachers_of(job: Job) -> list[str]:
    """The architectures of the networks that a job asks at each step."""
    teachers = job.teachers[:1] if job.teaching == "one" else job.teachers
    return [str(teacher.settings["architecture"]) for teacher in teachers]


def _joined(architectures: Iterable[str]) -> str:
    return " + ".join(architectures)


def _scaled(options: Mapping[str, Any], share: float) -> dict[str, Any]:
    """The options of a method for a share of its batch."""
    scaled = {name: max(1, round(options[name] * share)) for name in COUNTED_IN_IMAGES if name in options}
    return {**options, **scaled}


def _network(architecture: str, data: Dataset, device: torch.device) -> PixelModel:
    return create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=0).to(device)


def _batch(data: Dataset, device: torch.device, count: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(count, *data.test.shape, generator=generator).to(device)
    return Batch(pixels, torch.randint(data.num_classes, (count,), generator=generator).to(device))


def _time(step: Callable[[], None], device: torch.device) -> float:
    """The median seconds of the steps that fit into the time, at least one; the step is warm."""
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
