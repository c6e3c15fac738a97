from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustkd.data import Dataset
from robustkd.errors import BadInputError, DataError, EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.groups import GroupsOptions
from robustkd.evaluations.groups.rows import SHUFFLED
from robustkd.models import ModelPool
from robustkd.results.records import Records

from ...conftest import network

LABELS = np.arange(40) % 3


def answers(wrong: list[int]) -> np.ndarray:
    """Logits that are right on all images but some."""
    given = LABELS.copy()
    given[wrong] = (given[wrong] + 1) % 3
    return np.eye(3)[given]


def table(folder: Path, text: str) -> str:
    file = folder / "groups.csv"
    file.write_text(text)
    return str(file)


def halves(folder: Path, column: str = "group") -> str:
    """The first twenty images are of group a, the others of group b."""
    return table(folder, f"{column}\n" + "a\n" * 20 + "b\n" * 20)


@pytest.fixture
def records_of(pool: ModelPool, data: Dataset, predict_as: Callable) -> Callable[..., Records]:
    """What is recorded where the student at is wrong on five images of the second half, and all others on none."""

    def records(options: GroupsOptions, data: Dataset = data, pool: ModelPool = pool) -> Records:
        logits = {name: answers([]) for name in ("teacher", "baseline", "sp")} | {"at": answers([*range(20, 25)])}
        kept = range(40) if data.test.origins is None else data.test.origins.tolist()
        shown = {name: each[list(kept)] for name, each in logits.items()}
        return EVALUATIONS["groups"](options).measure(pool, data, predict_as(shown, data.test.labels.numpy()))

    return records


def frame_of(records: Records) -> pd.DataFrame:
    return EVALUATIONS["groups"]().summarise(records)


def test_accuracy_gain_and_the_worst_group_are_those_counted_by_hand(
    tmp_path: Path, records_of: Callable[..., Records]
) -> None:
    frame = frame_of(records_of(GroupsOptions(halves(tmp_path))))

    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]
    groups = frame[(frame["level"] == "detail") & (frame["part"] != SHUFFLED)]
    by_group = groups.set_index(["metric", "method", "part"])["value"]
    assert values["worst_group_accuracy", "at"] == 0.75
    assert values["worst_group_accuracy_change", "at"] == -0.25
    assert values["accuracy_spread", "at"] == 0.25
    assert values["accuracy_spread", "sp"] == 0
    assert by_group["group_accuracy", "at", "a"] == 1
    assert by_group["group_accuracy", "at", "b"] == 0.75
    assert by_group["group_gain", "at", "b"] == -0.25


def test_the_headline_names_the_group_that_loses(tmp_path: Path, pool: ModelPool, data: Dataset) -> None:
    file = halves(tmp_path)
    predicted = np.stack([LABELS, LABELS, LABELS, LABELS])
    predicted[2, 20:35] = (predicted[2, 20:35] + 1) % 3

    def predict(member: object) -> object:
        from robustkd.results.predictions import Predictions

        row = [each.name for each in pool].index(member.name)  # type: ignore[attr-defined]
        return Predictions(np.eye(3, dtype=np.float32)[predicted[row]], LABELS)

    evaluation = EVALUATIONS["groups"](GroupsOptions(file))
    said = " ".join(evaluation.headline(evaluation.summarise(evaluation.measure(pool, data, predict))))

    assert "The at network is 25.0% accurate on its worst group" in said
    assert "the accuracy of at is significantly lower on b (−75.0), of 2 groups (Holm)" in said
    assert "sp gains between +0.0 points" in said


def test_shuffled_groups_have_a_spread_above_zero_where_the_network_errs(
    tmp_path: Path, records_of: Callable[..., Records]
) -> None:
    frame = frame_of(records_of(GroupsOptions(halves(tmp_path))))

    spread = frame[(frame["metric"] == "accuracy_spread") & (frame["part"] == SHUFFLED)].set_index("method")["value"]
    # five errors among 40 images in random halves: the gap is between none and 5/20
    assert 0 < spread["at"] < 0.25
    assert spread["sp"] == 0


def test_rows_may_come_in_any_order_with_an_index(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    rows = [f"{index},{'a' if index < 20 else 'b'}" for index in range(39, -1, -1)]
    file = table(tmp_path, "\n".join(["index,sex", *rows]))

    records = records_of(GroupsOptions(file, "sex"))

    assert records.arrays["groups"].tolist() == [0] * 20 + [1] * 20
    assert records.arrays["group_names"].tolist() == ["a", "b"]


def test_several_columns_are_crossed(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    rows = [f"{'f' if index % 2 else 'm'},{'old' if index < 20 else 'young'}" for index in range(40)]
    file = table(tmp_path, "\n".join(["sex,age", *rows]))

    records = records_of(GroupsOptions(file, ("sex", "age")))

    expected = ["sex f, age old", "sex f, age young", "sex m, age old", "sex m, age young"]
    assert records.arrays["group_names"].tolist() == expected


def test_of_a_sample_of_the_test_images_each_keeps_its_group(
    tmp_path: Path, data: Dataset, records_of: Callable[..., Records]
) -> None:
    some = replace(data, test=data.test.subset(data.test.sample_indices(30)))

    records = records_of(GroupsOptions(halves(tmp_path), min_images=5), some)

    assert some.test.origins is not None
    assert records.arrays["groups"].tolist() == [int(index >= 20) for index in some.test.origins.tolist()]


def test_groups_that_the_source_of_the_images_states_need_no_file(
    data: Dataset, records_of: Callable[..., Records]
) -> None:
    stated = replace(data, test=replace(data.test, groups=("x",) * 19 + ("",) + ("y",) * 20))

    records = records_of(GroupsOptions(), stated)

    assert records.arrays["groups"].tolist() == [0] * 19 + [-1] + [1] * 20
    assert records.notes[0] == "1 of 40 test images have no group and are left out"


def test_without_groups_it_says_what_to_give(data: Dataset, pool: ModelPool) -> None:
    why = EVALUATIONS["groups"]().inapplicable(pool, data)

    assert why.startswith("needs the group of each test image: give a CSV as the option file")
    assert "\n" not in why


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("group\n" + "a\n" * 39, {}, "has 39 rows for 40 test images"),
        ("index,group\n" + "".join(f"{i},a\n" for i in range(38)), {}, "no row for 2 of 40 test images: 38 and 39"),
        ("index,group\n0,a\n0,b\n", {}, r"groups.csv:3: test image 0 has a row already \(.*groups.csv:2\)"),
        ("index,group\n0,a\n40,b\n", {}, "groups.csv:3: index must be the index of a test image, from 0 to 39, got"),
        ("image,group\ncat.png,a\n", {}, "image must be the index of a test image, from 0 to 39, got 'cat.png'"),
        ("sex\n" + "a\n" * 40, {"column": "sx"}, "has no column 'sx': did you mean sex"),
        ("sex\n" + "a\n" * 40, {"column": ()}, "name the column with the groups as the option column"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, records_of: Callable[..., Records], content: str, options: dict, message: str
) -> None:
    with pytest.raises(DataError, match=message) as found:
        records_of(GroupsOptions(table(tmp_path, content), **options))

    assert "\n" not in str(found.value)


def test_a_missing_file_is_named(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    with pytest.raises(BadInputError, match=r"none\.csv: no such file"):
        records_of(GroupsOptions(str(tmp_path / "none.csv")))


def test_a_single_group_cannot_be_compared(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    with pytest.raises(EvaluationError, match=r"all of one group \(a\)"):
        records_of(GroupsOptions(table(tmp_path, "group\n" + "a\n" * 40)))


def test_groups_of_a_few_images_are_refused_or_noted(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    file = table(tmp_path, "group\n" + "a\n" * 20 + "b\n" * 15 + "c\n" * 5)

    with pytest.raises(EvaluationError, match="fewer than two of 3 groups have 16 test images or more"):
        records_of(GroupsOptions(file, min_images=16))
    notes = records_of(GroupsOptions(file, min_images=6)).notes

    assert notes[0] == "Groups with fewer than 6 test images are only listed: c"
    # of 15 images of b, every class has five
    assert notes[1].startswith("The equalised odds difference leaves out 3 of 3 classes")


def test_without_a_baseline_the_headline_says_what_is_unknown(
    tmp_path: Path, records_of: Callable[..., Records]
) -> None:
    pool = ModelPool(students={"at": network(2)})

    (sentence,) = EVALUATIONS["groups"]().headline(frame_of(records_of(GroupsOptions(halves(tmp_path)), pool=pool)))

    assert sentence.endswith("without an independent baseline, it is unknown what distillation did to the groups.")


def test_the_chart_shows_every_group_of_every_method(tmp_path: Path, records_of: Callable[..., Records]) -> None:
    evaluation = EVALUATIONS["groups"]()

    drawn = evaluation.chart(frame_of(records_of(GroupsOptions(halves(tmp_path))))).to_dict()

    shown = {(row["method"], row["part"]) for row in drawn["vconcat"][0]["data"]["values"]}
    assert shown == {(method, part) for method in ("teacher", "baseline", "at", "sp") for part in ("a", "b")}
