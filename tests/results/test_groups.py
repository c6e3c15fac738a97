from robustkd.results.groups import baseline_of, control_of, groups_of

from ..conftest import members


def test_the_baseline_of_the_same_architecture_is_preferred() -> None:
    groups = groups_of(
        members(
            ("baseline", "plain", "small", None),
            ("baseline", "wide", "big", None),
            ("student", "at", "big", None),
            ("student", "kd", "other", None),
        )
    )

    chosen = [baseline_of(group, groups) for group in groups[2:]]

    assert chosen[0] is groups[1]
    assert chosen[1] is None  # two baselines, neither of its architecture: no fair choice


def test_no_student_is_compared_with_a_baseline_of_another_condition() -> None:
    pool = members(("baseline", "plain", "small", None), ("student", "at", "big", None), ("student", "kd", "big", None))
    pool["condition"] = ["clean", "clean", "label noise 40%"]
    groups = groups_of(pool)

    assert baseline_of(groups[1], groups) is groups[0]  # of another architecture: told in a check
    assert baseline_of(groups[2], groups) is None


def test_the_control_of_a_student_is_named_after_it() -> None:
    groups = groups_of(
        members(
            ("student", "at", "net", 0),
            ("student", "sp", "net", 0),
            ("control", "at of another teacher", "net", 0),
            ("control", "sp of another teacher", "net", 0),
        )
    )

    found = [control_of(group, groups) for group in groups[:2]]

    assert [each.method for each in found if each] == ["at of another teacher", "sp of another teacher"]


def test_the_only_control_serves_every_student_of_its_architecture() -> None:
    groups = groups_of(
        members(
            ("student", "at", "net", 0), ("student", "sp", "wide", 0), ("control", "kd of another teacher", "net", 0)
        )
    )

    assert control_of(groups[0], groups) is groups[2]
    assert control_of(groups[1], groups) is None
