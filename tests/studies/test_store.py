from pathlib import Path

import pytest

from robustkd.studies.plan import Job
from robustkd.studies.store import Store

JOB = Job("student", "hinton-0", {"seed": 0})


def finish(store: Store, job: Job = JOB) -> Path:
    with store.writing(job, {"device": "cpu"}) as folder:
        (folder / "model.safetensors").write_bytes(b"weights")
    found = store.find(job)
    assert found is not None
    return found


def test_a_finished_job_is_found(tmp_path: Path) -> None:
    folder = finish(Store(tmp_path))

    assert folder.name == f"student-hinton-0-{JOB.id[:16]}"
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", "job.json"}


def test_a_job_is_found_under_whatever_name_it_was_made(tmp_path: Path) -> None:
    folder = finish(Store(tmp_path))

    assert Store(tmp_path).find(Job("baseline", "another-name", {"seed": 0})) == folder
    assert Store(tmp_path).find(Job("student", "hinton-0", {"seed": 1})) is None


def test_a_job_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    with pytest.raises(FileNotFoundError), store.writing(JOB, {}) as folder:
        (folder / "missing" / "model.safetensors").write_bytes(b"half")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no record"])
def test_a_damaged_job_is_not_found_and_is_replaced(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    folder = finish(store)
    model = folder / "model.safetensors"
    match damage:
        case "flip":
            model.write_bytes(b"Weights")
        case "truncate":
            model.write_bytes(b"weig")
        case "remove":
            model.unlink()
        case "no record":
            (folder / "job.json").unlink()

    assert store.find(JOB) is None
    assert finish(store) == folder
