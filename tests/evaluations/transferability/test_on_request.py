from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robustkd.attacks import standard_suite
from robustkd.data import Dataset, ImageSet
from robustkd.evaluations.transferability import Transferability
from robustkd.evaluations.transferability.options import TransferabilityOptions
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records

OPTIONS = TransferabilityOptions(epsilon=0.04, step_size=0.02, steps=4, white_box=())


class Bright(nn.Module):
    """Class 1 if the mean of the pixels is above a threshold."""

    num_classes = 4

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, 4.0, -40.0, -80.0]), requires_grad=False)
        self.bias = nn.Parameter(torch.tensor([0.0, 0.0, -80.0, -90.0]), requires_grad=False)
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).mean(dim=1, keepdim=True) - self.threshold) * self.weight + self.bias


def bright(threshold: float) -> PixelModel:
    return PixelModel(Bright(threshold), architecture="bright")


#                  margin of a threshold of one half: 0.010 0.022 0.034 0.077
GREY = Dataset(
    "grey",
    None,
    ImageSet(
        torch.tensor([130, 133, 136, 147], dtype=torch.uint8).reshape(4, 1, 1, 1).expand(4, 3, 8, 8).contiguous(),
        torch.ones(4, dtype=torch.int64),
        ("dark", "bright", "other", "another"),
    ),
)


def pool() -> ModelPool:
    return ModelPool(bright(0.5), bright(0.48), {"kd": bright(0.49), "copy": bright(0.5)})


def measured(options: TransferabilityOptions, members: ModelPool | None = None) -> Records:
    return Transferability(options).measure(members or pool(), GREY, PredictionCache(GREY))


def rates(frame: pd.DataFrame, metric: str, source: str, part: str | None = None) -> dict[str, float]:
    rows = frame[(frame["metric"] == metric) & (frame["source"] == source)]
    rows = rows[rows["part"].isna() if part is None else rows["part"] == part]
    return dict(zip(rows["member"], rows["value"], strict=True))


BY_HAND = {"teacher": 3 / 4, "baseline": 1 / 4, "kd": 2 / 4, "copy": 3 / 4}
"""Every attack lowers all pixels by ε = 0.04, wherever it starts, which fools a network where its margin is smaller."""


def test_by_default_the_teacher_is_a_target_and_counts_in_the_means() -> None:
    frame = Transferability().summarise(measured(OPTIONS))

    pairs = frame[frame["level"] == "pair"]
    assert set(pairs["member"]) == {"teacher", "baseline", "kd", "copy"}
    assert rates(pairs, "transfer_success", "teacher") == pytest.approx(BY_HAND)
    means = frame[(frame["metric"] == "mean_from_source") & (frame["level"] == "network")]
    assert means.set_index("member")["value"]["teacher"] == pytest.approx(np.mean([*BY_HAND.values()]))
    assert Transferability().headline(frame)[0].startswith("Attacks on the teacher fool the kd network on 50.0%")
    assert Transferability().chart(frame).to_dict()


def test_in_the_published_layout_the_means_leave_the_teacher_out_as_a_target() -> None:
    frame = Transferability().summarise(measured(replace(OPTIONS, teacher_is_target=False)))

    means = frame[(frame["metric"] == "mean_from_source") & (frame["level"] == "network")]
    assert means.set_index("member")["value"]["teacher"] == pytest.approx(np.mean([1 / 4, 2 / 4, 3 / 4]))
    assert not ((frame["level"] == "pair") & (frame["member"] == "teacher")).any()
    assert not ((frame["metric"] == "mean_on_target") & (frame["member"] == "teacher")).any()


def test_further_attacks_have_a_matrix_each_and_the_excess_over_the_baseline() -> None:
    records = measured(replace(OPTIONS, further_attacks=("mi", "di", "ti")))

    frame = Transferability().summarise(records)

    for label in ("MIFGSM-10", "DIFGSM-10", "TIFGSM-10"):
        assert rates(frame, "transfer_success", "teacher", label) == pytest.approx(BY_HAND)
        assert rates(frame, "teacher_transfer_excess", "teacher", label) == pytest.approx({"kd": 1 / 4, "copy": 2 / 4})
    assert "Transfer is also measured for MIFGSM-10 (L∞, ε = 0.04)" in records.notes[0]
    assert any("MIFGSM-10" in sentence for sentence in Transferability().headline(frame))


def test_attacks_that_cannot_be_run_on_the_images_are_left_out_with_a_note(data: Dataset) -> None:
    records = Transferability(replace(OPTIONS, further_attacks=("ti",), images=4)).measure(
        ModelPool(None, bright(0.5)), data, PredictionCache(data)
    )

    assert records.arrays["further"].shape[0] == 0
    assert any(note.startswith("TIFGSM-10 was not run: torchattacks smooths") for note in records.notes)


def test_all_students_are_attacked_together_through_the_mean_of_their_logits() -> None:
    """The mean of thresholds of 0.49 and 0.5 is one of 0.495, which the attack fools on margins below 0.04 too."""
    records = measured(replace(OPTIONS, ensemble=True))

    frame = Transferability().summarise(records)

    assert records.arrays["together_attacked"].tolist() == [0, 0, 0, 1]
    assert rates(frame, "transfer_success", "all students together") == pytest.approx(BY_HAND)
    (excess,) = frame[frame["metric"] == "together_excess"].to_dict("records")
    assert excess["value"] == pytest.approx(2 / 4)
    assert excess["part"] == "against baseline"


def test_one_student_is_not_attacked_together_and_a_note_says_so() -> None:
    records = measured(replace(OPTIONS, ensemble=True), ModelPool(bright(0.5), bright(0.48), {"kd": bright(0.49)}))

    assert "together" not in records.arrays
    assert "The students were not attacked together: there are fewer than two" in records.notes


def test_successes_that_rounding_to_8_bits_undoes_are_told() -> None:
    """ε is 1.2 levels, so that a margin of 1.1 levels is overcome by 1.2 but not by 1."""
    threshold = 129 / 255 - 0.1 / 255
    options = replace(OPTIONS, epsilon=1.2 / 255, step_size=0.6 / 255, random_start=False, eight_bit=True)

    frame = Transferability().summarise(measured(options, ModelPool(None, bright(threshold))))

    assert rates(frame, "transfer_success", "baseline")["baseline"] == pytest.approx(1 / 4)
    assert rates(frame, "transfer_success_8bit", "baseline")["baseline"] == 0
    assert rates(frame, "survival_8bit", "baseline")["baseline"] == 0


def test_autoattack_finds_what_lies_within_its_ball_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At ε = 8/255 = 0.0314, margins of 0.010 and 0.022 are overcome, 0.034 and 0.077 are not."""
    monkeypatch.setattr(standard_suite, "QUERIES", 50)
    options = replace(OPTIONS, autoattack="Linf")
    members = ModelPool(bright(0.5), bright(0.48), {"kd": bright(0.5)})

    records = Transferability(options).measure(members, GREY, PredictionCache(GREY, folder=tmp_path))

    frame = Transferability().summarise(records)
    rows = frame[(frame["metric"] == "autoattack_accuracy") & (frame["level"] == "network")]
    assert dict(zip(rows["member"], rows["value"], strict=True)) == {"teacher": 0.5, "baseline": 0.75, "kd": 0.5}
    assert set(rows["part"]) == {"AutoAttack, L∞, ε = 0.0313725"}
    gain = frame[(frame["metric"] == "autoattack_gain") & (frame["level"] == "method")]
    assert gain["value"].tolist() == [-0.25]
    assert len(list(tmp_path.glob("autoattack-*.npz"))) == 2  # teacher and kd are the same network
    assert any(
        note.startswith("The standard version of AutoAttack is composed of torchattacks'") for note in records.notes
    )


def test_without_a_request_nothing_more_is_measured() -> None:
    arrays = measured(OPTIONS).arrays

    assert not {"together", "autoattack", "eight_bit"} & set(arrays)
    assert arrays["further"].shape[0] == 0
    assert arrays["noise"].shape == (4, 4)
