"""`baseline`: the student on its own, trained on the labels alone.

    L = CE(z, y)

The independent network that every measurement of a student needs beside it.
"""

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision


@METHODS.register("baseline")
class Baseline(Method):
    """Train on the labels alone, without a teacher."""

    matches = "labels"
    cost = 1.0
    needs_teacher = False

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        return Supervision(logits, {"cross_entropy": self.cross_entropy(logits, batch)})
