"""How a trainer's steps are run on a GPU: launched, captured as one graph, their numbers read when they have arrived."""

from __future__ import annotations

from typing import Any, Protocol

from gan_np.arrays import Array
from gan_np.cuda_graph.capture import DeviceSteps
from gan_np.cuda_graph.readings import Readings
from gan_np.devices import memory_explained, scope
from gan_np.models import GAN
from gan_np.optimizers import Optimizer
from gan_np.schedules import Schedule, at
from gan_np.vectors import Vector

from .finite import DeviceWatch
from .step import Outcome, Step


class Algorithm(Protocol):
    """What a training on a GPU runs: the part of a trainer that it uses."""

    gan: GAN
    clip_weights: float | Schedule | None
    d_optimizer: Optimizer
    g_optimizer: Optimizer
    device: str
    steps: int

    def algorithm(self) -> Outcome:
        """One step, launched on the device and not counted."""


class DeviceTraining:
    """Runs `trainer.algorithm` again and again without waiting for it.

    advice: what the user may do when the device's memory does not suffice.
    graph: False never captures.
    """

    def __init__(self, trainer: Algorithm, advice: str, graph: bool) -> None:
        self._trainer, self._advice, self._device = trainer, advice, trainer.device
        self._here = scope(trainer.device)
        self.watch = DeviceWatch(self._device)
        self.norms: dict[str, Array] = {}
        """Norms of layers in this step, where the trainer measures them."""
        self.steps = DeviceSteps(
            self._function,
            self._device,
            vectors=self._vectors,
            constants=self._constants,
            abandon=self._abandon,
            graph=graph,
        )
        self._readings: Readings | None = None
        self._names: tuple[str, ...] = ()
        """Of the numbers of an outcome that this training has."""

    def step(self) -> Step:
        """Launch one step, or replay it, without waiting for it.

        Raises:
            NonFiniteError: for a step before, whose numbers have arrived by now.
        """
        trainer = self._trainer
        if self._readings is not None:
            self._readings.arrived()
            self._readings.overwritten()
        with self._here, memory_explained(self._device, "a training step", self._advice):
            report = self.steps.run()
            trainer.steps += 1
            if self._readings is None or self._readings.length != len(report):
                self.settle()
                self._readings = Readings(report, self.watch.failure)
            reading = self._readings.start(trainer.steps, report, list(self.norms), lasting=not self.steps.captured)
        return Step(trainer.steps, reading.outcome, reading, self._names)

    def settle(self) -> None:
        """Wait until all steps that were launched are done.

        Raises:
            NonFiniteError: in one of them something became NaN or infinite.
        """
        if self._readings is not None:
            self._readings.settle()

    def _function(self) -> list[Array]:
        """One step's numbers in the order in which they are read: outcome, norms, flag."""
        self.norms.clear()
        outcome = self._trainer.algorithm()
        self._names = outcome.names
        return [*(value for value in outcome if value is not None), *self.norms.values(), self.watch.flag]

    def _vectors(self) -> list[Vector]:
        gan = self._trainer.gan
        d, g, average = gan.discriminator, gan.generator, gan.average
        averaged = [] if average is None else [average.network.parameters]
        return [d.parameters, d.state, g.parameters, g.state, *averaged]

    def _constants(self) -> tuple[Any, ...]:
        """All that a captured step has taken for constant: every setting of the trainer and its optimisers, and where the
        numbers lie that they move."""
        t = self._trainer
        moments = (*t.d_optimizer.moments.values(), *t.g_optimizer.moments.values(), t.gan.average)
        own = [value for name, value in vars(t).items() if name != "steps"]
        if callable(t.clip_weights):
            own.append(at(t.clip_weights, t.d_optimizer.updates))
        return (*moments, *own, *t.d_optimizer.settings(), *t.g_optimizer.settings())

    def _abandon(self) -> None:
        """A capture was broken off: gradients that it began are not to be used."""
        for network in (self._trainer.gan.discriminator, self._trainer.gan.generator):
            network.gradient.spend()
