import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from robustkd.data import Augmentation, Dataset, load_dataset
from robustkd.data.stand_in import stand_in
from robustkd.errors import StudyError
from robustkd.studies import load_study, run_study
from robustkd.studies.collection import load_studies
from robustkd.studies.job import unique
from robustkd.studies.plan import Plan, plan


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def ids(planned: Plan) -> dict[str, str]:
    return {"teacher" if job.role == "teacher" else job.name: job.id for job in planned.jobs}


def test_the_teacher_comes_first_and_only_methods_that_need_it_wait_for_it(tiny: Path, digits: Dataset) -> None:
    jobs = plan(load_study(tiny, ("students.seeds=[0, 1]",)), digits).jobs

    assert [job.name for job in jobs] == ["cifar_wrn_10_1-7", "baseline-0", "baseline-1", "hinton-0", "hinton-1"]
    assert [job.role for job in jobs] == ["teacher", "baseline", "baseline", "student", "student"]
    assert [job.teachers == (jobs[0],) for job in jobs] == [False, False, False, True, True]


@pytest.mark.parametrize("override", ["name=other", "students.seeds=[0, 1]", "evaluations.fidelity={}"])
def test_what_does_not_change_a_result_does_not_change_its_job(tiny: Path, digits: Dataset, override: str) -> None:
    before = ids(plan(load_study(tiny), digits))

    after = ids(plan(load_study(tiny, (override,)), digits))

    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("students.methods.hinton.temperature=2", {"hinton-0"}),
        ("teacher.seeds=8", {"teacher", "hinton-0"}),
        ("training.epochs=2", {"teacher", "baseline-0", "hinton-0"}),
        ("students.architecture=cifar_wrn_10_2", {"baseline-0", "hinton-0"}),
    ],
)
def test_what_changes_a_result_changes_its_job_and_what_depends_on_it(
    tiny: Path, digits: Dataset, override: str, changed: set[str]
) -> None:
    before, after = (ids(plan(load_study(tiny, overrides), digits)) for overrides in ((), (override,)))

    assert {name for name in before if before[name] != after[name]} == changed


def test_other_images_or_another_augmentation_are_other_jobs(tiny: Path, digits: Dataset) -> None:
    study = load_study(tiny)
    fewer = replace(digits, train=digits.training.subset(torch.arange(100)))
    shifted = replace(digits, augmentation=Augmentation(crop_padding=2))

    found = [set(ids(plan(study, data)).values()) for data in (digits, fewer, shifted)]

    assert not found[0] & found[1]
    assert not found[0] & found[2]


def test_a_method_that_does_not_apply_to_the_networks_is_refused_before_anything_is_trained(
    tiny: Path, tmp_path: Path
) -> None:
    study = load_study(tiny, ("students.methods=[baseline, fsp]", "teacher.architecture=cifar_wrn_10_2"))

    with pytest.raises(StudyError, match=r"tiny: students\.0\.methods\.fsp: .*channels"):
        run_study(study, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_the_full_study_of_the_paper_is_planned_in_under_two_seconds() -> None:
    studies = [placed.study for placed in load_studies([Path("experiments/sarfraz2020/all.yaml")])]
    data = {name: stand_in(name) for name in ("cifar10", "cifar100")}

    start = time.perf_counter()
    jobs = unique(job for study in studies for job in plan(study, data[study.data.name]).jobs)  # type: ignore[arg-type]
    ids = {job.id for job in jobs}
    seconds = time.perf_counter() - start

    assert len(ids) == len(jobs) > 1_400
    assert seconds < 2
