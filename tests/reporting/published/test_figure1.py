import pytest

from robustkd.reporting.published.figure1 import figure1_of
from robustkd.reporting.run import Run
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

NETWORKS = {"teacher": "teacher", "baseline-0": "baseline", "hinton-0": "student"}

TRANSFER = {
    ("baseline-0", "baseline-0"): 0.95,
    ("hinton-0", "baseline-0"): 0.60,
    ("teacher", "baseline-0"): 0.70,
    ("baseline-0", "hinton-0"): 0.90,
    ("hinton-0", "hinton-0"): 0.65,
    ("teacher", "hinton-0"): 0.80,
    ("teacher", "teacher"): 1.00,
}
"""By source and target. Published: 67.17 from Hinton and 76.51 from the teacher to the baseline; 92.5 from the baseline
and 71.59 from the teacher to Hinton."""


def run_with(tmp_path, *checks: Check, steps: int = 20) -> Run:
    part = {"group": "cifar_wrn_16_2", "condition": "clean"}
    who = {
        member: {
            "member": member,
            "role": role,
            "method": member.removesuffix("-0"),
            "architecture": "cifar_wrn_40_2" if role == "teacher" else "cifar_wrn_16_2",
        }
        for member, role in NETWORKS.items()
    }
    ends = {"ci_low": 0.5, "ci_high": 0.6, "n": 500}
    rows = [
        {**part, **who[target], **ends, "level": "pair", "source": source, "metric": "transfer_success", "value": value}
        for (source, target), value in TRANSFER.items()
    ]
    rows += [
        {**part, **each, **ends, "level": "network", "metric": "mean_on_target", "value": 0.8} for each in who.values()
    ]
    options = {"epsilon": 0.031, "step_size": 0.003, "steps": steps}
    result = Result("transferability", tidy(rows), checks, {"options": options})
    recipe = "training: {epochs: 200, batch_size: 128, optimiser: sgd, learning_rate: 0.1, schedule: step}"
    provenance = {
        "data": {"name": "cifar10", "train_images": 50_000, "test_images": 10_000},
        "members": [{**each, "condition": "clean", "lineage": {}} for each in who.values()],
        "study": recipe,
    }
    return Run(tmp_path, provenance, (result,), {"transferability": trust_in(result, [result])}, {})


def test_the_matrix_of_a_run_stands_beside_the_published_one(tmp_path) -> None:
    comparison = figure1_of(run_with(tmp_path))

    assert comparison is not None
    assert comparison.exact
    (table,) = comparison.tables
    assert [column.title for column in table.columns] == ["Baseline", "Hinton", "Teacher"]
    assert [(cell.text, cell.spread) for cell in dict(table.rows)["Baseline"]] == [
        ("95.0", "(96.7)"),
        ("60.0", "(67.2)"),
        ("70.0", "(76.5)"),
    ]
    assert "Teacher" not in dict(table.rows)  # the paper attacks no teacher


def test_pairs_are_ranked_without_the_diagonal(tmp_path) -> None:
    """60 < 70 < 80 < 90 here, 67.17 < 76.51 > 71.59 < 92.45 published: one of six pairs of pairs swapped, τ = 4/6."""
    comparison = figure1_of(run_with(tmp_path))

    assert comparison is not None
    assert "ranking of 4 pairs of networks by transfer is 0.67 [" in comparison.sentences[0]
    assert comparison.sentences[1] == (
        "The attack on the teacher fools Hinton more than the baseline here, less in the paper."
    )


def test_both_heat_maps_have_one_scale_and_the_means_of_what_they_show(tmp_path) -> None:
    """Attacks on the teacher: (70 + 80) / 2 = 75 here, (76.51 + 71.59) / 2 = 74.05 published."""
    comparison = figure1_of(run_with(tmp_path))

    assert comparison is not None
    maps = comparison.chart["hconcat"]
    means = [
        [cell["percent"] for cell in each["data"]["values"] if (cell["source"], cell["target"]) == ("Teacher", "mean")]
        for each in (layer["layer"][0] if "data" in layer["layer"][0] else layer for layer in maps)
    ]
    assert means == [[pytest.approx(75)], [pytest.approx(74.05)]]
    assert comparison.chart["resolve"]["scale"]["color"] == "shared"


def test_another_attack_is_named(tmp_path) -> None:
    comparison = figure1_of(run_with(tmp_path, steps=10))

    assert comparison is not None
    assert not comparison.exact
    assert comparison.differences.startswith("This run differs from the paper: measured with steps 10 instead of 20.")


def test_a_source_whose_check_failed_is_struck_out_and_not_ranked(tmp_path) -> None:
    masked = Check("a check", False, "", "hinton-0", ("transfer_success",), "clean", "cifar_wrn_16_2")

    comparison = figure1_of(run_with(tmp_path, masked))

    assert comparison is not None
    assert [cell.untrusted for cell in dict(comparison.tables[0].rows)["Baseline"]] == [False, True, False]
    assert "ranking of 3 pairs" in comparison.sentences[0]
