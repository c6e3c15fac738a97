from robustkd.presentation.style import ROLE_COLOURS, colours_of


def test_teacher_and_baseline_have_the_colour_of_their_role_and_students_one_each() -> None:
    roles = {"teacher": "teacher", "none": "baseline", **{f"s{index}": "student" for index in range(10)}}

    scale = colours_of(roles).to_dict()

    assert scale["domain"] == list(roles)
    assert scale["range"][:2] == [ROLE_COLOURS["teacher"], ROLE_COLOURS["baseline"]]
    assert len(set(scale["range"])) == len(roles)


def test_more_names_than_colours_begin_again() -> None:
    roles = {f"s{index}": "student" for index in range(12)}

    colours = colours_of(roles).to_dict()["range"]

    assert colours[10:] == colours[:2]
