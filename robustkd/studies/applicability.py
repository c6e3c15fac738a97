"""Methods that cannot apply to the networks of a study are refused before anything is trained."""

from robustkd.data import Dataset
from robustkd.distillation import inapplicable
from robustkd.errors import StudyError
from robustkd.studies.study import Study


def refuse_inapplicable(study: Study, data: Dataset) -> None:
    """Check every method of a study on its networks, with two grey images, before anything is trained.

    Args:
        study: The study.
        data: Gives image size and classes.

    Raises:
        StudyError: A method does not apply; says to which networks, and why.
    """
    for index, students in enumerate(study.students):
        teacher = study.teacher_of(students)
        methods = {
            name: {key: value for key, value in options.items() if key != "training"}
            for name, options in students.methods.items()
        }
        for architecture in students.architecture:
            reasons = inapplicable(
                methods,
                architecture,
                teacher.architecture if teacher is not None else None,
                shape=data.test.shape,
                num_classes=data.num_classes,
            )
            for name, reason in reasons.items():
                raise StudyError(f"{study.name}: students.{index}.methods.{name}: {reason}")
