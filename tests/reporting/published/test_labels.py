from robustkd.reporting.published.labels import Label, placed_labels


def test_a_label_stands_to_the_right_of_a_dot_that_is_alone() -> None:
    assert placed_labels(["at"], [(100.0, 100.0)], 250) == [Label(107.0, 100.0, "left")]


def test_at_the_right_edge_it_stands_to_the_left() -> None:
    (label,) = placed_labels(["hinton"], [(245.0, 100.0)], 250)

    assert label.align == "right"


def test_it_avoids_another_dot() -> None:
    first, _ = placed_labels(["at", "sp"], [(100.0, 100.0), (112.0, 100.0)], 250)

    assert first.align == "right"
