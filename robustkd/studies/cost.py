"""The duration of a study, estimated from the speed of each network and method and the work of each job.

For each image of each epoch, a training takes the time of one step of its method divided by the batch size. After each
epoch it takes one forward pass over the test images. The speeds come from `speeds`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush

from robustkd.distillation.resampling import resampled_count
from robustkd.studies.job import Job, epochs_of
from robustkd.studies.speeds import Planned, Speeds


def job_seconds(planned: Planned, jobs: Sequence[Job], speeds: Speeds) -> dict[str, float]:
    """Estimate the time of each training.

    Args:
        planned: The plan.
        jobs: Some of its jobs.
        speeds: The speeds of networks and methods on the device.

    Returns:
        The seconds of each job, by its id.
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
    """Return the time of the longest chain of jobs that wait for each other: no number of devices is faster.

    Args:
        jobs: The jobs that are not done, teachers first.
        seconds: The seconds of each job, by its id.

    Returns:
        The time in seconds.
    """
    ends: dict[str, float] = {}
    for job in jobs:
        ends[job.id] = seconds[job.id] + max((ends.get(teacher.id, 0.0) for teacher in job.teachers), default=0.0)
    return max(ends.values(), default=0.0)


def makespan(jobs: Sequence[Job], seconds: Mapping[str, float], devices: int) -> float:
    """Simulate jobs on several equal devices: one at a time on each, longest first, teachers before students.

    Args:
        jobs: The jobs that are not done, teachers first.
        seconds: The seconds of each job, by its id.
        devices: The number of devices.

    Returns:
        The seconds until the last job has ended.
    """
    wanted = {job.id for job in jobs}
    waits = {job.id: {teacher.id for teacher in job.teachers} & wanted for job in jobs}
    chained = {teacher for held in waits.values() for teacher in held}
    # jobs that others wait for come first, then the longest
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
        counts: dict[tuple[str, int], list[int]] = {}
        for job in (job for job in part.jobs if job.given is None):
            condition = job.condition.for_role(job.role)
            draw = condition.label, job.settings["seed"] if condition.per_seed else 0
            if draw not in counts:
                images = replace(planned.data, condition=condition).trained_on(draw[1]).images
                counts[draw] = images.labels.bincount().tolist()
            recipe, extra = job.recipe, job.recipe.distillation_data.extra
            # all classes shrink alike where a part is held out
            shown = (
                resampled_count(counts[draw], recipe.resampling)
                * (1 - recipe.validation_fraction)
                * (1 if recipe.split == "all" else 0.5)
            )
            beside = extra.ratio * len(planned.data.training) if extra is not None else 0.0
            yield job.id, round(shown + beside)
