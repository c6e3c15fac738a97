"""A check before training that the methods of a study apply to its networks."""

from robustkd.data import Dataset
from robustkd.distillation import inapplicable
from robustkd.errors import StudyError
from robustkd.studies.given_teacher import load_teacher
from robustkd.studies.study import Study, TeacherSettings


def refuse_inapplicable(study: Study, data: Dataset) -> None:
    """Refuse a study with a method that does not apply to its networks, before anything is trained.

    Each method is tried on two grey images.

    Args:
        study: The study.
        data: The data set; only its image size and its number of classes are used.

    Raises:
        StudyError: A method does not apply. The message names the networks and the reason.
    """
    for index, students in enumerate(study.students):
        teacher = study.teacher_of(students)
        taught_by = _architecture(teacher, data) if teacher is not None else None
        methods = {
            name: {key: value for key, value in options.items() if key != "training"}
            for name, options in students.methods.items()
        }
        for architecture in students.architecture:
            reasons = inapplicable(
                methods,
                architecture,
                taught_by,
                shape=data.test.shape,
                num_classes=data.num_classes,
            )
            for name, reason in reasons.items():
                raise StudyError(f"{study.name}: students.{index}.methods.{name}: {reason}")


def _architecture(teacher: TeacherSettings, data: Dataset) -> str | None:
    return load_teacher(teacher, data).architecture if teacher.has_weights else teacher.architecture
