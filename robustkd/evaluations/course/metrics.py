"""The metrics of the course of the training."""

from robustkd.results.metric import Metric

ACCURACY = "of accuracy"

DIVERGENCE = "of divergence"

CURVE = "of the curve"

METRICS = (
    Metric(
        "final_agreement",
        "Agreement at the end",
        "fraction",
        True,
        "Share of the test images for which the network and its teacher predict the same class after the last epoch.",
        of_teacher=True,
    ),
    Metric(
        "late_agreement_change",
        "Agreement, last quarter",
        "points",
        None,
        "Agreement after the last epoch minus that after three quarters of the epochs; above 0, the network still came "
        "closer to its teacher.",
        of_teacher=True,
    ),
    Metric(
        "epochs_to_agreement",
        "90% of the agreement after",
        "epochs",
        None,
        "Number of epochs after which the agreement was first 90% of that after the last epoch, or more.",
        of_teacher=True,
    ),
    Metric(
        "final_accuracy",
        "Accuracy at the end",
        "fraction",
        True,
        "Share of the test images that the network classifies correctly after the last epoch.",
        table=ACCURACY,
    ),
    Metric(
        "late_accuracy_change",
        "Accuracy, last quarter",
        "points",
        None,
        "Accuracy after the last epoch minus that after three quarters of the epochs.",
        table=ACCURACY,
    ),
    Metric(
        "epochs_to_accuracy",
        "90% of the accuracy after",
        "epochs",
        None,
        "Number of epochs after which the accuracy was first 90% of that after the last epoch, or more.",
        table=ACCURACY,
    ),
    Metric(
        "final_kl",
        "KL from teacher at the end",
        "nats",
        False,
        "Mean KL divergence KL(teacher ‖ network) of the predictions at temperature 1 after the last epoch.",
        of_teacher=True,
        table=DIVERGENCE,
    ),
    Metric(
        "late_kl_change",
        "KL from teacher, last quarter",
        "nats",
        None,
        "KL divergence after the last epoch minus that after three quarters of the epochs; below 0, the network still "
        "came closer to its teacher.",
        of_teacher=True,
        table=DIVERGENCE,
    ),
    Metric(
        "course_agreement",
        "Agreement along the training",
        "fraction",
        None,
        "Agreement with the teacher on the test images; `strength` is the number of epochs done.",
        of_teacher=True,
        table=CURVE,
    ),
    Metric(
        "course_accuracy",
        "Accuracy along the training",
        "fraction",
        None,
        "Accuracy on the test images; `strength` is the number of epochs done.",
        table=CURVE,
    ),
    Metric(
        "course_kl",
        "KL from teacher along the training",
        "nats",
        None,
        "Mean KL divergence KL(teacher ‖ network) on the test images; `strength` is the number of epochs done.",
        of_teacher=True,
        table=CURVE,
    ),
)
