import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock

from robustkd.data import load_dataset
from robustkd.distillation import Method
from robustkd.errors import StoppedError, StorageError, StudyError, TrainingError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting import build_report
from robustkd.studies import Execution, load_study, run_study, training
from robustkd.studies.compare import compare_runs
from robustkd.studies.executors import Executor, Outcome, Progressed
from robustkd.studies.extras import Extras
from robustkd.studies.live import Live
from robustkd.studies.plan import Plan, plan
from robustkd.studies.schedule import Work, complete
from robustkd.studies.store import Store
from robustkd.studies.training import Trained, Training


class Pretended(Executor):
    """Ends every training at once, as `ending` says, and notes what was done and with which teacher."""

    def __init__(self, ending: Callable[[Training], Trained | Exception], slots: int = 2) -> None:
        self.slots = slots
        self.ending = ending
        self.done: list[str] = []
        self.most = 0
        self.teachers: dict[str, bytes] = {}
        self._running: list[Training] = []

    def __call__(self, progressed: Progressed, should_stop: Callable[[], bool]) -> "Pretended":
        return self

    def submit(self, training: Training, state: Path) -> None:
        self._running.append(training)
        self.most = max(self.most, len(self._running))

    def wait(self, timeout: float) -> list[Outcome]:
        training = self._running.pop(0)
        self.done.append(training.title)
        self.teachers[training.title] = b", ".join(training.teachers)
        return [Outcome(training.id, self.ending(training))]

    def stop(self) -> None:
        self.ending = lambda training: StoppedError("stopped")

    def close(self) -> None:
        self._running.clear()


def trained(training: Training) -> Trained:
    accuracy = {"test_accuracy": 0.9 if training.title.endswith("-8") else 0.5}
    return Trained({"model.safetensors": training.title.encode(), "history.csv": b""}, accuracy)


def work(tiny: Path, tmp_path: Path, *overrides: str) -> Work:
    data = load_dataset("digits")
    return Work(plan(load_study(tiny, overrides), data), Store(tmp_path / "jobs"), data, Extras(data))


def run(jobs: Work, executor: Pretended, **options: bool) -> dict[str, str]:
    failed = complete(jobs, executor, Live(terminal=False), **options)
    return {titles(jobs.plan)[id_]: why for id_, why in failed.items()}


def titles(planned: Plan) -> dict[str, str]:
    return {job.id: planned.title(job) for job in planned.jobs}


def test_no_job_is_done_before_its_teacher_and_none_twice(tiny: Path, tmp_path: Path) -> None:
    jobs, executor = work(tiny, tmp_path, "students.seeds=[0, 1]"), Pretended(trained)

    assert run(jobs, executor) == {}
    assert sorted(executor.done) == ["baseline-0", "baseline-1", "cifar_wrn_10_1-7", "hinton-0", "hinton-1"]
    assert executor.teachers["hinton-0"] == b"cifar_wrn_10_1-7"
    assert executor.most == 2
    again = Pretended(trained)
    run(jobs, again)
    assert again.done == []


def test_a_failed_job_does_not_stop_the_others_and_is_not_tried_again_unasked(tiny: Path, tmp_path: Path) -> None:
    def ending(training: Training) -> Trained | Exception:
        return TrainingError("the loss is nan") if training.title == "baseline-0" else trained(training)

    jobs = work(tiny, tmp_path)

    assert run(jobs, Pretended(ending)) == {"baseline-0": "the loss is nan"}
    later = Pretended(trained)
    assert "--retry-failed tries again" in run(jobs, later)["baseline-0"]
    assert later.done == []
    retried = Pretended(trained)
    assert run(jobs, retried, retry_failed=True) == {}
    assert retried.done == ["baseline-0"]


def test_students_of_a_failed_teacher_are_missing_too(tiny: Path, tmp_path: Path) -> None:
    def ending(training: Training) -> Trained | Exception:
        return TrainingError("out of memory") if training.role == "teacher" else trained(training)

    failed = run(work(tiny, tmp_path), Pretended(ending))

    assert failed == {"cifar_wrn_10_1-7": "out of memory", "hinton-0": "its teacher cifar_wrn_10_1-7 failed"}


def test_of_several_teachers_the_named_rule_chooses(tiny: Path, tmp_path: Path) -> None:
    rule = ("teacher.seeds=[7, 8, 9]", "training.select=test")
    jobs, executor = work(tiny, tmp_path, *rule), Pretended(trained)

    run(jobs, executor)

    assert [name for name in executor.done if name.startswith("cifar")] == [
        f"cifar_wrn_10_1-{seed}" for seed in (7, 8, 9)
    ]
    assert executor.teachers["hinton-0"] == b"cifar_wrn_10_1-8"


def test_a_failed_candidate_leaves_the_choice_to_the_others(tiny: Path, tmp_path: Path) -> None:
    def ending(training: Training) -> Trained | Exception:
        return TrainingError("out of memory") if training.title == "cifar_wrn_10_1-8" else trained(training)

    jobs = work(tiny, tmp_path, "teacher.seeds=[7, 8, 9]", "training.select=test")
    executor = Pretended(ending)

    assert run(jobs, executor) == {"cifar_wrn_10_1-8": "out of memory"}
    assert executor.teachers["hinton-0"] == b"cifar_wrn_10_1-7"  # 7 and 9 are equally accurate
    again = Pretended(trained)
    run(jobs, again)
    assert again.done == []


def test_a_candidate_that_succeeds_later_is_chosen_and_its_students_are_trained_again(
    tiny: Path, tmp_path: Path
) -> None:
    def ending(training: Training) -> Trained | Exception:
        return TrainingError("out of memory") if training.title == "cifar_wrn_10_1-8" else trained(training)

    jobs = work(tiny, tmp_path, "teacher.seeds=[7, 8, 9]", "training.select=test")
    run(jobs, Pretended(ending))
    executor = Pretended(trained)

    assert run(jobs, executor, retry_failed=True) == {}
    assert executor.done == ["cifar_wrn_10_1-8", "hinton-0"]
    assert executor.teachers["hinton-0"] == b"cifar_wrn_10_1-8"


def test_students_are_missing_where_all_candidates_failed(tiny: Path, tmp_path: Path) -> None:
    def ending(training: Training) -> Trained | Exception:
        return TrainingError("out of memory") if training.role == "teacher" else trained(training)

    failed = run(work(tiny, tmp_path, "teacher.seeds=[7, 8]", "training.select=test"), Pretended(ending))

    assert failed["hinton-0"] == "all its teachers failed: cifar_wrn_10_1-7, cifar_wrn_10_1-8"


def test_a_study_with_a_failed_candidate_is_evaluated_with_the_teacher_of_its_students_and_says_so(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = training.train_in_turns

    def broken(method: Method, *arguments: Any, **options: Any) -> Any:
        if options["seed"] == 8:
            raise RuntimeError("cudnn failed")
        return original(method, *arguments, **options)

    monkeypatch.setattr(training, "train_in_turns", broken)
    rule = ("teacher.seeds=[7, 8]", "training.select=test", "evaluations=[fidelity]")

    evaluated = run_study(load_study(tiny, rule), tmp_path / "run", device="cpu")

    assert list(evaluated.missing) == ["cifar_wrn_10_1-8"]
    assert evaluated.missing["cifar_wrn_10_1-8"].endswith("; the teacher was chosen among the other candidates")
    members = json.loads((tmp_path / "run" / "run.json").read_text())["members"]
    lineage = {member["member"]: member["lineage"] for member in members}
    assert lineage["teacher"]["seed"] == 7
    assert lineage["hinton-0"]["teacher_job"] == lineage["teacher"]["job"]
    assert "the teacher was chosen among the other candidates" in evaluated.page.read_text(encoding="utf-8")


def test_by_the_rule_last_the_first_teacher_is_the_only_one(tiny: Path) -> None:
    planned = plan(load_study(tiny, ("teacher.seeds=[7, 8]",)), load_dataset("digits"))

    assert [job.name for job in planned.jobs if job.role == "teacher"] == ["cifar_wrn_10_1-7"]


def test_a_job_that_another_run_does_is_waited_for(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("robustkd.studies.schedule.POLL_SECONDS", 0.05)
    jobs = work(tiny, tmp_path)
    job = next(job for job in jobs.plan.jobs if job.name == "baseline-0")
    lock = jobs.store.lock(job)
    held = FileLock(lock.lock_file, thread_local=False)
    held.acquire()

    def elsewhere() -> None:
        time.sleep(0.5)
        jobs.store.put(job, {"model.safetensors": b"by the other", "history.csv": b""}, {})
        held.release()

    threading.Thread(target=elsewhere).start()
    executor = Pretended(trained)

    assert run(jobs, executor) == {}
    assert "baseline-0" not in executor.done
    assert "baseline-0: running in another process" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_in_one_line_and_leaves_nothing_half_written(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = work(tiny, tmp_path)

    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(StorageError, match=r"jobs: cannot be written to \(No space left on device\)"):
        run(jobs, Pretended(trained))
    assert list((tmp_path / "jobs").glob("[!.]*")) == list((tmp_path / "jobs").glob("*.partial")) == []


def test_an_interruption_ends_the_epoch_and_the_same_run_goes_on_to_the_same_numbers(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(tiny, ("training.epochs=3", "students.methods=[baseline]", "evaluations=[generalization]"))
    run_study(study, tmp_path / "whole", device="cpu")
    told = Live.epoch

    def interrupt(live: Live, id_: str, done: int, earlier: int) -> None:
        told(live, id_, done, earlier)
        if done == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Live, "epoch", interrupt)
    with pytest.raises(StoppedError, match=r"2 of 2 networks are not done; the same command continues") as caught:
        run_study(study, tmp_path / "stopped", device="cpu")
    monkeypatch.undo()

    assert caught.value.exit_code == 130
    assert "interrupt again to stop at once" in capsys.readouterr().err
    assert len(list((tmp_path / "stopped" / "jobs").glob(".*.state"))) == 1
    run_study(study, tmp_path / "stopped", device="cpu")
    assert compare_runs(tmp_path / "whole", tmp_path / "stopped")[1] == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interruption_of_the_last_epoch_of_all_stops_before_the_evaluations(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    methods = "[baseline]" if workers == 1 else "[baseline, one]"
    study = load_study(tiny, (f"students.methods={methods}", "teacher=null", "evaluations=[generalization]"))
    told, ended = Live.epoch, Live.end

    def interrupt(live: Live, id_: str, done: int, earlier: int) -> None:
        told(live, id_, done, earlier)
        if workers == 1:
            os.kill(os.getpid(), signal.SIGINT)

    def interrupt_at_the_end(live: Live, *how: Any, **more: Any) -> None:
        ended(live, *how, **more)
        if workers == 2 and live._done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Live, "epoch", interrupt)
    monkeypatch.setattr(Live, "end", interrupt_at_the_end)
    with pytest.raises(StoppedError, match="all networks are trained; the same command continues with the evaluations"):
        run_study(study, tmp_path / "run", device="cpu", execution=Execution(workers=workers))
    monkeypatch.undo()

    assert not (tmp_path / "run" / "results").exists()
    assert run_study(study, tmp_path / "run", device="cpu").missing == {}


def test_an_interruption_where_nothing_is_left_to_train_stops_too(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(tiny, ("students.methods=[baseline]", "teacher=null", "evaluations=[generalization]"))
    run_study(study, tmp_path / "run", device="cpu")
    begin = Live.begin

    def interrupt(live: Live, *what: Any) -> None:
        begin(live, *what)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Live, "begin", interrupt)

    with pytest.raises(StoppedError, match="all networks are trained"):
        run_study(study, tmp_path / "run", device="cpu")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process started in the background by a shell ignores interruptions, until a handler is set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_of_an_evaluation_interrupts_it_at_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(tiny, ("students.methods=[baseline]", "teacher=null", "evaluations=[generalization]"))
    run_study(study, tmp_path / "run", device="cpu")
    shutil.rmtree(tmp_path / "run" / "results")

    def interrupt(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(EVALUATIONS["generalization"], "measure", interrupt)

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "run", device="cpu")


def test_two_processes_come_to_the_same_numbers_as_one(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("evaluations=[generalization, fidelity]",))

    run_study(study, tmp_path / "one", device="cpu")
    run_study(study, tmp_path / "two", device="cpu", execution=Execution(workers=2))

    compared, differences = compare_runs(tmp_path / "one", tmp_path / "two")
    assert compared > 100
    assert differences == []


def test_a_missing_network_is_said_in_the_report_and_the_rest_is_there(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("students.methods.hinton.training={learning_rate: 1e30}",))

    evaluated = run_study(study, tmp_path / "run", device="cpu")

    assert list(evaluated.missing) == ["hinton-0"]
    assert "lower the learning rate" in evaluated.missing["hinton-0"]
    assert "1 network of this study is missing" in evaluated.page.read_text()
    assert "1 network of this study is missing" in (tmp_path / "run" / "report" / "report.md").read_text()
    assert set(evaluated.results["generalization"]["method"]) == {"teacher", "baseline"}


def test_an_error_of_any_kind_fails_one_job_and_not_the_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = training.train_in_turns

    def broken(method: Method, *arguments: Any, **options: Any) -> Any:
        if method.name == "hinton":
            raise RuntimeError("cudnn is not well\nand says so at length")
        return original(method, *arguments, **options)

    monkeypatch.setattr(training, "train_in_turns", broken)

    evaluated = run_study(load_study(tiny, ("evaluations=[generalization]",)), tmp_path / "run", device="cpu")

    assert evaluated.missing == {"hinton-0": "hinton-0: RuntimeError: cudnn is not well"}


@pytest.mark.parametrize("damage", ["flipped", "truncated"])
def test_a_damaged_state_is_said_and_the_training_begins_anew(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    overrides = ("training.epochs=3", "students.methods=[baseline]", "teacher=null", "evaluations=[generalization]")
    study = load_study(tiny, overrides)
    run_study(study, tmp_path / "whole", device="cpu")
    told = Live.epoch

    def stop(live: Live, id_: str, done: int, earlier: int) -> None:
        told(live, id_, done, earlier)
        raise KeyboardInterrupt

    monkeypatch.setattr(Live, "epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "again", device="cpu")
    monkeypatch.undo()
    (state,) = (tmp_path / "again" / "jobs").glob(".*.state")
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(bytes(content) if damage == "flipped" else bytes(content[:-100]))

    run_study(study, tmp_path / "again", device="cpu")

    assert "not a complete training state" in capsys.readouterr().err
    compared, differences = compare_runs(tmp_path / "whole", tmp_path / "again")
    assert compared > 10
    assert differences == []


def test_an_evaluation_that_fails_leaves_the_others_and_is_said(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise MemoryError("not enough")

    monkeypatch.setattr(EVALUATIONS["fidelity"], "measure", fail)

    evaluated = run_study(load_study(tiny), tmp_path / "run", device="cpu")

    assert evaluated.missing == {"evaluation fidelity": "MemoryError: not enough"}
    assert set(evaluated.results) == {"generalization", "transferability"}
    assert "evaluation fidelity" in evaluated.page.read_text()


def test_what_a_kill_left_half_written_does_not_lock_anybody_out(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("evaluations=[generalization]",))
    job = plan(study, load_dataset("digits")).jobs[0]
    (tmp_path / "run" / "jobs" / f".{job.id[:16]}.123.partial").mkdir(parents=True)
    (tmp_path / "run" / "jobs" / f".{'0' * 16}.123.partial").mkdir()  # of a job that is no longer due
    (tmp_path / "run" / ".study.yaml.123.partial").touch()
    (tmp_path / "run" / "jobs").rename(tmp_path / "jobs")

    run_study(study, tmp_path / "run", device="cpu", store=tmp_path / "jobs")

    assert list((tmp_path / "jobs").glob(".*.partial")) == []


@pytest.mark.parametrize("name", ["generalization.npz", "generalization.json"])
def test_damaged_results_are_said_by_the_report_and_measured_anew_by_the_run(
    tiny: Path, tmp_path: Path, name: str
) -> None:
    study = load_study(tiny, ("evaluations=[generalization]",))
    whole = run_study(study, tmp_path / "run", device="cpu").results["generalization"]
    file = tmp_path / "run" / "results" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    with pytest.raises(StudyError, match=r"generalization\.\*: damaged"):
        build_report(tmp_path / "run")
    again = run_study(study, tmp_path / "run", device="cpu").results["generalization"]

    pd.testing.assert_frame_equal(again, whole)


def test_a_store_that_is_a_file_is_refused_in_one_line(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs").touch()

    with pytest.raises(StorageError, match=r"jobs: cannot be written to \(Not a directory\)"):
        run_study(load_study(tiny), tmp_path / "run", device="cpu", store=tmp_path / "jobs")
