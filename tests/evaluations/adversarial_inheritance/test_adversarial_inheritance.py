from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations.adversarial_inheritance import AdversarialInheritance
from robustkd.evaluations.adversarial_inheritance.foreign import foreign_source
from robustkd.evaluations.adversarial_inheritance.options import AdversarialInheritanceOptions
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records

from ...conftest import members, network

EPSILON = 0.04
OPTIONS = AdversarialInheritanceOptions(epsilon=EPSILON, epsilons=(), images=None)


class Bright(nn.Module):
    """Class 1 if the mean of the pixels is above a threshold; the gradient has the same size for every pixel."""

    num_classes = 2

    def __init__(self, threshold: float, size: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, 4.0 * size]), requires_grad=False)
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).mean(dim=1, keepdim=True) - self.threshold) * self.weight


def bright(threshold: float, size: float = 1.0) -> PixelModel:
    return PixelModel(Bright(threshold, size), architecture="bright")


def constant() -> PixelModel:
    """A network that ignores the image, and always says 1."""
    return PixelModel(Bright(-10.0, 0.1), architecture="bright")


#                  margin of a threshold of one half: 0.010 0.022 0.034 0.077
GREY = Dataset(
    "grey",
    None,
    ImageSet(
        torch.tensor([130, 133, 136, 147], dtype=torch.uint8).reshape(4, 1, 1, 1).expand(4, 1, 2, 2).contiguous(),
        torch.ones(4, dtype=torch.int64),
        ("dark", "bright"),
    ),
)


def measured(pool: ModelPool, options: AdversarialInheritanceOptions = OPTIONS, data: Dataset = GREY) -> Records:
    return AdversarialInheritance(options).measure(pool, data, PredictionCache(data))


def values(records: Records, level: str = "network") -> dict[tuple[str, str], float]:
    frame = AdversarialInheritance(OPTIONS).summarise(records)
    rows = frame[frame["level"] == level]
    return dict(zip(zip(rows["metric"], rows["member"], strict=True), rows["value"], strict=True))


def test_rates_are_those_found_by_hand() -> None:
    """The attack lowers every pixel by ε: it fools a network where the margin is below ε, which is 0.04."""
    pool = ModelPool(bright(0.5), bright(0.48), {"kd": bright(0.49)})

    found = values(measured(pool))

    assert found["attack_success", "teacher"] == 3 / 4  # margins 0.010, 0.022 and 0.034
    assert found["fooling_rate", "baseline"] == pytest.approx(1 / 3)  # margins 0.030, 0.042, …
    assert found["fooling_rate", "kd"] == pytest.approx(2 / 3)  # margins 0.020, 0.032, 0.044, …
    assert found["transfer_success", "baseline"] == pytest.approx(1 / 4)
    assert found["transfer_success", "kd"] == pytest.approx(2 / 4)
    assert found["reverse_fooling_rate", "kd"] == 1  # what fools the brighter threshold fools the darker one
    assert found["reverse_transfer_success", "kd"] == pytest.approx(3 / 4)
    assert found["foreign_fooling_rate", "kd"] == 1  # the baseline's attack is the same, but changes one image
    differences = values(measured(pool), "method")
    assert differences["fooling_rate_excess", "kd"] == pytest.approx(1 / 3)
    assert differences["transfer_success_excess", "kd"] == pytest.approx(1 / 4)


def test_a_student_that_is_its_teacher_is_always_fooled_with_it() -> None:
    found = values(measured(ModelPool(bright(0.5), bright(0.48), {"copy": bright(0.5)})))

    assert found["fooling_rate", "copy"] == 1
    assert found["reverse_fooling_rate", "copy"] == 1
    assert found["transfer_success", "copy"] == found["attack_success", "teacher"]


def test_a_network_that_ignores_the_image_is_never_fooled() -> None:
    found = values(measured(ModelPool(bright(0.5), bright(0.48), {"blind": constant()})))

    for metric in ("fooling_rate", "transfer_success", "foreign_fooling_rate", "attack_success"):
        assert found[metric, "blind"] == 0


def test_the_curve_has_the_rates_at_every_epsilon() -> None:
    options = AdversarialInheritanceOptions(epsilon=EPSILON, epsilons=(0.015, 0.025), images=None)

    frame = AdversarialInheritance(options).summarise(measured(ModelPool(bright(0.5), bright(0.48)), options))

    rows = frame[(frame["metric"] == "transfer_success") & frame["strength"].notna()]
    assert dict(zip(rows["strength"], rows["value"], strict=True)) == {0.015: 0, 0.025: 0, 0.04: 1 / 4}
    assert set(rows["level"]) == {"detail"}
    assert AdversarialInheritance(options).chart(frame).to_dict()


def seen_from_the_teacher(clean: np.ndarray, attacked: np.ndarray) -> Records:
    """Return records of a teacher, a baseline and the student kd, int (3, N); class 0 is right for every image."""
    count = clean.shape[1]
    nobody = np.full((3, count), -1)
    arrays = {
        "label": np.zeros(count, dtype=int),
        "clean": clean,
        "epsilons": np.array([EPSILON]),
        "main": np.array(0),
        "teacher": np.array(0),
        "foreign": np.array(-1),
        "reverse": np.array(False),
        "from_teacher": attacked[None],
        "from_foreign": np.empty((0, 3, count), dtype=int),
        "own": np.stack([attacked[0], nobody[1], nobody[2]]),
        "to_teacher": nobody,
    }
    who = ("teacher", "teacher", "big", None), ("baseline", "baseline", "net", 0), ("student", "kd", "net", 0)
    return Records(members(*who), arrays)


def test_the_two_ways_of_counting_may_have_opposite_signs_and_the_headline_says_so() -> None:
    """A student that is wrong on most images: few of them are eligible in one way of counting, all in the other."""
    clean = np.zeros((3, 100), dtype=int)
    clean[2, 20:] = 1  # the student is right on 20 images
    fooled = np.zeros((3, 100), dtype=int)
    fooled[0] = 1  # the attack changes the teacher's prediction on all
    fooled[1, :50] = 1  # the baseline's on 50
    fooled[2] = clean[2]
    fooled[2, :15] = 1  # the student's on 15 of the 20 it had right, and on none else
    records = seen_from_the_teacher(clean, fooled)

    frame = AdversarialInheritance().summarise(records)

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert rows["fooling_rate_excess", "kd"] == pytest.approx(0.15 - 0.5)
    assert rows["transfer_success_excess", "kd"] == pytest.approx(15 / 20 - 0.5)
    told = AdversarialInheritance().headline(frame)
    assert "The two ways of counting have opposite signs for kd." in told
    assert any("15.0%, −35.0 points" in sentence for sentence in told)
    assert any("75.0%, +25.0 points" in sentence for sentence in told)


def test_the_difference_to_the_baseline_is_a_paired_test_over_the_same_images() -> None:
    """Of 400 images the student alone is fooled on 30, the baseline alone on 10, both on 100."""
    fooled = np.zeros((3, 400), dtype=int)
    fooled[0], fooled[1, :110], fooled[2, 10:140] = 1, 1, 1
    records = seen_from_the_teacher(np.zeros((3, 400), dtype=int), fooled)

    frame = AdversarialInheritance().summarise(records)

    row = frame[(frame["metric"] == "fooling_rate_excess") & (frame["level"] == "method")].iloc[0]
    assert row["value"] == pytest.approx(20 / 400)
    exact = binomtest(10, 40).pvalue
    assert row["p_value"] == pytest.approx(exact, abs=0.002)
    spread = np.sqrt((40 - 20**2 / 400) / 400**2)  # of the mean of the differences of images
    assert (row["ci_high"] - row["ci_low"]) / 2 == pytest.approx(1.96 * spread, rel=0.1)


PEOPLE = (("teacher", "teacher", "big", None), ("student", "kd", "net", 0))


@pytest.mark.parametrize(
    ("others", "chosen", "compared"),
    [
        ([("baseline", "baseline", "net", 0)], "baseline-0", False),
        ([("baseline", "baseline", "net", 0), ("baseline", "baseline", "net", 1)], "baseline-1", True),
        ([("baseline", "baseline", "net", 0), ("baseline", "other", "big", 0)], "other-0", True),
        ([("baseline", "baseline", "net", 0), ("control", "kd of another", "net", 0)], "kd of another-0", True),
        ([], None, None),
    ],
)
def test_the_foreign_source_is_a_control_then_a_second_baseline_then_the_baseline(
    others: list[tuple[str, str, str, int]], chosen: str | None, compared: bool | None
) -> None:
    frame = members(*PEOPLE, *others)

    found = foreign_source(frame)

    assert (None if found is None else frame["member"][found.index]) == chosen
    assert (None if found is None else found.compared) == compared


def test_with_a_second_baseline_the_excess_over_the_foreign_source_is_reported() -> None:
    """Teacher and student read the left half of the image, both baselines the right half."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(100, 156, (60, 1, 2, 2), dtype=torch.uint8, generator=generator)
    labels = torch.ones(60, dtype=torch.int64)
    halves = Dataset("halves", None, ImageSet(images, labels, ("dark", "bright")))
    pool = ModelPool(half(0), [half(1), half(1)], {"kd": half(0)})

    records = measured(pool, data=halves)

    found = values(records, "method")
    assert found["fooling_rate", "kd"] == 1
    assert found["fooling_rate", "baseline"] == 0  # the attack leaves the other half as it is
    assert found["foreign_fooling_rate", "kd"] == 0
    assert found["foreign_fooling_rate", "baseline"] == 1  # of the first one, by the attack on the second
    assert found["specific_fooling_excess", "kd"] == 2
    assert records.notes == ("The foreign source is baseline-1, a second independent baseline",)
    told = AdversarialInheritance().headline(AdversarialInheritance().summarise(records))
    assert told[-1].startswith("The fooling rate of the kd network by the teacher's attacks less that by the foreign")


def half(column: int) -> PixelModel:
    class Half(Bright):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x[..., column : column + 1])

    return PixelModel(Half(0.45), architecture="half")


def test_where_the_baseline_itself_is_the_foreign_source_it_is_not_compared_and_a_note_says_so() -> None:
    records = measured(ModelPool(bright(0.5), bright(0.48), {"kd": bright(0.49)}))

    frame = AdversarialInheritance().summarise(records)

    assert not (frame["metric"] == "foreign_fooling_rate_excess").any()
    assert not ((frame["metric"] == "foreign_fooling_rate") & (frame["member"] == "baseline")).any()
    assert records.notes[0].startswith("The foreign source is baseline, the independent baseline itself, so what its")


def test_without_a_baseline_the_rates_stand_alone_and_the_headline_and_a_note_say_so() -> None:
    records = measured(ModelPool(bright(0.5), students={"kd": bright(0.49)}))

    frame = AdversarialInheritance().summarise(records)

    told = AdversarialInheritance().headline(frame)
    assert told[0].endswith("without an independent baseline, it is unknown how much of this any network would share.")
    assert records.notes[0].startswith("There is no foreign source")
    assert AdversarialInheritance().chart(frame).to_dict()


@pytest.mark.parametrize(
    ("pool", "missing"), [({"students": {"kd": network(0)}}, "teacher"), ({"teacher": network(0)}, "student")]
)
def test_a_pool_without_a_teacher_or_without_anyone_else_is_refused(
    pool: dict[str, Any], missing: str, data: Dataset
) -> None:
    with pytest.raises(EvaluationError, match=f"needs a .*{missing}"):
        measured(ModelPool(**pool), data=data)


def test_a_teacher_whose_attack_cannot_move_voids_what_rests_on_it() -> None:
    records = measured(ModelPool(bright(0.5, size=1e6), bright(0.48), {"kd": bright(0.49)}))

    (failed,) = (check for check in records.checks if not check.passed)
    assert (failed.name, failed.member) == ("nonzero gradients of the cross-entropy", "teacher")
    assert {"fooling_rate", "transfer_success"} <= set(failed.metrics)


def test_a_teacher_that_is_never_fooled_leaves_no_eligible_image_and_breaks_nothing() -> None:
    frame = AdversarialInheritance().summarise(measured(ModelPool(bright(-9.0), bright(0.48), {"kd": bright(0.49)})))

    rows = frame[frame["metric"] == "fooling_rate"]
    assert rows["value"].isna().all()
    assert AdversarialInheritance().headline(frame)
    assert AdversarialInheritance().chart(frame).to_dict()


def test_without_the_reverse_only_two_networks_are_attacked(pool: ModelPool, data: Dataset) -> None:
    options = AdversarialInheritanceOptions(epsilons=(), reverse=False, images=8, steps=1)

    records = measured(pool, options, data)

    attacked = (records.arrays["own"] >= 0).all(axis=1)
    assert dict(zip(records.members["member"], attacked, strict=True)) == {
        "teacher": True,
        "baseline": True,
        "at": False,
        "sp": False,
    }
    assert not (AdversarialInheritance().summarise(records)["metric"] == "reverse_fooling_rate").any()


def test_an_interrupted_measurement_continues_with_the_next_source(
    pool: ModelPool, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchattacks import BIM

    calls: list[int] = []
    forward = BIM.forward

    def interrupted(self: BIM, x: Tensor, y: Tensor) -> Tensor:
        calls.append(len(x))
        if len(calls) == 3:  # after the teacher and the baseline
            raise KeyboardInterrupt
        return forward(self, x, y)

    monkeypatch.setattr(BIM, "forward", interrupted)
    options = AdversarialInheritanceOptions(epsilons=(), images=None, steps=1)
    evaluation, cache = AdversarialInheritance(options), PredictionCache(data, folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        evaluation.measure(pool, data, cache)

    continued = evaluation.measure(pool, data, PredictionCache(data, folder=tmp_path))

    assert len(calls) == 3 + 2  # the students alone
    whole = measured(pool, options, data)
    assert [check.passed for check in continued.checks] == [check.passed for check in whole.checks]
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(continued.arrays[name], array)


def test_neither_the_batch_size_nor_other_members_change_what_is_seen(pool: ModelPool, data: Dataset) -> None:
    few = ModelPool(members=[member for member in pool if member.name != "at"])

    whole, alone = (
        measured(chosen, AdversarialInheritanceOptions(epsilons=(), images=None, batch_size=size), data).arrays
        for chosen, size in ((pool, 40), (few, 7))
    )

    np.testing.assert_array_equal(whole["from_teacher"][:, [0, 1, 3]], alone["from_teacher"])


def test_seeds_of_a_method_are_averaged(data: Dataset) -> None:
    pool = ModelPool(network(4), [network(1), network(2)], {"at": [network(3), network(0), network(5)]})
    options = AdversarialInheritanceOptions(epsilon=0.2, epsilons=(0.1,), images=None, steps=2)

    frame = AdversarialInheritance(options).summarise(measured(pool, options, data))

    rows = frame[(frame["metric"] == "fooling_rate") & (frame["member"].str.startswith("at"))]
    of_networks = rows[rows["level"] == "network"]["value"]
    assert rows[rows["level"] == "method"]["value"].item() == pytest.approx(of_networks.mean())
    assert len(of_networks) == 3


def test_students_that_share_the_teachers_weaknesses_are_told_from_independent_networks() -> None:
    """Attacks on the teacher change images 1 to 3; they fool copies on all, baselines (margins 0.025, 0.037, …) on two.

    Attacks on the foreign source, a baseline, change images 1 and 2, and fool everyone on both. So copies have 1 − 1,
    the three other baselines 2/3 − 1, and of the 35 ways to choose four of seven networks only one gives this order.
    """
    baselines = [bright(0.485 + 0.0001 * seed) for seed in range(4)]
    pool = ModelPool(bright(0.5), baselines, {"copy": [bright(0.5 - 0.0001 * (1 + seed)) for seed in range(4)]})
    evaluation = AdversarialInheritance(OPTIONS)

    frame = evaluation.summarise(measured(pool))

    (row,) = frame[frame["metric"] == "fooling_auroc"].to_dict("records")
    assert row["value"] == 1
    assert row["p_value"] == pytest.approx(1 / 35)
    said = " ".join(evaluation.headline(frame))
    assert (
        "copy is fooled by the teacher's attacks, less by the foreign source's, more than independent networks in 100%"
        in said
    )


def test_where_the_foreign_source_fools_nobody_the_sentence_does_not_name_it() -> None:
    """Margins of the baselines, from 0.048 on, are above ε, so that attacks on them change no prediction.

    Copies are fooled on all three images that attacks on the teacher change, baselines on none.
    """
    baselines = [bright(0.462 + 0.0001 * seed) for seed in range(4)]
    pool = ModelPool(bright(0.5), baselines, {"copy": [bright(0.5 - 0.0001 * (1 + seed)) for seed in range(4)]})
    evaluation = AdversarialInheritance(OPTIONS)

    frame = evaluation.summarise(measured(pool))

    (row,) = frame[frame["metric"] == "fooling_auroc"].to_dict("records")
    assert row["value"] == 1
    assert row["p_value"] == pytest.approx(1 / 70)  # of the ways to choose four of eight
    said = " ".join(evaluation.headline(frame))
    assert "copy is fooled by the teacher's attacks more than independent networks in 100%" in said
