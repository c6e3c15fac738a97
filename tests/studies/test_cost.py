import re
import statistics
from pathlib import Path

import pytest
import torch

from robustkd.data import load_dataset
from robustkd.data.stand_in import stand_in
from robustkd.studies import load_study, run_study, speeds
from robustkd.studies.cost import _training_images, critical_path, job_seconds, makespan
from robustkd.studies.job import Job
from robustkd.studies.plan import plan
from robustkd.studies.speeds import Planned, Speeds
from robustkd.studies.store import Store

batch_of = speeds._batch


def job(name: str, *teachers: Job) -> Job:
    return Job("student", name, {"name": name}, teachers)


TEACHER = job("t")
A, B, C = job("a", TEACHER), job("b", TEACHER), job("c")
JOBS = [TEACHER, A, B, C]
SECONDS = {TEACHER.id: 10.0, A.id: 5.0, B.id: 4.0, C.id: 12.0}


def test_the_critical_path_is_the_longest_chain() -> None:
    assert critical_path(JOBS, SECONDS) == 15  # the teacher and its slowest student


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (1, 31),  # all of it
        (2, 16),  # the teacher from 0 to 10, c from 0 to 12, a from 10 to 15, b from 12 to 16
        (3, 15),  # nothing waits for a device: the longest chain
        (64, 15),
    ],
)
def test_devices_share_the_jobs_and_students_wait_for_their_teacher(devices: int, expected: float) -> None:
    assert makespan(JOBS, SECONDS, devices) == expected


def test_finished_teachers_are_not_waited_for() -> None:
    assert makespan([A, B], SECONDS, 2) == 5


def test_earlier_jobs_give_the_speed(tiny: Path, tmp_path: Path) -> None:
    run_study(load_study(tiny), tmp_path / "run", device="cpu")
    store, data = Store(tmp_path / "run" / "jobs"), load_dataset("digits")
    later = plan(load_study(tiny, ("students.seeds=[5]", "training.epochs=7")), data)
    planned = Planned(later, data, store)
    measured = Speeds(torch.device("cpu"), [planned])

    baseline = next(each for each in later.jobs if each.name == "baseline-5")
    done = [each for each in plan(load_study(tiny), data).jobs if each.settings["method"] == "baseline"]
    seconds = job_seconds(planned, [baseline], measured)[baseline.id]

    assert measured.from_history == {baseline.id}
    per_image = statistics.median(1 / store.record(each)["images_per_second"] for each in done)
    training = 7 * len(data.training) * per_image
    tests = 7 * len(data.test) * measured.forward("cifar_wrn_10_1", data)
    assert seconds == pytest.approx(training + tests)


@pytest.mark.parametrize(("resampling", "images"), [("none", 525), ("over", 1000), ("under", 50)])
def test_resampled_images_are_counted(resampling: str, images: int, tiny: Path, tmp_path: Path) -> None:
    overrides = (
        f"training.resampling={resampling}",
        "conditions=[{class_imbalance: {law: step, n_max: 100, n_min: 5}}]",
        "training.split=first_half",
    )
    data = load_dataset("digits")
    planned = Planned(plan(load_study(tiny, overrides), data), data, Store(tmp_path))

    counted = dict(_training_images(planned))

    assert set(counted.values()) == {round(images / 2)}


@pytest.fixture
def pair(tiny: Path, tmp_path: Path) -> Planned:
    """Networks whose steps take a CPU long enough to be counted in images."""
    overrides = (
        "data.name=cifar10",
        "teacher.architecture=cifar_resnet8",
        "students.architecture=cifar_resnet8",
        "students.methods={hinton: , bss: {attack_size: 16, attack_steps: 3}}",
        "training.batch_size=64",
    )
    data = stand_in("cifar10")
    assert data is not None
    return Planned(plan(load_study(tiny, overrides), data), data, Store(tmp_path))


def test_slow_steps_are_measured_with_fewer_images(pair: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    _, hinton, bss = pair.plan.jobs
    monkeypatch.setattr(speeds, "STEP_SECONDS", 0.0)
    batches = []
    monkeypatch.setattr(speeds, "_batch", lambda *asked: batches.append(asked[2]) or batch_of(*asked))

    for each in (hinton, bss):
        assert Speeds(torch.device("cpu"), [pair]).training(each, pair.data) > 0

    assert set(batches) == {speeds.IMAGES_ON_CPU, speeds.FEWEST_IMAGES}  # of forward passes, and of steps


@pytest.mark.slow
def test_an_image_takes_about_as_long_in_a_small_step(pair: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    """This measures time, so it needs a machine without other load."""
    trained = pair.plan.jobs[1:]
    found = []
    for limit in (100.0, 0.0):
        monkeypatch.setattr(speeds, "STEP_SECONDS", limit)
        found.append([Speeds(torch.device("cpu"), [pair]).training(each, pair.data) for each in trained])

    for many, few in zip(*found, strict=True):
        assert 0.4 < few / many < 2.5


def test_what_is_measured_is_said(pair: Planned, capsys: pytest.CaptureFixture[str]) -> None:
    Speeds(torch.device("cpu"), [pair]).training(pair.plan.jobs[0], pair.data)

    assert capsys.readouterr().err.count("measuring speeds on cpu") == 1


def test_a_method_is_measured_on_the_median_of_its_pairs(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Speeds, "forward", lambda self, name, data: int(re.sub(r"\D", "", name)))
    data = load_dataset("digits")
    students = "students.architecture=[cifar_resnet26, cifar_resnet8, cifar_resnet14]"
    planned = Planned(plan(load_study(tiny, (students,)), data), data, Store(tmp_path))

    job, _ = Speeds(torch.device("cpu"), [planned])._sample("hinton")

    assert job.settings["architecture"] == "cifar_resnet14"


@pytest.mark.slow
def test_an_estimate_agrees_with_the_run_itself(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("training.epochs=20", "students.methods=[baseline, hinton, sp, dml, fitnet, bss]"))
    data = load_dataset("digits")
    planned = Planned(plan(study, data), data, Store(tmp_path / "run" / "jobs"))
    jobs = planned.plan.jobs
    estimated = job_seconds(planned, jobs, Speeds(torch.device("cpu"), [planned]))

    run_study(study, tmp_path / "run", device="cpu")

    for each in jobs:
        epochs = estimated[each.id] / (len(data.training) / planned.store.record(each)["images_per_second"])
        assert 20 / 2 < epochs < 30 * 2, each.name  # fitnet has 30 epochs, the others 20; within a factor of two
