import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import grouped
from robustkd.results.marks import marked_again
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID, tidy

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
NLL = Metric("nll", "NLL", "nats", False, "")
NLL_EXCESS = Metric("nll_excess", "NLL", "nats", False, "", difference_of="nll")
VERDICTS = {True: ("better", "equal", "worse"), False: ("worse", "equal", "better")}


def pool(**seeds: int) -> pd.DataFrame:
    """Methods and their numbers of seeds; the method called baseline is the baseline."""
    roles = {"teacher": "teacher", "baseline": "baseline"}
    return members(
        *((roles.get(name, "student"), name, "small", seed) for name, count in seeds.items() for seed in range(count))
    )


def right_on(*counts: int, images: int = 1000) -> np.ndarray:
    """Networks that are right on the first so many images."""
    return np.arange(images) < np.array(counts)[:, None]


def marks(who: pd.DataFrame, right: np.ndarray) -> pd.DataFrame:
    frame = tidy(per_image_rows(who, {"accuracy": right}, (ACCURACY, GAIN)))
    values = frame[(frame["level"] == "method") & (frame["metric"] == "accuracy")]
    return values.set_index("method")[["below_baseline", "ties_best"]]


def test_a_student_significantly_worse_than_the_baseline_is_marked() -> None:
    found = marks(pool(baseline=3, at=3, sp=3), right_on(*[800] * 3, *[700] * 3, *[799] * 3))

    assert found["below_baseline"]["at"]
    assert not found["below_baseline"]["sp"]  # on a single image
    assert pd.isna(found["below_baseline"]["baseline"])


def test_the_best_and_those_not_significantly_worse_are_bold() -> None:
    found = marks(pool(best=3, close=3, far=3), right_on(*[900] * 3, *[898] * 3, *[500] * 3))

    assert found["ties_best"].to_dict() == {"best": True, "close": True, "far": False}


def test_the_teacher_is_not_ranked() -> None:
    found = marks(pool(teacher=3, baseline=3, at=3), right_on(*[1000] * 3, *[500] * 6))

    assert pd.isna(found["ties_best"]["teacher"])
    assert found["ties_best"]["at"]


def test_what_is_worse_than_the_baseline_is_not_bold_even_if_it_is_not_significantly_worse_than_the_best() -> None:
    """`at` is wrong on 20 images more than the baseline; it and `other` are each right alone on about 200 images."""
    image = np.arange(1000)
    baseline, at, other = image < 800, image < 780, image >= 199

    found = marks(pool(baseline=3, at=3, other=3), np.repeat(np.stack([baseline, at, other]), 3, axis=0))

    assert found["ties_best"].to_dict() == {"baseline": True, "at": False, "other": True}
    assert found["below_baseline"]["at"]


def test_bold_is_corrected_for_the_number_of_methods() -> None:
    def worse_ties(methods: int) -> bool:
        # ten images, t of 9 degrees: p is 1.1 %, not significant among 66 pairs
        counts = [1000, *[990] * (methods - 2), 0]
        names = ["best", *(f"m{place}" for place in range(methods - 2)), "far"]
        right = right_on(*np.repeat(counts, 3))
        return bool(marks(pool(**dict.fromkeys(names, 3)), right)["ties_best"]["m0"])

    assert not worse_ties(3)
    assert worse_ties(12)


def test_methods_trained_once_have_no_mark() -> None:
    found = marks(pool(baseline=1, at=1), right_on(900, 100))

    assert found.isna().all(axis=None)


def test_methods_of_few_seeds_are_left_out_of_the_ranking_of_others() -> None:
    found = marks(pool(baseline=3, at=3, twice=2), right_on(*[900] * 3, *[100] * 3, 1000, 1000))

    assert found["ties_best"].dropna().to_dict() == {"baseline": True, "at": False}
    assert found["below_baseline"].dropna().to_dict() == {"at": True}


def test_against_a_baseline_of_few_seeds_nothing_is_marked_as_worse() -> None:
    found = marks(pool(baseline=2, at=3, sp=3), right_on(*[900] * 2, *[100] * 3, *[900] * 3))

    assert found["below_baseline"].isna().all()
    assert found["ties_best"].dropna().to_dict() == {"at": False, "sp": True}


def test_where_a_difference_is_withheld_the_others_are_judged_without_it() -> None:
    # a p-value of 4 % is not significant among two
    who, right = pool(baseline=3, at=3, sp=3), right_on(*[1000] * 3, *[993] * 3, *[1000] * 3)
    frame = tidy(per_image_rows(who, {"accuracy": right}, (ACCURACY, GAIN)))
    gains = frame["metric"] == "gain"
    frame.loc[gains, "p_value"] = [0.04, 0.9]
    before = marked_again(frame, (ACCURACY, GAIN))

    withheld = frame.copy()
    withheld.loc[gains & (frame["member"] == "sp"), ["value", "ci_low", "ci_high", "p_value"]] = np.nan
    withheld.loc[gains & (frame["member"] == "sp"), "interval"] = VOID
    after = marked_again(withheld, (ACCURACY, GAIN))

    of_at = (frame["level"] == "method") & (frame["member"] == "at") & (frame["metric"] == "accuracy")
    assert not before.loc[of_at, "below_baseline"].item()
    assert after.loc[of_at, "below_baseline"].item()
    assert not after.loc[of_at, "ties_best"].item()


@st.composite
def pools(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    """Up to six methods of one to four seeds that are right on images at random, each with its own probability."""
    names = ["baseline", *draw(st.lists(st.sampled_from(["at", "kd", "sp", "rkd", "dkd"]), min_size=1, unique=True))]
    who = pool(**{name: draw(st.integers(1, 4)) for name in names})
    chances = {name: draw(st.sampled_from([0.5, 0.55, 0.6, 0.8])) for name in names}
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    common = random.random(draw(st.sampled_from([20, 100, 300])))
    shared = draw(st.floats(0, 1))
    own = random.random((len(who), len(common)))
    threshold = who["method"].map(chances).to_numpy()[:, None]
    return who, np.where(random.random(own.shape) < shared, common, own) < threshold


@pytest.mark.parametrize("metric", [ACCURACY, NLL], ids=lambda metric: metric.name)
@given(drawn=pools())
def test_marks_and_sentences_agree_and_no_number_is_both_best_and_worse(
    metric: Metric, drawn: tuple[pd.DataFrame, np.ndarray]
) -> None:
    who, right = drawn
    difference = GAIN if metric is ACCURACY else NLL_EXCESS
    values = right if metric is ACCURACY else right + 0.5
    frame = tidy(per_image_rows(who, {metric.name: values}, (metric, difference)))

    said = grouped(
        student_findings(frame, metric.name, difference.name), metric, difference, VERDICTS[metric is ACCURACY]
    )

    rows = frame[(frame["level"] == "method") & (frame["metric"] == metric.name)].set_index("method")
    below = set(rows.index[rows["below_baseline"].fillna(False)])
    assert below == named_under("worse", said)
    assert not (rows["below_baseline"].fillna(False) & rows["ties_best"].fillna(False)).any()
    few = set(rows.index[rows["n_seeds"] < 3])
    assert rows.loc[list(few), ["below_baseline", "ties_best"]].isna().all(axis=None)
    assert not few & (named_under("better", said) | named_under("worse", said))


def named_under(verdict: str, said: str) -> set[str]:
    """The students that a clause of `grouped` lists under a verdict."""
    clauses = [clause.rpartition(": ") for clause in said.partition(": ")[2].split("; ")]
    return {name.split(" ")[0] for head, _, names in clauses if head == verdict for name in names.split(", ")}
