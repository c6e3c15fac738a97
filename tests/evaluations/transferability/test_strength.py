import numpy as np
from torch import nn

from robustkd.evaluations.transferability import Transferability
from robustkd.evaluations.transferability.strength import RESTS_ON_MAIN_ATTACK, strength_checks
from robustkd.models import Member, ModelPool, PixelModel
from robustkd.results.records import Check, Records, members_frame


def networks(count: int) -> list[Member]:
    """Baselines that are never called."""
    return [Member(PixelModel(nn.Identity()), "baseline", f"net{index}") for index in range(count)]


def attacked(fooled: np.ndarray, **more: np.ndarray) -> dict[str, np.ndarray]:
    """Images that all networks classify correctly; `fooled`, bool (M, M, N), by source and target."""
    count, _, images = fooled.shape
    return {
        "label": np.zeros(images, dtype=int),
        "clean": np.zeros((count, images), dtype=int),
        "adversarial": fooled.astype(int),
        "own": np.empty((0, count, images), dtype=int),
        "attacks": np.array(["PGD-20"]),
        **more,
    }


def own_checks(arrays: dict[str, np.ndarray]) -> list[Check]:
    found = strength_checks(networks(len(arrays["clean"])), arrays)
    return [check for check in found if check.name == "white-box attack as strong as transferred attacks"]


def test_of_networks_equally_easy_to_fool_at_most_one_target_in_twenty_is_flagged() -> None:
    """Eleven networks, 500 images, all successes independent and truly one half: the best always looks better."""
    random = np.random.default_rng(0)
    pools = [attacked(random.random((11, 11, 500)) < 0.5) for _ in range(6)]

    flagged = [not check.passed for arrays in pools for check in own_checks(arrays)]

    assert len(flagged) == 66
    assert sum(flagged) <= 0.05 * len(flagged)


def test_a_network_that_masks_its_gradients_is_found_among_eleven_sources() -> None:
    random = np.random.default_rng(0)
    fooled = random.random((11, 11, 500)) < np.where(np.eye(11), 0.5, 0.4)[:, :, None]
    fooled[4, 7] = random.random(500) < 0.7

    masked = own_checks(attacked(fooled))

    assert [check.member for check in masked if not check.passed] == ["net7"]
    assert "the strongest transferred attack (from net4) on" in masked[7].detail
    assert masked[7].detail.endswith(
        "so its gradients are masked: white-box accuracy is overstated, and transfer from it understated"
    )


def test_a_stronger_source_with_few_images_does_not_hide_one_with_many() -> None:
    """The first network gets ten images right, and fools on all of them; the second on most of many."""
    fooled = np.zeros((3, 3, 500), dtype=bool)
    fooled[0, 2], fooled[1, 2, :400], fooled[2, 2, :250] = True, True, True
    clean = np.zeros((3, 500), dtype=int)
    clean[0, 4:] = 1

    check = own_checks(attacked(fooled, clean=clean))[2]

    assert not check.passed
    assert check.detail.startswith(
        "the attack on the network itself succeeds on 50.0% of the correctly classified images, the strongest "
        "transferred attack (from net1) on 80.0%"
    )


def test_the_check_the_table_and_the_headline_agree_on_which_networks_are_masked() -> None:
    """One target is beaten by far, others by what the best of ten sources is worth by chance."""
    fooled = np.random.default_rng(3).random((11, 11, 500)) < 0.5
    fooled[4, 7] = np.random.default_rng(1).random(500) < 0.7
    arrays = attacked(
        fooled,
        rounded=fooled[np.arange(11), np.arange(11)].astype(int),
        sweep=np.empty((0, 11, 11, 500), dtype=int),
        epsilon=np.array(0.031),
        epsilons=np.array([]),
        zero_gradient=np.zeros((11, 500), dtype=bool),
        class_names=np.array(["a", "b"]),
        teacher_is_target=np.array(True),
        further=np.empty((0, 11, 11, 500), dtype=int),
        further_attacks=np.array([], dtype=np.str_),
    )

    frame = Transferability().summarise(Records(members_frame(networks(11)), arrays))

    rows = frame[frame["metric"] == "masking"].set_index("member")
    beaten = {check.member for check in own_checks(arrays) if not check.passed}
    assert beaten == set(rows.index[rows["ci_low"] > 0]) == {"net7"}
    assert rows.loc["net7", "source"] == "net4"
    assert set(rows["interval"]) == {"95% over test images, for all sources together"}
    (told,) = (sentence for sentence in Transferability().headline(frame) if sentence.startswith("Masked"))
    assert "net7" in told
    assert "net7 (not significantly)" not in told
    others = rows.index[(rows["value"] > 0.02) & (rows.index != "net7")]
    assert len(others)
    assert all(f"{name} (not significantly)" in told for name in others)


def test_a_network_without_others_is_beaten_by_none() -> None:
    (check,) = own_checks(attacked(np.ones((1, 1, 20), dtype=bool)))

    assert check.passed
    assert check.detail == (
        "the attack on the network itself succeeds on 100.0% of the correctly classified images; there is no attack on "
        "another network to compare with"
    )


def test_a_transferred_attack_that_turns_what_all_own_attacks_leave_refutes_the_worst_case(pool: ModelPool) -> None:
    def refuted(transferred: int) -> bool:
        """The first own attack fools 100 of 500 images, all own attacks 200, the transferred attack `transferred`."""
        images = 500
        first, more, foreign = ((np.arange(images) < count).astype(int) for count in (100, 200, transferred))
        arrays = {
            "label": np.zeros(images, dtype=int),
            "clean": np.zeros((2, images), dtype=int),
            "adversarial": np.stack([np.stack([first, first]), np.stack([foreign, foreign])]),
            "own": np.stack([np.stack([np.where(first, -1, more)] * 2)]),
            "attacks": np.array(["PGD-20", "APGD-DLR-20"]),
        }
        (check,) = (
            check
            for check in strength_checks(pool.members[:2], arrays)
            if (check.name, check.member)
            == ("all white-box attacks together as strong as transferred attacks", pool.members[0].name)
        )
        assert check.metrics == ("worst_case_accuracy",)
        return not check.passed

    assert [refuted(150), refuted(205), refuted(260)] == [False, False, True]


def test_gradient_masking_is_flagged_from_more_than_two_points_that_are_significant(pool: ModelPool) -> None:
    def flagged(own: int, transferred: int, repeats: int) -> bool:
        """Of 100 images, its own attack fools `own` and a transferred one `transferred`; repeated `repeats` times."""
        fallen = [np.tile(np.arange(100) < count, repeats).astype(int) for count in (own, transferred)]
        images = 100 * repeats
        arrays = {
            "label": np.zeros(images, dtype=int),
            "clean": np.zeros((2, images), dtype=int),
            "adversarial": np.stack([np.stack([fallen[0], fallen[0]]), np.stack([fallen[1], fallen[1]])]),
            "own": np.empty((0, 2, images), dtype=int),
            "attacks": np.array(["PGD-20"]),
        }
        first = strength_checks(pool.members[:2], arrays)[0]
        assert (first.name, first.metrics) == (
            "white-box attack as strong as transferred attacks",
            RESTS_ON_MAIN_ATTACK,
        )
        return not first.passed

    assert [flagged(60, 60, 1), flagged(60, 63, 1), flagged(60, 70, 1)] == [False, False, True]
    assert [flagged(60, 62, 100), flagged(60, 63, 100)] == [False, True]


def test_a_first_attack_that_overstates_robustness_fails_a_check(pool: ModelPool) -> None:
    arrays = {
        "label": np.zeros(100, dtype=int),
        "clean": np.zeros((1, 100), dtype=int),
        "adversarial": np.zeros((1, 1, 100), dtype=int),
        "own": (np.arange(100) < 40).astype(int)[None, None],
        "attacks": np.array(["PGD-20", "APGD-DLR-20"]),
    }

    (check,) = (check for check in strength_checks(pool.members[:1], arrays) if "nearly as strong" in check.name)

    assert not check.passed
    assert check.detail == (
        "100.0% of the images withstand PGD-20, and 60.0% also withstand APGD-DLR-20, so PGD-20 alone overstates "
        "robustness: read the worst case"
    )


def test_an_image_that_was_wrong_to_begin_with_is_nothing_the_first_attack_overlooked(pool: ModelPool) -> None:
    """Twenty images, wrong when clean, are right after the first attack: none of them can be in the worst case."""
    arrays = {
        "label": np.zeros(100, dtype=int),
        "clean": (np.arange(100) < 20).astype(int)[None],
        "adversarial": np.zeros((1, 1, 100), dtype=int),
        "own": np.zeros((1, 1, 100), dtype=int),
        "attacks": np.array(["PGD-20", "APGD-DLR-20"]),
    }

    (check,) = (check for check in strength_checks(pool.members[:1], arrays) if "nearly as strong" in check.name)

    assert check.passed
