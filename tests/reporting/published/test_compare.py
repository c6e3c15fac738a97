"""Whole comparisons of constructed runs, whose numbers follow from the published ones by hand."""

from robustkd.reporting.published.compare import published_of
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.run import Run
from robustkd.results.records import Check

CLOSE = {"baseline": [93.85, 93.95, 94.05], "hinton": [94.28, 94.38, 94.48], "sp": [94.44, 94.54, 94.64]}
"""Table III, WRN-16-2: Baseline 93.95 ± 0.18, Hinton 94.28 ± 0.09, SP 94.64 ± 0.17."""


def only(run: Run) -> PublishedComparison:
    (comparison,) = published_of(run)
    return comparison


def row(comparison: PublishedComparison, name: str) -> list[str]:
    (table,) = comparison.tables
    return [cell.text for cell in dict(table.rows)[name]]


def test_a_run_with_the_papers_protocol_is_compared_number_by_number(run_of) -> None:
    """Hinton: 94.38 − 94.28 = +0.10, which is 0.10 / 0.09 = 1.1 standard deviations; gains 0.43 and 0.33."""
    comparison = only(run_of(CLOSE))

    assert comparison.heading == "Sarfraz et al. 2020, Table III: Accuracy on CIFAR-10"
    assert comparison.exact
    assert row(comparison, "Hinton") == ["94.38", "94.28", "+0.10", "+1.1", "+0.43", "+0.33"]
    assert row(comparison, "Baseline") == ["93.95", "93.95", "+0.00", "+0.0", "–", "–"]


def test_its_sentences_state_distance_ranking_and_signs(run_of) -> None:
    """Differences 0, +0.10, −0.10; Baseline < Hinton < SP in both: τ = 1 and p = 2/3! = 0.33; both gains above 0."""
    distance, ranking, signs = only(run_of(CLOSE)).sentences

    assert distance == (
        "The 3 measured numbers are +0.00 points from those of the paper on average, between −0.10 and +0.10; "
        "3 of 3 lie within two published standard deviations."
    )
    assert ranking.startswith(
        "Kendall's τ between the measured and the published ranking of 3 methods by accuracy is 1.00 ["
    )
    assert "(p = 0.33 for unrelated rankings)" in ranking
    assert signs == (
        "2 of 2 gains over the baseline have the published sign (100% [34%, 100%]); in the paper 2 are positive."
    )


def test_a_shorter_training_is_named_and_its_differences_are_in_brackets(run_of) -> None:
    short = {"epochs": 8, "batch_size": 128, "optimiser": "sgd", "learning_rate": 0.1, "schedule": "step"}
    small = {"name": "cifar10", "train_images": 3000, "test_images": 1000, "classes": 10}

    comparison = only(run_of({"baseline": [40.0], "hinton": [39.0]}, recipe=short, data=small))

    assert not comparison.exact
    assert comparison.differences == (
        "This run differs from the paper: trained for 8 epochs instead of 200, on 3,000 images instead of 50,000, "
        "tested on 1,000 images instead of 10,000. Compare the rankings and the signs, not the numbers themselves."
    )
    assert row(comparison, "Hinton") == ["39.00", "94.28", "(−55.28)", "(−614.2)", "−1.00", "+0.33"]
    assert comparison.sentences == (
        "The gain over the baseline of Hinton is −1.00 points here, and +0.33 in the paper.",
    )


def test_gains_that_may_be_chance_are_counted_apart(run_of) -> None:
    """Of Hinton (interval [0.1, 0.7]) and SP ([−0.9, 0.1]) only Hinton's gain differs from 0, with the right sign."""
    numbers = {"baseline": [93.9], "hinton": [94.3], "sp": [93.5]}
    gains = {"hinton": (0.001, 0.007), "sp": (-0.009, 0.001)}

    sentences = only(run_of(numbers, gains=gains)).sentences

    assert sentences[-2].startswith("1 of 2 gains over the baseline have the published sign (50% [9%, 91%])")
    assert sentences[-1] == "The only one whose 95% interval excludes 0 in this run has the published sign."


def test_a_void_number_is_struck_out_and_is_no_evidence(run_of) -> None:
    chance = Check("better than chance", False, "", "sp-0", ("accuracy",), "clean", "cifar_wrn_16_2")

    comparison = only(run_of({"baseline": [93.9], "hinton": [94.3], "sp": [10.0]}, checks=(chance,)))

    assert [cell.untrusted for cell in dict(comparison.tables[0].rows)["SP"]][:2] == [True, False]
    assert not any("Kendall" in sentence for sentence in comparison.sentences)
    assert comparison.sentences[-1].startswith("The gain over the baseline of Hinton is +0.40 points here")


def test_label_noise_is_compared_with_its_own_column(run_of) -> None:
    """Table V, σ = 0.4: Hinton 76.32 ± 0.87, Baseline 64.47 ± 1.06."""
    comparison = only(run_of({"baseline": [64.0], "hinton": [77.19]}, condition="label noise 40%"))

    assert comparison.place == "Table V"
    assert comparison.tables[0].title == "label noise 40%"
    assert row(comparison, "Hinton") == ["77.19", "76.32", "+0.87", "+1.0", "+13.19", "+11.85"]


def test_class_imbalance_is_compared_with_its_own_column(run_of) -> None:
    """Table VI, γ = 0.2: Hinton 79.15 ± 0.28, Baseline 78.05 ± 0.58."""
    comparison = only(run_of({"baseline": [78.05], "hinton": [78.87]}, condition="imbalance γ=0.2"))

    assert comparison.place == "Table VI"
    assert row(comparison, "Hinton")[2:] == ["−0.28", "−1.0", "+0.82", "+1.10"]


def test_a_paper_without_standard_deviations_has_none_in_the_table(run_of) -> None:
    """Ruffy and Chahal, Table 3: KD 90.33, NOKD 89.42."""
    recipe = {"epochs": 200, "batch_size": 128, "learning_rate": 0.1, "schedule": "step", "nesterov": True}
    networks = {"student": "cifar_resnet8_ruffy2019", "teacher": "cifar_resnet26_ruffy2019"}

    comparison = only(run_of({"baseline": [89.0], "hinton": [90.0]}, recipe=recipe, **networks))

    assert (comparison.place, comparison.exact) == ("Table 3", True)
    assert row(comparison, "KD") == ["90.00", "90.33", "−0.33", "–", "+1.00", "+0.91"]


def test_other_data_and_other_students_have_nothing_published(run_of) -> None:
    digits = {"name": "digits", "train_images": 300, "test_images": 500, "classes": 10}

    assert published_of(run_of(CLOSE, data=digits)) == ()
    assert published_of(run_of(CLOSE, student="resnet18")) == ()
    assert published_of(run_of({"my_method": [90.0]})) == ()


def test_the_chart_has_a_dot_for_each_number_and_is_told_in_words(run_of) -> None:
    comparison = only(run_of(CLOSE))

    assert comparison.alternative == (
        "Scatter of accuracy measured in this run against those published, 3 dots: from 93.95 to 94.54% measured, from "
        "93.95 to 94.64% published; the table has each number."
    )
    assert all(name in comparison.drawing.svg for name in ("Baseline", "Hinton", "SP"))
