import time
from pathlib import Path

import pytest

from robustkd.data import load_dataset
from robustkd.studies import load_study
from robustkd.studies.job import Job
from robustkd.studies.live import Live
from robustkd.studies.plan import Plan, plan

CHANGES = ("students.methods=[baseline, fitnet]", "students.seeds=[0]", "training.epochs=6")


@pytest.fixture
def planned(tiny: Path) -> Plan:
    """A teacher of 6 epochs, a baseline of 6, and fitnet of 3 and 6."""
    return plan(load_study(tiny, CHANGES), load_dataset("digits"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The value that `time.monotonic` returns; tests set it."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def jobs(planned: Plan) -> dict[str, Job]:
    return {planned.title(job): job for job in planned.jobs}


def shown(live: Live) -> list[tuple[str, float, str]]:
    assert live._bars is not None
    return [(task.description.strip(), task.completed, task.fields["told"]) for task in live._bars.tasks]


def test_a_method_of_several_stages_shows_the_one_under_way(planned: Plan) -> None:
    live, fitnet = Live(terminal=True), jobs(planned)["fitnet-0"]
    live.begin(planned, (), ())
    live.start(fitnet)

    seen = []
    for done in (0, 2, 3, 4, 9):
        live.epoch(fitnet.id, done)
        seen.append(shown(live)[1])

    assert seen == [
        ("fitnet-0 · initialisation", 0, "0/3 epochs"),
        ("fitnet-0 · initialisation", 2, "2/3 epochs"),
        ("fitnet-0 · training", 3, "0/6 epochs"),
        ("fitnet-0 · training", 4, "1/6 epochs"),
        ("fitnet-0 · training", 9, "6/6 epochs"),
    ]


def test_a_method_of_one_stage_shows_epochs_alone(planned: Plan) -> None:
    live, baseline = Live(terminal=True), jobs(planned)["baseline-0"]
    live.begin(planned, (), ())
    live.start(baseline)

    live.epoch(baseline.id, 5)

    assert shown(live) == [("all", 5, "0/3 networks, 1 running"), ("baseline-0", 5, "5/6 epochs")]


def test_off_a_terminal_each_line_says_when_all_will_be_done(
    planned: Plan, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    live, named = Live(terminal=False), jobs(planned)
    live.begin(planned, (), ())

    for title, now in (("cifar_wrn_10_1-7", 112.0), ("baseline-0", 118.0), ("fitnet-0", 136.0)):
        live.start(named[title])
        clock[0] = now
        live.end(named[title], None)

    # 6 of 21 epochs in 12 s; then 12 in 18 s
    assert capsys.readouterr().err.splitlines() == [
        "[1/3] cifar_wrn_10_1-7: trained in 12 s, about 30 s to go",
        "[2/3] baseline-0: trained in 6 s, about 14 s to go",
        "[3/3] fitnet-0: trained in 18 s",
    ]


def test_epochs_that_never_will_be_are_not_waited_for(
    planned: Plan, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    live, named = Live(terminal=False), jobs(planned)
    live.begin(planned, (), ())

    live.start(named["cifar_wrn_10_1-7"])
    live.end(named["cifar_wrn_10_1-7"], "the loss is nan")
    live.start(named["baseline-0"])
    clock[0] += 9
    live.end(named["baseline-0"], None)

    assert capsys.readouterr().err.splitlines()[1] == "[2/3] baseline-0: trained in 9 s"


def test_after_a_resume_the_time_left_follows_from_the_epochs_of_this_run(
    planned: Plan, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    live, named = Live(terminal=False), jobs(planned)
    live.begin(planned, (), ())
    teacher = named["cifar_wrn_10_1-7"]

    live.start(teacher)
    for done in (1, 2, 3, 4):  # the epochs of the earlier run are reported at once
        live.epoch(teacher.id, done, 4)
    for done in (5, 6):
        clock[0] += 5
        live.epoch(teacher.id, done, 4)
    live.end(teacher, None)

    # 2 epochs in 10 s, and 15 are left: 6 of the baseline, 3 and 6 of fitnet
    assert capsys.readouterr().err.splitlines() == ["[1/3] cifar_wrn_10_1-7: trained in 10 s, about 75 s to go"]


def test_on_a_terminal_the_epochs_of_an_earlier_run_count_for_no_speed(planned: Plan) -> None:
    live, baseline = Live(terminal=True), jobs(planned)["baseline-0"]
    live.begin(planned, (), ())
    live.start(baseline)

    for done in (1, 2, 3):
        live.epoch(baseline.id, done, 3)

    assert live._bars is not None
    whole, own = live._bars.tasks
    assert (whole.completed, whole.total) == (0, 18)
    assert (own.completed, own.speed) == (3, None)


def test_a_training_that_moved_to_another_machine_goes_on_counting(planned: Plan) -> None:
    live, baseline = Live(terminal=True), jobs(planned)["baseline-0"]
    live.begin(planned, (), ())
    live.start(baseline)

    live.epoch(baseline.id, 4, 0)
    live.epoch(baseline.id, 5, 4)  # from the state of the lost machine

    assert shown(live)[0] == ("all", 5, "0/3 networks, 1 running")


def test_students_are_expected_as_long_as_one_candidate_for_their_teacher_is(tiny: Path) -> None:
    rule = ("teacher.seeds=[7, 8]", "training.select=test", "students.methods=[hinton]", "training.epochs=2")
    planned = plan(load_study(tiny, rule), load_dataset("digits"))
    live, named = Live(terminal=True), jobs(planned)
    live.begin(planned, (), ())

    for title, expected in (("cifar_wrn_10_1-7", 4), ("cifar_wrn_10_1-8", 0)):
        live.start(named[title])
        live.end(named[title], "out of memory")
        assert live._bars is not None
        assert live._bars.tasks[0].total == expected
