"""Which method of a run is set beside which published number, and where its protocol is another."""

from dataclasses import replace

import pandas as pd

from robustkd.reporting.published import ojha2023, ruffy2019, sarfraz2020, stanton2021
from robustkd.reporting.published.differences import departure
from robustkd.reporting.published.matching import Match, best_of_families, matches
from robustkd.reporting.published.paper_table import PaperTable
from robustkd.reporting.run import Run
from robustkd.reporting.trust import trust_in

STANTON = {"epochs": 300, "batch_size": 128, "learning_rate": 0.05, "schedule": "cosine", "nesterov": True}

RUFFY = {"epochs": 200, "batch_size": 128, "learning_rate": 0.1, "schedule": "step", "nesterov": True}

CIFAR100 = {"name": "cifar100", "train_images": 50_000, "test_images": 10_000, "classes": 100}

KD = {"kd_weight": 1.0, "temperature": 4.0, "variant": "original"}


def table(paper, place: str, metric: str = "") -> PaperTable:
    return next(each for each in paper.tables() if each.place == place and metric in ("", each.metric))


def names(matched: tuple[Match, ...]) -> dict[str, str]:
    """The published names, each with the method of the run."""
    return {match.cell.name: match.trained.name for match in matched}


def said(matched: tuple[Match, ...]) -> str:
    return departure([(match.cell.name, match.differences) for match in matched])


def together(*runs: Run) -> Run:
    """A run of several parts, of which all measure the same."""
    first = runs[0].results[0]
    result = replace(first, frame=pd.concat([run.results[0].frame for run in runs], ignore_index=True))
    members = [member for run in runs for member in run.provenance["members"]]
    trust = {first.evaluation: trust_in(result, [result])}
    return replace(runs[0], provenance={**runs[0].provenance, "members": members}, results=(result,), trust=trust)


def test_an_entry_of_another_name_is_known_by_its_method(run_of) -> None:
    run = run_of({"baseline": [94.0], "soft": [94.3]}, methods={"soft": "hinton"})

    assert names(matches(table(sarfraz2020, "Table III"), run)) == {"Baseline": "baseline", "Hinton": "soft"}


def test_a_student_that_only_smooths_labels_is_no_baseline(run_of) -> None:
    run = run_of({"baseline": [94.0], "label_smoothing": [94.3]}, methods={"label_smoothing": "baseline"})

    assert names(matches(table(sarfraz2020, "Table III"), run)) == {"Baseline": "baseline"}


def test_of_several_entries_of_a_method_the_one_nearest_to_the_paper_is_compared(run_of) -> None:
    options = {"t1": {"temperature": 1.0}, "t4": {"temperature": 4.0}}
    run = run_of({"t1": [94.0], "t4": [94.3]}, methods=dict.fromkeys(options, "hinton"), options=options)

    (match,) = matches(table(sarfraz2020, "Table III"), run)

    assert (match.trained.name, match.differences) == ("t4", ())


def test_another_weight_is_named_with_its_method(run_of) -> None:
    run = run_of({"baseline": [94.0], "hinton": [94.1], "at": [94.3]}, options={"at": {"at_weight": 100.0}})

    assert said(matches(table(sarfraz2020, "Table III"), run)) == (
        "This run differs from the paper: with at weight 100 instead of 1000 (AT). "
        "Compare the rankings and the signs, not the numbers themselves."
    )


def test_another_recipe_of_one_entry_is_named_with_it(run_of) -> None:
    entries = {"sp": {"training": {"epochs": 300, "distillation_data": {"mixing": "mixup"}}}}
    run = run_of({"baseline": [94.0], "hinton": [94.1], "sp": [94.3]}, entries=entries)

    assert said(matches(table(sarfraz2020, "Table III"), run)).startswith(
        "This run differs from the paper: trained for 300 epochs instead of 200 (SP), "
        "with mixing mixup instead of none (SP)."
    )


def test_another_teacher_is_a_difference_and_so_is_how_it_was_trained(run_of) -> None:
    run = run_of({"baseline": [94.0], "hinton": [94.1]}, teacher="cifar_resnet14")
    run.provenance["members"][0]["lineage"]["method"] = "trades"

    assert said(matches(table(sarfraz2020, "Table III"), run)).startswith(
        "This run differs from the paper: taught by cifar_resnet14 instead of cifar_wrn_40_2, "
        "with a teacher trained by trades."
    )


def test_checkpoints_that_do_not_tell_their_recipe_are_compared_as_such(run_of) -> None:
    run = run_of({"baseline": [94.0], "hinton": [94.1]}, recipe={}, methods={"hinton": ""})

    assert names(matches(table(sarfraz2020, "Table III"), run)) == {"Baseline": "baseline", "Hinton": "hinton"}
    assert said(matches(table(sarfraz2020, "Table III"), run)).startswith(
        "This run differs from the paper: trained in a way that is not known."
    )


def test_another_of_the_papers_networks_may_stand_in_for_the_only_student_of_a_table(run_of) -> None:
    numbers = {"baseline": [60.0], "hinton": [70.0]}
    run = run_of(numbers, student="cifar_resnet8", condition="label noise 40%")

    found = matches(table(sarfraz2020, "Table V"), run)

    assert [match.cell.setting for match in found] == ["label noise 40%"] * 2
    assert "with cifar_resnet8 as the student instead of cifar_wrn_16_2" in said(found)


def test_clean_labels_alone_are_no_study_of_label_noise(run_of) -> None:
    """The first column of Table V repeats Table III."""
    clean = run_of({"baseline": [94.0], "hinton": [94.1]})
    noisy = run_of({"baseline": [64.0], "hinton": [76.1]}, condition="label noise 40%")

    noise = table(sarfraz2020, "Table V")
    assert matches(noise, clean) == ()
    assert [match.cell.setting for match in matches(noise, together(clean, noisy))] == [
        *["no label noise"] * 2,
        *["label noise 40%"] * 2,
    ]


def test_the_teachers_tell_the_cells_of_a_table_of_teachers(run_of) -> None:
    """Ruffy and Chahal, Table 2: 90.16 by a ResNet-20 and 88.48 by a WRN-10-1."""
    runs = [
        run_of(
            {"baseline": [89.0], "hinton": [value]},
            student="cifar_resnet8_ruffy2019",
            teacher=teacher,
            recipe=RUFFY,
            group=f"cifar_resnet8_ruffy2019, teacher {teacher}",
        )
        for teacher, value in (("cifar_resnet20_ruffy2019", 90.5), ("cifar_wrn_10_1", 88.5))
    ]

    found = matches(table(ruffy2019, "Table 2"), together(*runs))

    assert [(match.cell.name, match.cell.mean, round(match.mean, 2)) for match in found] == [
        ("ResNet20", 90.16, 90.5),
        ("WRN10-1", 88.48, 88.5),
    ]


def test_of_two_tables_with_the_same_methods_the_one_with_the_same_epochs_is_shown(run_of) -> None:
    networks = {"student": "cifar_resnet8_ruffy2019", "teacher": "cifar_resnet26_ruffy2019"}
    run = run_of({"baseline": [89.0], "hinton": [90.0]}, recipe={**RUFFY, "epochs": 350}, **networks)

    found = best_of_families([(each, matches(each, run)) for each in ruffy2019.tables()])

    assert [each.place for each, _ in found] == ["Table 4"]


def test_initial_weights_tell_the_cells_of_stantons_first_table(run_of) -> None:
    """Agreement 77.174 ± 0.352 from random weights, 77.098 ± 0.238 from those of the teacher."""
    run = run_of(
        {"baseline": [70.0], "hinton": [77.0], "hinton_shared_init": [77.2]},
        student="cifar_preact_resnet20",
        teacher="cifar_preact_resnet20",
        recipe={**STANTON, "init": {"shared": False, "near_teacher": None, "path": None}},
        data=CIFAR100,
        methods={"hinton_shared_init": "hinton"},
        options=dict.fromkeys(("hinton", "hinton_shared_init"), KD),
        entries={"hinton_shared_init": {"training": {"init": "shared"}}},
        measured=("fidelity", "agreement"),
    )

    found = matches(table(stanton2021, "Table 1", "agreement"), run)

    assert names(found) == {"random init": "hinton", "teacher initial weights": "hinton_shared_init"}
    assert [(match.cell.mean, match.cell.std) for match in found] == [(77.174, 0.352), (77.098, 0.238)]
    assert said(found) == ""


def test_ensemble_and_temperature_tell_the_cells_of_stantons_figure(run_of) -> None:
    runs = [
        run_of(
            {"t4": [61.0], "t8": [60.0]},
            student="cifar_preact_resnet20",
            teacher=teacher,
            recipe=STANTON,
            data={**CIFAR100, "train_images": 25_000},
            methods=dict.fromkeys(("t4", "t8"), "hinton"),
            options={"t4": KD, "t8": {**KD, "temperature": 8.0}},
            group=f"cifar_preact_resnet20, teacher {teacher}",
        )
        for teacher in ("cifar_preact_resnet20", "ensemble of 3 cifar_preact_resnet20")
    ]

    found = matches(table(stanton2021, "Figure 9", "accuracy"), together(*runs))

    assert {match.cell.name: match.cell.mean for match in found} == {
        "1 teacher, temperature 4": 61.33,
        "1 teacher, temperature 8": 59.87,
        "3 teachers, temperature 4": 62.78,
        "3 teachers, temperature 8": 62.12,
    }
    assert said(found) == ""


def test_ojhas_pairs_are_told_by_their_students(run_of) -> None:
    """Table 2, VGG-13 to VGG-8: Ind 42.42, KL 51.87."""
    run = run_of(
        {"baseline": [40.0], "hinton": [50.0]},
        student="cifar_vgg8",
        teacher="cifar_vgg13",
        recipe={"epochs": 240, "batch_size": 64, "schedule": "step", "learning_rate": 0.05},
        data=CIFAR100,
        measured=("adversarial_inheritance", "fooling_rate"),
    )
    run.results[0].settings["options"].update(images=300, steps=5)

    found = matches(table(ojha2023, "Table 2"), run)

    assert {match.cell.name: match.cell.mean for match in found} == {"Ind": 42.42, "KL": 51.87}
    assert said(found).startswith("This run differs from the paper: measured with images 300 instead of 5,000.")
