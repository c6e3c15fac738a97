from dataclasses import replace

import numpy as np
import pandas as pd

from robustkd.reporting.layouts import tables_of
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.trust import trust_in
from robustkd.results.result import Result
from robustkd.results.tidy import tidy
from robustkd.statistics.intervals import T_SEEDS


def minority(values: dict[str, dict[str, float]]) -> Result:
    """Results of one student by condition and metric."""
    rows = [
        {
            "level": level,
            "member": "at" if level == "method" else "at-0",
            "method": "at",
            "role": "student",
            "architecture": "net",
            "seed": 0,
            "condition": condition,
            "metric": metric,
            "value": value,
        }
        for condition, metrics in values.items()
        for metric, value in metrics.items()
        for level in ("network", "method")
    ]
    return Result("minority", tidy(rows).assign(group=""), (), {})


def heads(result: Result) -> list[list[str]]:
    return [[column.title for column in table.columns] for table in tables_of(result, trust_in(result, [result]))]


def test_what_has_no_value_in_one_part_alone_has_no_column_there() -> None:
    skewed = {"minority_accuracy": 0.5, "worst_class_accuracy": 0.2}
    clean = {"minority_accuracy": np.nan, "worst_class_accuracy": 0.9}

    assert heads(minority({"clean": clean, "imbalance": skewed})) == [["Worst class"], ["Minority", "Worst class"]]


def test_what_has_no_value_anywhere_is_shown_to_be_absent() -> None:
    assert heads(minority({"clean": {"minority_accuracy": np.nan}})) == [["Minority"]]


def test_metrics_stand_in_the_table_of_their_topic() -> None:
    found = tables_of(
        result := minority({"clean": {"worst_class_accuracy": 0.9, "g_mean": 0.8}}), trust_in(result, [result])
    )

    assert [(table.name, table.title) for table in found] == [("minority", ""), ("minority-all-classes", "all classes")]


def test_equal_numbers_given_by_the_study_have_no_spread() -> None:
    result = minority({"clean": {"prior_pull": 0.2}})
    frame = pd.DataFrame(result.frame).assign(std=1e-17)

    (table,) = tables_of(Result("minority", frame, (), {}), trust_in(result, [result]))

    assert table.rows[0][1][0].spread == ""


def test_without_any_summary_metric_there_is_no_summary() -> None:
    for values in ({"clean": {"g_mean": 0.5}}, {"clean": {"g_mean": 0.5}, "imbalance": {"g_mean": 0.4}}):
        result = minority(values)

        assert summary_tables([result], {"minority": trust_in(result, [result])}) == []


def test_parts_without_such_a_number_are_left_out_of_the_summary() -> None:
    result = minority({"clean": {"g_mean": 0.5}, "imbalance": {"minority_accuracy": 0.4}})

    found = summary_tables([result], {"minority": trust_in(result, [result])})

    assert [table.name for table in found] == ["overview", "summary-imbalance"]


def test_an_interval_over_seeds_is_marked_in_every_table() -> None:
    result = minority({"clean": {"minority_accuracy": 0.5}})
    result = replace(result, frame=result.frame.assign(ci_low=0.4, ci_high=0.6, std=0.1, interval=T_SEEDS))
    trust = trust_in(result, [result])

    (summary,), (table,) = summary_tables([result], {"minority": trust}), tables_of(result, trust)

    assert [cells[0].spread for _, cells in (*summary.rows, *table.rows)] == ["t[40.0, 60.0]"] * 2


def test_pairs_without_means_over_sources_are_no_matrix() -> None:
    """Some evaluations compare one baseline with the others, to say how alike independent networks are."""
    shared = {"architecture": "net", "condition": "clean", "metric": "boundary_iou", "interval": None, "n": 50}
    rows = [
        {"level": "pair", "member": f"baseline-{seed}", "source": "baseline-0", "role": "baseline", "seed": seed}
        | {"method": "baseline", "value": 0.7}
        | shared
        for seed in (1, 2)
    ]
    rows.append({"level": "method", "member": "at", "role": "student", "method": "at", "value": 0.8} | shared)
    result = Result("decision_boundary", tidy(rows).assign(group=""), (), {})

    (table,) = tables_of(result, trust_in(result, [result]))

    assert not table.matrix
