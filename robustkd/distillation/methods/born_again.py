"""`born_again`: train a network, then another of the same architecture with the first as its teacher, and so on.

    generation 0:    L = CE(z_0, y)
    generation g:    L = (1 − kd_weight) · CE(z_g, y) + kd_weight · T² · KL(p_{g−1}^T ‖ p_g^T)

No other teacher. All networks have one architecture and different initial weights; each is trained by the whole
recipe, one after the other, and only the one before it teaches it. Layer: output. Furlanello et al., *Born-Again
Neural Networks* (arXiv 1805.04770).

The student is the last generation, which is exported; it begins with the weights that a `baseline` of the same seed
begins with. Accuracies after an epoch are those of the generation that is being trained.

The defaults are equal weights and T = 1, since the paper adds both terms and has no temperature. A `kd_weight` of 1
trains by the predecessor alone.

Deviations: the mean of both terms where the paper has the sum, so that the learning rate serves all generations alike.
    Its ensembles of generations and its permuted and weighted teachers are left out.
"""

from typing import Annotated, Self, cast

from pydantic import Field
from torch import nn

from robustkd.data import Batch
from robustkd.distillation.initial_weights import twin
from robustkd.distillation.method import METHODS, Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.models import PixelModel

EARLIER = "generation "
"""What the names of the stages of all generations but the last begin with."""


@METHODS.register("born_again")
class BornAgain(Method):
    """Train several generations of one architecture, each taught by the one before.

    Args:
        student: The network of the last generation; all have its architecture.
        teacher: Not used.
        generations: How often the network is born again: the number of networks that have a teacher.
        kd_weight: The weight of the distillation term, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).

    Raises:
        ModelError: timm does not know the student's architecture, so no earlier generation can be built.
    """

    cites = "Furlanello et al. 2018"
    matches = "response"
    cost = 2.3
    needs_teacher = False

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        generations: Annotated[int, Field(ge=1)] = 1,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.generations = generations
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.standardise_logits = standardise_logits
        self.earlier = nn.ModuleList(twin(student, index) for index in range(1, generations + 1))

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """Train every generation by the whole recipe."""
        names = [f"{EARLIER}{number}" for number in range(self.generations)]
        return tuple(Stage(name, recipe) for name in (*names, "training"))

    def trained(self, stage: str) -> list[nn.Parameter]:
        """Return the parameters of one generation."""
        return [parameter for parameter in self._network(self._number(stage)).parameters() if parameter.requires_grad]

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the generation that is being trained; the others stay in evaluation mode."""
        super().train(mode)
        for number in range(self.generations + 1):
            if number != self._number(self.stage):
                self._network(number).eval()
        return self

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Turn to the generation of the stage."""
        super().begin_epoch(stage, epoch, epochs)
        self.train(self.training)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise one generation on one batch."""
        number = self._number(self.stage)
        network = self._network(number)
        if number == 0:
            logits = network(batch.pixels)
            return Supervision(logits, {"cross_entropy": self.cross_entropy(logits, batch)})
        before = self._network(number - 1)
        logits, taught = self._of_both(lambda: network(batch.pixels), lambda: before(batch.pixels), batch)
        losses = self.labels_and_teacher(
            logits,
            taught,
            batch,
            kd_weight=self.kd_weight,
            temperature=self.temperature,
            standardise_logits=self.standardise_logits,
        )
        return Supervision(logits, losses)

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return the generation that is being trained; afterwards, the last."""
        return (self._network(self._number(self.stage)),)

    def _number(self, stage: str) -> int:
        return int(stage.removeprefix(EARLIER)) if stage.startswith(EARLIER) else self.generations

    def _network(self, number: int) -> PixelModel:
        return self.student if number == self.generations else cast(PixelModel, self.earlier[number])
