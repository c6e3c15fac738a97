"""Where trainings run: the device of each process, and how many trainings take turns in it."""

import pytest
import torch

from robustkd.errors import BadInputError
from robustkd.studies import Execution, execute
from robustkd.studies.execute import devices_for, trainings_per_process


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "resolve_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_on_a_cpu_each_training_is_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)

    assert devices_for("cpu", Execution(workers=None), jobs=10) == ["cpu"] * 4
    assert devices_for("cpu", Execution(workers=3), jobs=10) == ["cpu"] * 3
    assert devices_for("cpu", Execution(workers=None), jobs=2) == ["cpu"] * 2
    assert trainings_per_process(Execution(workers=None, jobs_per_device=6), ["cpu", "cpu"]) == 1


@pytest.mark.usefixtures("two_gpus")
def test_each_gpu_has_one_process() -> None:
    assert devices_for("cuda", Execution(workers=None), jobs=10) == ["cuda:0", "cuda:1"]
    assert devices_for("cuda", Execution(workers=1), jobs=10) == ["cuda:0"]
    assert devices_for("cuda:1", Execution(workers=None), jobs=10) == ["cuda:1"]


@pytest.mark.parametrize(
    ("how", "gpus", "expected"),
    [
        (Execution(workers=None), 1, None),
        (Execution(workers=None, jobs_per_device=4), 2, 4),
        (Execution(workers=1), 1, 1),
        (Execution(workers=6), 2, 3),
        (Execution(workers=5), 2, 3),
        (Execution(workers=8, jobs_per_device=2), 2, 2),
    ],
)
def test_trainings_share_a_gpu_as_asked_and_otherwise_as_it_has_room(
    how: Execution, gpus: int, expected: int | None
) -> None:
    assert trainings_per_process(how, [f"cuda:{index}" for index in range(gpus)]) == expected


@pytest.mark.parametrize("how", [Execution(workers=0), Execution(jobs_per_device=0)])
def test_less_than_one_is_refused(how: Execution) -> None:
    with pytest.raises(BadInputError, match="must be at least 1, got 0"):
        devices_for("cpu", how, jobs=1)
