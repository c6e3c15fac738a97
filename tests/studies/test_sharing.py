"""How many trainings share a GPU: measured on a pretended one."""

import pytest
import torch

from robustkd.studies.executors import sharing
from robustkd.studies.executors.sharing import Sharing, throughput_gain

CUDA = torch.device("cuda")


class Pretended:
    """A GPU on which n trainings together reach the n-th of some rates, in images per second."""

    def __init__(self, together: list[float], monkeypatch: pytest.MonkeyPatch, room: int = 8) -> None:
        self.together, self.now = together, 0.0
        self.sharing = Sharing(CUDA, None, clock=lambda: self.now)
        monkeypatch.setattr(Sharing, "_has_memory_for_another", lambda sharing: sharing.slots < room)

    def run(self, seconds: int = 200) -> int:
        """Let as many trainings run as are admitted, and return how many those are in the end."""
        for _ in range(4 * seconds):
            self.now += 0.25
            ids = [str(number) for number in range(self.sharing.slots)]
            for id_ in ids:
                self.sharing.count(id_, int(self.together[len(ids) - 1] / len(ids) / 4))
            self.sharing.decide(ids)
        return self.sharing.slots


def test_trainings_are_admitted_as_long_as_the_throughput_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    full_with_four = [60_000.0, 95_000.0, 115_000.0, 124_000.0, 124_500.0, 124_000.0, 124_000.0, 124_000.0]

    assert Pretended(full_with_four, monkeypatch).run() == 5  # the fifth does not pay, so there is no sixth


def test_a_network_that_fills_the_gpu_gets_one_companion_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pretended([3_000.0] * 8, monkeypatch).run(600) == 2


def test_no_more_than_eight_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pretended([10_000.0 * count for count in range(1, 12)], monkeypatch).run() == sharing.MOST == 8


def test_no_more_run_than_fit_the_memory(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert Pretended([10_000.0 * count for count in range(1, 12)], monkeypatch, room=3).run() == 3
    assert capsys.readouterr().err == "cuda trains 3 networks at a time; its memory has no room for more\n"


def test_a_given_number_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Sharing(CUDA, 4)
    for _ in range(100):
        given.count("a", 10_000)
        given.decide(["a"])

    assert given.slots == 4


def test_on_a_cpu_there_is_one_training_at_a_time() -> None:
    assert Sharing(torch.device("cpu"), None).slots == 1


def test_the_gain_compares_each_training_with_itself() -> None:
    # two trainings of different speed, both slowed to 80 %, beside a third: 3 / 2 · 0.8
    gain = throughput_gain({"fast": 1000.0, "slow": 10.0}, {"fast": 800.0, "slow": 8.0, "new": 5.0})

    assert gain == pytest.approx(1.2)


def test_without_a_common_training_the_gain_is_not_known() -> None:
    assert throughput_gain({"gone": 1.0}, {"new": 1.0}) == float("inf")
