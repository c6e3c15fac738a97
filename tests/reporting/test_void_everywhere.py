"""Checks of every kind fail in a whole run, and the numbers that they void stand in none of its outputs."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from robustkd.evaluations.transferability.strength import RESTS_ON_MAIN_ATTACK
from robustkd.reporting import build_report
from robustkd.results.records import Check, Records
from robustkd.results.storage import file_digest, load_results
from robustkd.studies.evaluated import Evaluated

VOID = 98765.4321
"""Written in place of every number that is void, and equal to no other number."""

STRUCK_OUT = re.compile(r"<s(?: [^>]*)?>.*?</s>|~~.*?~~", re.DOTALL)

STUDENT = "<b>at</b> & |co_"


class Fault(NamedTuple):
    """A failed check of an evaluation, and which rows of the results it voids."""

    evaluation: str
    check: Check
    voids: Callable[[pd.DataFrame], pd.Series]


def of_the_student(frame: pd.DataFrame) -> pd.Series:
    return (frame["member"] == STUDENT) | (frame["source"] == STUDENT)


def of_the_baselines_ece(frame: pd.DataFrame) -> pd.Series:
    own = (frame["metric"] == "ece") & (frame["member"] == "baseline") & frame["level"].isin(["network", "method"])
    return own | (frame["metric"] == "ece_difference")


def of_attacks_on_the_teacher(frame: pd.DataFrame) -> pd.Series:
    transferred = (frame["source"] == "teacher") & frame["metric"].isin(RESTS_ON_MAIN_ATTACK)
    own = (frame["member"] == "teacher") & frame["metric"].isin(RESTS_ON_MAIN_ATTACK) & frame["source"].isna()
    differences = frame["metric"].isin(["teacher_transfer_excess", "fooling_rate_excess", "asymmetry"])
    return transferred | own | differences


def of_the_students_excess(frame: pd.DataFrame) -> pd.Series:
    return (frame["metric"] == "agreement_excess") & (frame["method"] == STUDENT)


def of_the_baselines_worst_case(frame: pd.DataFrame) -> pd.Series:
    own = (frame["member"] == "baseline") & (frame["metric"] == "worst_case_accuracy")
    return own | (frame["metric"] == "worst_case_gain")


def failed(member: str, *metrics: str) -> Check:
    return Check("planted", False, "it fails", member, metrics)


OF_ONE_NETWORK = (Fault("generalization", failed(STUDENT), of_the_student),)

OF_METRICS = (
    Fault("calibration", failed("baseline", "ece"), of_the_baselines_ece),
    Fault("transferability", failed("teacher", *RESTS_ON_MAIN_ATTACK), of_attacks_on_the_teacher),
    Fault("transferability", failed("baseline", "worst_case_accuracy"), of_the_baselines_worst_case),
    Fault("fidelity", failed(STUDENT, "agreement_excess"), of_the_students_excess),
)


def plant(run: Path, faults: Sequence[Fault]) -> list[int]:
    """Make planted checks the only ones that fail, overwrite the numbers that they void, and return how many."""
    overwritten = [0] * len(faults)
    for result in load_results(run / "results"):
        place = run / "results" / result.evaluation
        records = Records.load(place.with_suffix(".npz"))
        with np.load(place.with_suffix(".npz"), allow_pickle=False) as archive:
            key = str(archive["_key"])
        planted = [fault.check for fault in faults if fault.evaluation == result.evaluation]
        checks = (*(check for check in records.checks if check.passed), *planted)
        replace(records, checks=checks).save(place.with_suffix(".npz"), key)
        frame = result.frame
        for index, fault in enumerate(faults):
            concerned = result.evaluation == fault.evaluation or not fault.check.metrics
            rows = fault.voids(frame) & frame["value"].notna() & concerned
            overwritten[index] += int(rows.sum())
            for column in ("value", "ci_low", "ci_high", "std"):
                frame[column] = frame[column].mask(rows & frame[column].notna(), VOID)
        frame.to_csv(place.with_suffix(".csv"), index=False, lineterminator="\n")
        frame.to_parquet(place.with_suffix(".parquet"), index=False)
        about = json.loads(place.with_suffix(".json").read_text())
        about["sha256"] = {suffix: file_digest(place.with_suffix(suffix)) for suffix in (".csv", ".parquet")}
        place.with_suffix(".json").write_text(json.dumps(about))
    return overwritten


def standing(text: str) -> list[str]:
    """The void numbers that are not struck out, with what is around them; 17/81 has the same digits after its point."""
    left = STRUCK_OUT.sub("", text)
    return [left[max(found.start() - 80, 0) : found.end() + 20] for found in re.finditer(r"(?<![\d.])98[,.]?765", left)]


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.mark.parametrize("faults", [OF_ONE_NETWORK, OF_METRICS], ids=["a network", "metrics"])
def test_a_void_number_stands_nowhere(faults: Sequence[Fault], copy: Path) -> None:
    overwritten = plant(copy, faults)

    page = build_report(copy)

    report = Evaluated({}, copy)
    texts = {"printed": str(report), "in a notebook": report._repr_html_()}
    texts |= {f"chart of {name}": json.dumps(chart.to_dict()) for name, chart in report.charts.items()}
    files = [path for path in page.parent.rglob("*") if path.suffix in (".html", ".md", ".csv", ".tex", ".svg")]
    texts |= {path.relative_to(copy).as_posix(): path.read_text(encoding="utf-8") for path in files}
    assert min(overwritten) > 0
    assert {path.suffix for path in files} == {".html", ".md", ".csv", ".tex", ".svg"}
    assert {place: found for place, text in texts.items() if (found := standing(text))} == {}
    assert "planted" in texts["printed"]


def test_the_same_numbers_stand_where_no_check_fails(copy: Path) -> None:
    (fault,) = OF_ONE_NETWORK

    plant(copy, [fault._replace(check=replace(fault.check, passed=True))])

    assert standing(str(Evaluated({}, copy)))
