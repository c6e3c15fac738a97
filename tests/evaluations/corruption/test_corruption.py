from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from robustkd.data import Dataset, ImageSet
from robustkd.data.corruptions import corrupt
from robustkd.errors import DataError, EvaluationError
from robustkd.evaluations.corruption import Corruption, CorruptionOptions
from robustkd.evaluations.corruption.corruption_error import mean_corruption_error, reference_checks
from robustkd.evaluations.corruption.rows import MEAN
from robustkd.models import ModelPool
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records
from robustkd.studies.measuring import measure

from ...conftest import network

OPTIONS = CorruptionOptions(corruptions=("contrast", "pixelate"), severities=(1, 5), images=None)


def measured(pool: ModelPool, data: Dataset, options: CorruptionOptions = OPTIONS) -> Records:
    return Corruption(options).measure(pool, data, PredictionCache(data))


def records_of(members: list[tuple[str, str]], clean: list[list[int]], corrupted: list[object]) -> Records:
    """Return records of members (method, role); all labels are 0; `corrupted`: member, corruption, severity, image."""
    names, roles = zip(*members, strict=True)
    frame = pd.DataFrame({"member": names, "role": roles, "method": names})
    frame = frame.assign(architecture="net", condition="clean", digest="", seed=pd.array([None] * len(names), "Int64"))
    seen = np.array(corrupted)
    arrays = {
        "label": np.zeros(seen.shape[-1], dtype=int),
        "corruptions": np.array(["fog (generated)", "contrast (generated)"]),
        "severities": np.array([1, 3]),
        "clean": np.array(clean),
        "corrupted": seen,
    }
    return Records(frame, arrays)


HAND = records_of(
    [("teacher", "teacher"), ("baseline", "baseline"), ("at", "student")],
    clean=[[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
    corrupted=[
        [[[0, 0, 0, 0], [0, 0, 0, 1]], [[0, 0, 0, 0], [1, 1, 0, 0]]],
        [[[0, 0, 0, 1], [0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 1, 1]]],
        [[[0, 0, 0, 0], [0, 0, 0, 1]], [[0, 0, 0, 1], [1, 1, 0, 0]]],
    ],
)


def values_of(frame: pd.DataFrame, metric: str, level: str = "method") -> dict[str, float]:
    rows = frame[(frame["metric"] == metric) & (frame["level"] == level)]
    return dict(zip(rows["member"], rows["value"], strict=True))


def test_accuracy_is_the_mean_over_corruptions_severities_and_images() -> None:
    frame = Corruption().summarise(HAND)

    assert values_of(frame, "corruption_accuracy") == {"teacher": 13 / 16, "baseline": 7 / 16, "at": 12 / 16}
    assert values_of(frame, "corruption_accuracy_gain") == {"at": 5 / 16}


def test_mce_relates_the_errors_of_each_corruption_to_those_of_the_baseline() -> None:
    frame = Corruption().summarise(HAND)

    # errors of the baseline: fog 1 + 2, contrast 2 + 4; of at: fog 0 + 1, contrast 1 + 2; of the teacher: 1 and 2
    expected = {"teacher": (1 / 3 + 2 / 6) / 2, "baseline": 1, "at": (1 / 3 + 3 / 6) / 2}
    assert values_of(frame, "mce") == pytest.approx(expected)
    assert set(frame.loc[frame["metric"] == "mce", "part"]) == {"relative to baseline"}


def test_relative_mce_relates_what_corruption_adds() -> None:
    frame = Corruption().summarise(HAND)

    # of the baseline, less its one clean error at each severity: fog 1, contrast 4; at and teacher have no clean error
    expected = {"teacher": (1 / 1 + 2 / 4) / 2, "baseline": 1, "at": (1 / 1 + 3 / 4) / 2}
    assert values_of(frame, "relative_mce") == pytest.approx(expected)


def test_a_corruption_that_costs_the_baseline_nothing_is_left_out_of_the_mean() -> None:
    assert mean_corruption_error(np.array([0.3, 0.2]), np.array([0.6, 0.0])) == pytest.approx(0.5)
    assert np.isnan(mean_corruption_error(np.array([0.3, 0.2]), np.array([-0.1, 0.0])))


def test_agreement_is_with_the_teacher_on_the_same_corrupted_image() -> None:
    frame = Corruption().summarise(HAND)

    assert values_of(frame, "corruption_agreement") == {"baseline": 10 / 16, "at": 15 / 16}
    assert values_of(frame, "corruption_agreement_excess") == {"at": 5 / 16}


def test_rows_by_severity_begin_with_the_clean_images() -> None:
    frame = Corruption().summarise(HAND)

    rows = frame[frame["strength"].notna() & (frame["member"] == "baseline")]
    fog = rows[rows["part"] == "fog (generated)"]
    assert dict(zip(fog["strength"], fog["value"], strict=True)) == {0: 3 / 4, 1: 3 / 4, 3: 2 / 4}
    mean = rows[rows["part"] == MEAN]
    assert dict(zip(mean["strength"], mean["value"], strict=True)) == {0: 3 / 4, 1: 5 / 8, 3: 2 / 8}


def test_the_headline_names_what_was_generated() -> None:
    said = Corruption().headline(Corruption().summarise(HAND))

    assert said[0].startswith("The at network classifies 75.0% of the corrupted images correctly, +31.2 points")
    assert "generated" in said[1]
    assert said[1].endswith("fog and contrast.")


def test_without_baseline_and_teacher_the_headline_says_so() -> None:
    alone = records_of([("at", "student")], clean=[[0, 0]], corrupted=[[[[0, 0], [0, 1]], [[0, 1], [1, 1]]]])

    frame = Corruption().summarise(alone)

    assert set(frame["metric"]) == {"corruption_accuracy", "flip_rate"}
    assert "no independent baseline" in Corruption().headline(frame)[0]


def test_a_baseline_without_errors_leaves_the_mce_undefined() -> None:
    frame = Corruption().summarise(
        records_of(
            [("baseline", "baseline"), ("at", "student")],
            clean=[[0, 0], [0, 0]],
            corrupted=[[[[0, 0], [0, 0]]] * 2, [[[0, 1], [0, 1]]] * 2],
        )
    )

    assert np.isnan(values_of(frame, "mce")["at"])


def test_members_are_shown_the_corrupted_images(pool: ModelPool, data: Dataset) -> None:
    records = measured(pool, data)

    images = corrupt(data.test.read(torch.arange(40)), "pixelate", 5, 0, range(40))
    with torch.no_grad():
        expected = pool.members[2].model(images.float() / 255).argmax(1)
    np.testing.assert_array_equal(records.arrays["corrupted"][2, 1, 1], expected)


def test_a_sample_gets_the_corruptions_of_the_whole_set(pool: ModelPool, data: Dataset) -> None:
    options = replace(OPTIONS, corruptions=("gaussian_noise", "glass_blur"))
    whole = measured(pool, data, options).arrays["corrupted"]

    sample = measured(pool, data, replace(options, images=9, batch_size=4)).arrays

    np.testing.assert_array_equal(sample["corrupted"], whole[..., sample["image"]])


def test_corruptions_that_small_grey_images_cannot_take_are_left_out_and_listed(pool: ModelPool, data: Dataset) -> None:
    records = measured(pool, data, CorruptionOptions(severities=(1,), images=5))

    assert "motion_blur (generated)" not in records.arrays["corruptions"]
    assert len(records.arrays["corruptions"]) == 14
    (origin,) = records.notes
    assert "they are not the released files" in origin
    assert "motion_blur (it needs images of at least 20×20 pixels, these have 8×8)" in origin
    assert "frost: generated textures" in origin


def test_a_choice_of_corruptions_that_are_all_impossible_is_refused(pool: ModelPool, data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="saturate: it needs colour images"):
        measured(pool, data, replace(OPTIONS, corruptions=("saturate",)))


def test_an_unknown_corruption_is_refused_with_the_fix() -> None:
    with pytest.raises(EvaluationError, match="did you mean fog"):
        CorruptionOptions(corruptions=("fogg",))


@pytest.fixture
def released(tmp_path: Path, data: Dataset) -> Path:
    """Arrays laid out as CIFAR-10-C: at severity s every pixel of the clean image is raised by s."""
    clean = data.test.images.numpy().transpose(0, 2, 3, 1) // 2
    np.save(tmp_path / "frost.npy", np.concatenate([clean + severity for severity in range(1, 6)]).astype(np.uint8))
    np.save(tmp_path / "labels.npy", np.tile(data.test.labels.numpy(), 5))
    return tmp_path


def test_released_arrays_are_read_by_severity_and_image(pool: ModelPool, data: Dataset, released: Path) -> None:
    records = measured(pool, data, CorruptionOptions(path=str(released), severities=(2, 4), images=11))

    places = records.arrays["image"]
    images = data.test.images[places] // 2 + 4
    with torch.no_grad():
        expected = pool.members[1].model(images.float() / 255).argmax(1)
    np.testing.assert_array_equal(records.arrays["corrupted"][1, 0, 1], expected)
    assert list(records.arrays["corruptions"]) == ["frost"]
    assert not any("generated" in said for said in Corruption().headline(Corruption().summarise(records)))


def spoil_order(folder: Path) -> None:
    np.save(folder / "labels.npy", np.zeros(200, dtype=int))


def spoil_count(folder: Path) -> None:
    np.save(folder / "labels.npy", np.zeros(50, dtype=int))


def spoil_images(folder: Path) -> None:
    np.save(folder / "frost.npy", np.zeros((200, 8, 8, 3), dtype=np.uint8))


def spoil_file(folder: Path) -> None:
    (folder / "frost.npy").write_bytes(b"no array")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_order, "not in the order of the test set"),
        (spoil_count, "has 50 labels, but the test set has 40 images"),
        (spoil_images, r"must be uint8 \(200, 8, 8, 1\)"),
        (spoil_file, "not readable as an array"),
    ],
)
def test_arrays_that_do_not_fit_the_test_set_are_refused(
    spoil: Callable[[Path], None], message: str, released: Path, pool: ModelPool, data: Dataset
) -> None:
    spoil(released)

    with pytest.raises(DataError, match=message):
        measured(pool, data, CorruptionOptions(path=str(released)))


def test_a_missing_folder_or_array_is_named(pool: ModelPool, data: Dataset, released: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        measured(pool, data, CorruptionOptions(path=str(released / "nowhere")))
    with pytest.raises(DataError, match=r"has no fog.npy: known: frost"):
        measured(pool, data, CorruptionOptions(path=str(released), corruptions=("fog",)))


def test_seeds_of_a_method_are_averaged(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(2)], {"at": [network(3), network(4)]})

    frame = Corruption(OPTIONS).summarise(measured(pool, data))

    rows = frame[(frame["metric"] == "mce") & (frame["level"] == "method")].set_index("member")
    assert rows.loc["baseline", "value"] == 1
    assert rows.loc["at", "n_seeds"] == 2
    assert rows.loc["at", "std"] >= 0


def test_the_chart_draws_lines_from_clean_at_0() -> None:
    specification = Corruption().chart(Corruption().summarise(HAND)).to_dict()

    assert "severity (0: clean images)" in str(specification)


def test_colour_images_of_cifar_take_every_corruption_of_the_default(cifar10: Dataset) -> None:
    from robustkd.models import create_model

    images = ImageSet(cifar10.test.images[:20], cifar10.test.labels[:20], cifar10.test.class_names)
    pool = ModelPool(baseline=create_model("cifar_wrn_10_1", num_classes=10, seed=0))
    data = Dataset("cifar", None, images)

    records = measured(pool, data, CorruptionOptions(severities=(3,)))

    assert records.arrays["corrupted"].shape == (1, 15, 1, 20)


def test_the_four_extra_corruptions_of_the_release_must_be_named(
    pool: ModelPool, data: Dataset, released: Path
) -> None:
    for name in ("fog", "saturate", "spatter"):
        np.save(released / f"{name}.npy", np.load(released / "frost.npy"))

    default = measured(pool, data, CorruptionOptions(path=str(released), severities=(1,), images=5))
    asked = CorruptionOptions(path=str(released), severities=(1,), images=5, corruptions=("saturate", "fog"))

    assert list(default.arrays["corruptions"]) == ["fog", "frost"]
    assert "left out, as not among the fifteen: saturate, spatter" in default.notes[0]
    assert list(measured(pool, data, asked).arrays["corruptions"]) == ["saturate", "fog"]


def test_the_headline_says_where_the_images_come_from(pool: ModelPool, data: Dataset, released: Path) -> None:
    evaluation = Corruption(CorruptionOptions(path=str(released), severities=(1,), images=5))
    frame = evaluation.summarise(evaluation.measure(pool, data, PredictionCache(data)))

    said = evaluation.headline(frame)[-1]
    assert said == f"The corrupted images were read from the given arrays in {released.name}: frost."


def test_arrays_of_other_content_are_measured_again(
    pool: ModelPool, data: Dataset, released: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    evaluation = Corruption(CorruptionOptions(path=str(released), severities=(1,), images=5))
    out = tmp_path_factory.mktemp("results")

    def key() -> str:
        return measure(evaluation, pool, data, PredictionCache(data), out).key

    first, again = key(), key()
    frost = np.load(released / "frost.npy")
    np.save(released / "frost.npy", 255 - frost)

    assert first == again != key()


def test_a_network_in_training_mode_before_or_after_fails_the_check(pool: ModelPool, data: Dataset) -> None:
    before, after = (pool.members[place].model for place in (1, 2))
    before.train()
    before.register_forward_hook(lambda model, *_: model.eval() and None)
    after.register_forward_hook(lambda model, *_: model.train() and None)

    found = measured(pool, data).checks
    checks = {check.member: check for check in found if check.name == "networks in evaluation mode"}

    assert {name: check.passed for name, check in checks.items()} == {
        "teacher": True,
        "baseline": False,
        "at": False,
        "sp": True,
    }


def test_a_baseline_with_few_errors_fails_a_check() -> None:
    checks = {check.metrics: check for check in reference_checks(HAND)}

    # of the baseline under fog 3 errors, under contrast 6; 1 and 4 more than without
    assert not checks[("mce",)].passed
    assert checks[("mce",)].detail == "baseline makes the fewest errors under fog: 3, too few for a ratio of errors"
    assert checks[("relative_mce",)].detail.startswith("baseline makes the fewest additional errors under fog: 1,")
    assert {check.member for check in checks.values()} == {"baseline"}


def test_a_corruption_without_errors_of_the_baseline_is_left_out_and_not_checked() -> None:
    wrong = [[[0] * 5] * 2, [[1] * 5] * 2]  # fog: never; contrast: on all five images at both severities

    checks = reference_checks(records_of([("baseline", "baseline")], clean=[[0] * 5], corrupted=[wrong]))

    assert [check.passed for check in checks] == [True, True, True]
    assert checks[0].detail == "baseline makes the fewest errors under contrast: 10, enough for a ratio of errors"


def test_flips_are_steps_at_which_the_prediction_changes() -> None:
    frame = Corruption().summarise(HAND)

    # frames are clean, 1, 3: of 16 steps, teacher: fog 0 + 1, contrast 2 + 0 and 0; baseline and at likewise by hand
    # teacher fog 0000|0000|0001: 1; contrast 0000|0000|1100: 2
    # baseline fog 0001|0001|0011: 1; contrast 0001|0011|1111: 3
    # at fog 0000|0000|0001: 1; contrast 0000|0001|1100: 1 + 3
    assert values_of(frame, "flip_rate") == {"teacher": 3 / 16, "baseline": 4 / 16, "at": 5 / 16}
    assert values_of(frame, "flip_rate_difference") == {"at": 1 / 16}
    assert values_of(frame, "mean_flip_rate") == pytest.approx(
        {"teacher": (1 / 1 + 2 / 3) / 2, "baseline": 1, "at": (1 / 1 + 4 / 3) / 2}
    )


def test_what_a_network_answered_is_kept_and_a_new_network_is_added(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    alone = ModelPool(pool.members[0].model, pool.members[1].model)
    first = Corruption(OPTIONS).measure(alone, data, PredictionCache(data, folder=tmp_path))
    calls = []
    for member in pool.members:
        member.model.register_forward_hook(lambda *_, name=member.name: calls.append(name))

    second = Corruption(OPTIONS).measure(pool, data, PredictionCache(data, folder=tmp_path))

    np.testing.assert_array_equal(second.arrays["corrupted"][:2], first.arrays["corrupted"])
    assert set(calls) == {member.name for member in pool.members[2:]}


def test_images_are_corrupted_once_for_all_networks_while_there_is_room(
    pool: ModelPool, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import robustkd.data.corruptions as corruptions
    from robustkd.evaluations.corruption import images

    made = []

    def counted(*given: object, **named: object) -> object:
        made.append(given[1])
        return corrupt(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(corruptions, "corrupt", counted)
    whole = measured(pool, data).arrays["corrupted"]
    with_room = len(made)
    monkeypatch.setattr(images, "REMEMBERED", 0)
    again = measured(pool, data).arrays["corrupted"]

    np.testing.assert_array_equal(whole, again)
    kinds = len(OPTIONS.corruptions) * len(OPTIONS.severities)
    shown = kinds  # the first image, for the picture
    assert with_room == kinds + shown
    assert len(made) - with_room == kinds * len(pool.members) + shown


def test_frost_of_photographs_is_named_and_other_photographs_are_measured_again(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    from PIL import Image

    folder = tmp_path / "ice"
    folder.mkdir()
    Image.fromarray(np.full((100, 100, 3), 255, dtype=np.uint8)).save(folder / "a.png")
    options = CorruptionOptions(corruptions=("frost",), severities=(5,), images=None, frost_images=str(folder))

    records = Corruption(options).measure(pool, data, PredictionCache(data, folder=tmp_path))
    Image.fromarray(np.zeros((100, 100, 3), dtype=np.uint8)).save(folder / "a.png")
    other = Corruption(options).measure(pool, data, PredictionCache(data, folder=tmp_path))

    assert "frost: the photographs in ice" in records.notes[0]
    pixels = (0.75 * data.test.images.float() / 255 + 0.45).clamp(0, 1)
    with torch.no_grad():
        expected = pool.members[1].model((pixels * 255 + 1e-4).floor() / 255).argmax(1)
    np.testing.assert_array_equal(records.arrays["corrupted"][1, 0, 0], expected)
    assert not np.array_equal(records.arrays["shown"], other.arrays["shown"])


def test_the_picture_shows_the_first_image_at_three_severities(pool: ModelPool, data: Dataset) -> None:
    options = CorruptionOptions(corruptions=("contrast", "fog"), images=5)

    (picture,) = Corruption(options).pictures(measured(pool, data, options))

    assert [row.label for row in picture.rows] == ["contrast", "fog"]
    assert len(picture.rows[0].tiles) == 3
    assert "at severity 1, 3, 5" in picture.caption
