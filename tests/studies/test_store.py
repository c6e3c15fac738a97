import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout

from robustkd.distillation import Recipe
from robustkd.errors import StudyError
from robustkd.studies.job import Job
from robustkd.studies.store import Store

JOB = Job("student", "hinton-0", {"seed": 0})


def finish(store: Store, job: Job = JOB) -> Path:
    store.put(job, {"model.safetensors": b"weights", "history.csv": b"epoch"}, {"device": "cpu"})
    found = store.find(job)
    assert found is not None
    return found


def test_a_finished_job_is_found(tmp_path: Path) -> None:
    folder = finish(Store(tmp_path))

    assert folder.name == f"student-hinton-0-{JOB.id[:16]}"
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", "history.csv", "job.json"}
    assert Store(tmp_path).record(JOB)["device"] == "cpu"


def test_a_job_is_found_under_whatever_name_it_was_made(tmp_path: Path) -> None:
    folder = finish(Store(tmp_path))

    assert Store(tmp_path).find(Job("baseline", "another-name", {"seed": 0})) == folder
    assert Store(tmp_path).find(Job("student", "hinton-0", {"seed": 1})) is None


def test_a_job_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    with pytest.raises(FileNotFoundError):
        store.put(JOB, {"model.safetensors": b"weights", "missing/history.csv": b""}, {})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no record"])
def test_a_damaged_job_is_not_found_is_named_and_is_replaced(tmp_path: Path, damage: str) -> None:
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
    assert folder.name in str(store.damage(JOB))
    assert finish(store) == folder
    assert store.damage(JOB) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"device": "cuda"}, "its job.json was changed after it was written"),
        ({"files": {}}, "its job.json was changed after it was written"),
        ({"sha256": None}, "its job.json has no checksum (an older robustkd wrote it)"),
        ({"sha256": "0" * 64}, "its job.json was changed after it was written"),
        ({"files": 3}, "its job.json is missing or cannot be read"),
    ],
)
def test_a_record_that_is_not_as_it_was_written_is_damage(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    store = Store(tmp_path)
    record = finish(store) / "job.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | change))

    assert store.find(JOB) is None
    assert store.scan() == {}
    assert store.records() == {}
    assert told in str(store.damage(JOB))
    with pytest.raises(StudyError, match="missing or damaged"):
        store.record(JOB)


def test_a_record_may_be_laid_out_otherwise(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = finish(store)
    record = json.loads((folder / "job.json").read_text())

    (folder / "job.json").write_text(json.dumps(dict(reversed(record.items()))))

    assert store.find(JOB) == folder


@pytest.mark.parametrize("missing", ["model.safetensors", "history.csv"])
def test_a_job_without_its_network_or_its_history_is_not_finished(tmp_path: Path, missing: str) -> None:
    store = Store(tmp_path)
    files = {"model.safetensors": b"weights", "history.csv": b"epoch"}
    del files[missing]

    store.put(JOB, files, {})

    assert store.find(JOB) is None
    assert store.scan() == {}
    assert f"does not list {missing}" in str(store.damage(JOB))


def test_a_failure_is_remembered_until_the_job_is_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.state_path(JOB).write_bytes(b"state")

    store.put_failure(JOB, "the loss is nan")

    assert Store(tmp_path).failure(JOB) == "the loss is nan"
    assert store.state_path(JOB).read_bytes() == b"state"  # one that was killed may go on from there
    finish(store)
    assert not store.state_path(JOB).exists()
    assert store.failure(JOB) is None


def test_a_lock_is_held_by_one_and_dies_with_its_holder(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from robustkd.studies.plan import Job; "
        "from robustkd.studies.store import Store; "
        "lock = Store(Path(sys.argv[1])).lock(Job('student', 'hinton-0', {'seed': 0})); lock.acquire(); "
        "print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    lock = Store(tmp_path).lock(JOB)

    with pytest.raises(Timeout):
        lock.acquire(timeout=0)
    holder.kill()
    holder.wait()

    with lock.acquire(timeout=5):
        assert lock.is_locked


def test_what_killed_runs_left_of_any_job_is_swept_unless_the_job_is_under_way(tmp_path: Path) -> None:
    store, other = Store(tmp_path), Job("student", "sp-0", {"seed": 9})
    for job in (JOB, other):
        (tmp_path / f".{job.id[:16]}.123.partial").mkdir()
        (tmp_path / f".{job.id[:16]}.123.partial" / "model.safetensors").touch()
        (tmp_path / f"..{job.id[:16]}.state.123.partial").touch()
    store.state_path(other).touch()
    held = Store(tmp_path).lock(JOB)
    held.acquire()

    store.sweep()

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".locks", f".{JOB.id[:16]}.123.partial", f"..{JOB.id[:16]}.state.123.partial"} | {
        store.state_path(other).name
    }
    held.release()
    store.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {".locks", store.state_path(other).name}


def test_a_store_that_is_not_there_is_not_made_by_sweeping(tmp_path: Path) -> None:
    Store(tmp_path / "jobs").sweep()

    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize("look", [Store.scan, Store.records])
def test_two_thousand_finished_jobs_are_looked_through_in_under_two_seconds(
    tmp_path: Path, look: Callable[[Store], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustkd.studies.store.sync", lambda path: None)  # it would take longer than all else
    monkeypatch.setattr("robustkd.atomic.sync", lambda path: None)
    for seed in range(2000):
        settings = {"seed": seed, "recipe": dataclasses.asdict(Recipe()), "options": {"temperature": 4.0}}
        files = {"model.safetensors": b"", "history.csv": b""}
        Store(tmp_path).put(Job("student", f"hinton-{seed}", settings), files, {"device": "cpu"})

    start = time.perf_counter()
    found = look(Store(tmp_path))

    assert len(found) == 2000
    assert time.perf_counter() - start < 2
