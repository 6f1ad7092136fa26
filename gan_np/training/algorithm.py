"""Algorithm 1 of Goodfellow et al. (2014): minibatch gradient descent for both players.

    for each step:
        k times:  draw m points z and m images x;  θ_D ← θ_D − update of  L_D = −V(D, G)
        draw m points z;                             θ_G ← θ_G − update of  L_G

Real and fake images pass D in separate batches (batch normalisation must not mix them). In D's step G runs forward
only and D computes no gradient for its input; in G's step D computes no gradients for its weights.

Where a penalty reads D's slope, D is computed in float32 also if a precision rounds products elsewhere: a slope is a small
difference of large numbers, and its square's derivative one more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from gan_np import kernels
from gan_np.arrays import Array, array_module, device_of, generator
from gan_np.averaging import Average
from gan_np.checks import integer
from gan_np.devices import CPU, memory_explained, scope
from gan_np.host import drawn
from gan_np.layers import ALL, INPUTS, NOTHING, PARAMETERS, Wrt
from gan_np.models import GAN
from gan_np.models.gan import joined
from gan_np.models.packing import pack, unpack
from gan_np.networks import Network, NetworkPullback
from gan_np.objectives import (
    DiscriminatorLoss,
    Loss,
    NonSaturating,
    Objective,
    SeparateObjective,
    check_complete,
    check_loss,
)
from gan_np.ops import accuracy, standard_normal
from gan_np.optimizers import Adam, Optimizer
from gan_np.penalties import PLACES, Penalty, check_different
from gan_np.ranks import ALONE, Ranks
from gan_np.schedules import Schedule, at, scheduled
from gan_np.vectors import Gradient, Layout

from .across_batch import require_whole_batch
from .agreement import facts_of, require_agreement
from .batches import Batches
from .finite import HostWatch, Watch
from .inputs import check_labels, check_source, prepare, warn_of_degenerate
from .interrupts import WholeStep
from .norms import layer_norms
from .on_device import DeviceTraining
from .penalty import penalise, penalties_of, require_linearisable
from .sending import sending
from .sources import as_source
from .step import Outcome, Step

LEARNING_RATES = {"images": {"g": 2e-3, "d": 5e-4}, "vectors": {"g": 1e-3, "d": 1e-3}}
"""Of Adam for either player where none is given.

On vectors a G that learns faster than D soon draws one point for every z: of eight Gaussians on a circle none was found with
the rates of images, all eight with these (`mlp`, 3,000 steps)."""


def learning_rate_for(data_shape: tuple[int, ...], player: str) -> float:
    """The learning rate of a player, "g" or "d", where none is given: one for images, one for vectors."""
    return LEARNING_RATES["vectors" if len(data_shape) == 1 else "images"][player]


@contextlib.contextmanager
def _forgetting(gradient: Gradient) -> Iterator[None]:
    """If the update inside fails, forget what it added to the player's gradient, so that the next one starts anew."""
    try:
        yield
    except BaseException:
        gradient.spend()
        raise


class Trainer:
    """Both players, their optimisers, the data and the noise; `step()` is one step of Algorithm 1.

    gan: the players; `gan.average` is set if `average_decay` is above 0.
    images: real images (N, H, W, C) of the gan's shape, uint8 or floats from 0 to 1; or vectors (N, m) of floats; or other
        data of these (`as_source`). It keeps them as `source`.
    labels: integers (N,), for a conditional gan; a generated batch has the labels of a real one.
    class_names: what label k is called, at position k; the gan keeps it with the labels and their frequencies.
    objective: what the players minimise; non-saturating by default.
    d_optimizer, g_optimizer: one each; by default Adam with β₁ = 0.5, for images Adam(5e-4) and Adam(2e-3), for vectors
        Adam(1e-3) both.
    d_steps: k, the updates of D for one of G.
    share_noise: G learns from the fake batch of D's last update instead of a fresh one: one forward of G less.
    average_decay: of the moving average of θ_G; 0 keeps none.
    clip_weights, instance_noise and the penalties' weights may be schedules over D's updates, average_decay over G's.
    flip: mirror each real image with probability one half.
    standardise: show both players vectors with each column at mean 0 and deviation 1; samples come in the data's units. A
        gan that was trained before keeps its mean and deviation.
    penalties: what is added to L_D for D's slope (`gan_np.penalties`).
    clip_weights: every weight of D is cut to ± this after each update (for the Wasserstein objective).
    instance_noise: deviation of Gaussian noise added to all that D sees.
    seed: of data order, noise, dropout, flips and instance noise (independent streams).
    check_finite: stop with `NonFiniteError` at the first loss, gradient or weight that is NaN or infinite (on a GPU some
        steps later, nothing having been updated since).
    graph: on a GPU, capture the step as a CUDA graph after a few, where that can be done; `graph_reason` says why not.
    ranks: the processes that train this model together (`gan_np.distributed`): each of N has B/N examples of a batch of B,
        gradients are added up, and all make the same updates.
    sync_batch_norm: of several ranks, whether batch normalisation takes its statistics over the whole batch, as one process
        does; without, each takes those of its own examples, running statistics are the mean over the ranks, and the result
        depends on how many there are.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=4, width=4)
    >>> trainer = gn.training.Trainer(gan, images, batch_size=8)
    >>> trainer.step().number
    1
    """

    def __init__(
        self,
        gan: GAN,
        images: Array | Any,
        labels: Array | None = None,
        *,
        class_names: Sequence[str] | None = None,
        objective: Objective | None = None,
        d_optimizer: Optimizer | None = None,
        g_optimizer: Optimizer | None = None,
        batch_size: int = 32,
        d_steps: int = 1,
        share_noise: bool = False,
        average_decay: float | Schedule = 0.998,
        flip: bool = False,
        standardise: bool = True,
        penalties: Sequence[Penalty] | Penalty = (),
        clip_weights: float | Schedule | None = None,
        instance_noise: float | Schedule = 0.0,
        seed: int = 0,
        check_finite: bool = True,
        graph: bool = True,
        ranks: Ranks = ALONE,
        sync_batch_norm: bool = True,
    ) -> None:
        source = as_source(images, gan, labels=labels)
        check_source(source, gan)
        if gan.generator.device != gan.discriminator.device:
            raise ValueError(
                f"gan: the generator lies on {gan.generator.device}, the discriminator on {gan.discriminator.device}; "
                "both must be on one device"
            )
        if flip and len(gan.data_shape) != 3:
            raise ValueError("flip: only images have a left and a right, these are vectors")
        self.gan, self.source = gan, source
        source.teach(gan, standardise=standardise)
        known = source.labels is not None or source.kind == "array"
        self.labels = check_labels(source.labels, source.count if known else None, gan, class_names)
        prepare(gan, source, self.labels)
        self.objective = check_complete(objective or NonSaturating())
        self.d_optimizer = d_optimizer or Adam(learning_rate_for(gan.data_shape, "d"))
        self.g_optimizer = g_optimizer or Adam(learning_rate_for(gan.data_shape, "g"))
        if self.d_optimizer is self.g_optimizer:
            raise ValueError("g_optimizer: is also d_optimizer; each player needs its own (moments belong to one θ)")
        self.batch_size = integer("batch_size", batch_size, 2)
        warn_of_degenerate(source, self.batch_size * gan.packing, standardised=standardise)
        ranks = ranks.on_device(gan.generator.device)
        self.ranks = ranks.with_batch_norm(sync_batch_norm)
        self._share = share_of(self.batch_size, ranks)
        self.d_steps = integer("d_steps", d_steps, 1)
        self.share_noise = share_noise
        scheduled("average_decay", average_decay, 0.0, 1.0)
        if average_decay and gan.average is None:
            gan.average = Average(gan.generator, average_decay)
        self.order = source.order(self.batch_size * gan.packing, seed)
        if ranks.size > 1:
            self.order.part = ranks.rows(self.batch_size * gan.packing)
        self.flip = flip
        self.penalties = tuple(check_different([_checked(penalty) for penalty in penalties_of(penalties)]))
        if self.penalties and isinstance(gan.discriminator_output_shape[0], tuple):
            raise ValueError(
                f"penalties: need a discriminator with one head, this one gives out {gan.discriminator_output_shape}"
            )
        if self.penalties:
            require_linearisable(gan)
        self.clip_weights = None if clip_weights is None else scheduled("clip_weights", clip_weights, above=0.0)
        self.instance_noise = scheduled("instance_noise", instance_noise, 0.0)
        self.noise, self.dropout, self.flips, self.blur, self.between = (
            ranks.drawing(generator(seed, 1 << 31, stream)) for stream in (1, 2, 3, 4, 5)
        )
        self.check_finite = check_finite
        self.norms: dict[str, float] | None = None
        self.steps = 0
        self._last: tuple[Array, Array | None] | None = None
        self.device = gan.generator.device
        if ranks.size > 1:
            require_agreement(ranks, facts_of(gan, source, self._settings(seed)))
            require_whole_batch(gan)
        advice = f"lower batch_size (it is {self.batch_size})"
        with scope(self.device), memory_explained(self.device, "the preparation of training", advice):
            flips = self.flips if flip else None
            self._batches = Batches(gan, source, self.labels, self.order, flips, self.d_steps)
            self._on_device = None if self.device == CPU else DeviceTraining(self, advice, graph and ranks.capturable)
        self._watch: Watch = HostWatch() if self._on_device is None else self._on_device.watch
        self._whole = WholeStep(self)

    def __repr__(self) -> str:
        return f"<Trainer after step {self.steps:,}, {self.objective!r}, {self.source.counted}>"

    @property
    def images(self) -> Array:
        """The real data, where they lie in one array.

        Raises:
            ValueError: they do not; `source.some(count, rng)` gives some of them.
        """
        if self.source.whole is None:
            raise ValueError(
                f"images: this trainer reads {self.source.counted} from a source, not from one array; "
                "source.some(count, rng) gives some of them"
            )
        return self.source.whole

    def step(self) -> Step:
        """One step: k updates of D, one of G. On a GPU it is launched, and the host does not wait for it.

        Raises:
            NonFiniteError: with `check_finite`; on a GPU for a step before.
            KeyboardInterrupt: Ctrl-C; in a notebook after the step, so that a loop can go on.
        """
        with self._whole:
            if self._on_device is not None:
                return self._on_device.step()
            outcome = self.algorithm()
            self.steps += 1
            return Step(self.steps, outcome)

    def settle(self) -> None:
        """Wait until all steps that were launched are done; on the CPU they are.

        Raises:
            NonFiniteError: in one of them something became NaN or infinite.
        """
        if self._on_device is not None:
            self._on_device.settle()

    @property
    def reading(self) -> bool:
        """Whether it stands amid batches of its source; one that takes its first step, or was put at a checkpoint, is to
        begin with them."""
        return self._batches.resident or self._batches.reader.begun

    def stop_reading(self) -> None:
        """Let the thread end that reads batches ahead, where there is one; the next step begins another. Nothing is lost."""
        self._batches.reader.pause()

    @property
    def graph_reason(self) -> str | None:
        """Why steps are not a CUDA graph; None on a GPU where they are or will be."""
        if self._on_device is None:
            return "training runs on the CPU"
        return self._on_device.steps.reason

    @property
    def captured(self) -> bool:
        """Whether steps are replays of a CUDA graph."""
        return self._on_device is not None and self._on_device.steps.captured

    def algorithm(self) -> Outcome:
        """The step itself, on any device and without counting it; `step` is what a user wants."""
        for update in range(self.d_steps):
            last = update == self.d_steps - 1
            real, context = self._batches.next()
            self._make_room()
            z, fake, g_pullback = self._generate(context, keep=self.share_noise and last)
            with _forgetting(self.gan.discriminator.gradient):
                d_loss, real_accuracy, fake_accuracy = self._update_discriminator(real, fake, context, z)
        shown = real if self.objective.needs_real else None
        del real  # G's step may do without
        self._make_room()
        if not self.share_noise:
            z, fake, g_pullback = self._generate(context, keep=True)
        with _forgetting(self.gan.generator.gradient):
            g_loss, auxiliary = self._update_generator(shown, fake, context, z, g_pullback)
        return Outcome(d_loss, g_loss, real_accuracy, fake_accuracy, auxiliary)

    def update_discriminator(self) -> Array:
        """One update of D alone on its next batch; L_D before it, 0-d.

        k of these and one `update_generator` are a step, bit for bit: for who lets the players move by turns. The steps are
        counted by G's updates.

        Raises:
            ValueError: on a GPU, where a step is launched whole. NonFiniteError: with `check_finite`.
        """
        self._require_turns()
        real, context = self._last = self._batches.next()
        self._make_room()
        z, fake, _ = self._generate(context, keep=False)
        with _forgetting(self.gan.discriminator.gradient):
            loss, _, _ = self._update_discriminator(real, fake, context, z)
        return loss

    def update_generator(self) -> Array:
        """One update of G alone; L_G before it, 0-d. Labels, and what an objective compares with, are those of the batch
        of the last `update_discriminator`; before the first, of a batch of its own.

        Raises:
            ValueError: on a GPU, or with `share_noise`. NonFiniteError: with `check_finite`.
        """
        self._require_turns()
        if self.share_noise:
            raise ValueError("share_noise: G learns from the batch of D's update, so it has no update of its own")
        real, context = self._last = self._last or self._batches.next()
        self._make_room()
        z, fake, g_pullback = self._generate(context, keep=True)
        with _forgetting(self.gan.generator.gradient):
            loss, _ = self._update_generator(real, fake, context, z, g_pullback)
        self.steps += 1
        return loss

    def _require_turns(self) -> None:
        if self._on_device is not None:
            raise ValueError(f"device: the players move by turns on the CPU only, this training runs on {self.device}")

    def _make_room(self) -> None:
        """Let go of the gradients that were used, before a player's activations need memory: both together are never needed.

        On a GPU they stay where they are, since a captured step has their addresses.
        """
        if self.device == CPU:
            for network in (self.gan.discriminator, self.gan.generator):
                network.gradient.release()

    def _generate(self, context: Array | None, *, keep: bool) -> tuple[Array, Array, Callable[..., Any]]:
        """Fresh noise, the batch made of it, and G's pullback.

        Statistics of G move only with the batch that G learns from.
        """
        g = self.gan.generator
        z = self.gan.prior.draw(self.noise, self._share * self.gan.packing, g.dtype, g.device)
        wrt = PARAMETERS if keep else NOTHING
        fake, pullback = g.forward(
            joined(z, context), training=True, update_state=keep, wrt=wrt, rng=self.dropout, ranks=self.ranks
        )
        if not keep and self.device == CPU:
            g.variables.forget()  # prepared weights, while D learns; to prepare them once more costs less than their memory
        return z, fake, pullback

    def _update_discriminator(
        self, real: Array, fake: Array, context: Array | None, z: Array
    ) -> tuple[Array, Array | None, Array | None]:
        d, objective = self.gan.discriminator, self.objective
        seen = {"real": self._seen(real), "fake": self._seen(fake)}
        last = {penalty.where: number for number, penalty in enumerate(self.penalties)}
        apart = self._apart(last)
        pullbacks, scores, heads, parts = {}, {}, {}, {}
        for place, images in seen.items():
            penalised = place in last
            with kernels.cuda.unrounded() if penalised else contextlib.nullcontext():
                output, pullback = d.forward(
                    joined(images, context),
                    training=True,
                    update_state=True,
                    wrt=ALL if penalised else PARAMETERS,
                    rng=self.dropout,
                    updates=self._d_updates,
                    ranks=self.ranks,
                )
            scores[place], heads[place] = self.gan.heads(output)
            if apart is not None:
                part = parts[place] = apart.part(place, scores[place])
                if place == "real":
                    pullback(_heads(part.gradient, heads[place], None), inputs=False)
                    continue
            pullbacks[place] = pullback
        whole_real, whole_fake = self.ranks.all_gather(scores["real"], scores["fake"], what="scores")
        if apart is None:
            found = objective.discriminator(whole_real, whole_fake)
            check_loss(objective, "discriminator", found, real=whole_real, generated=whole_fake)
        else:
            of_real, of_fake = parts["real"], parts["fake"]
            found = DiscriminatorLoss(of_real.value + of_fake.value, of_real.gradient, of_fake.gradient)
        loss, own = found.value, self.ranks.own
        other = self._auxiliary(heads["fake"], z)
        gradients = {"real": own(found.real_gradient), "fake": own(found.fake_gradient)}
        for number, penalty in enumerate(self.penalties):
            if (place := penalty.where) != "between":
                gradient = gradients[place] if number == last[place] else None
                loss = loss + self._penalise(pullbacks[place], scores[place], penalty, context, gradient)
        if "real" in pullbacks and "real" not in last:
            pullbacks.pop("real")(_heads(gradients["real"], heads["real"], None), inputs=False)
        with self._sending("D", d, not self.penalties) as finish:
            if "fake" not in last:
                pullbacks["fake"](_heads(gradients["fake"], heads["fake"], other), inputs=False)
        for penalty in self.penalties:
            if penalty.where == "between":
                between = self._mixed(seen["real"], seen["fake"])
                with kernels.cuda.unrounded():
                    output, pullback = d.forward(
                        joined(between, context),
                        training=True,
                        wrt=ALL,
                        rng=self.dropout,
                        updates=self._d_updates,
                        ranks=self.ranks,
                    )
                loss = loss + self._penalise(pullback, output, penalty, context)
        self._check_loss("D", loss)
        accuracies: tuple[Array | None, Array | None] = None, None
        if objective.boundary is not None:
            accuracies = (
                accuracy(whole_real, 1, objective.boundary),
                accuracy(whole_fake, -1, objective.boundary),
            )
        updates = self.d_optimizer.updates
        self._update("D", d, self.d_optimizer, finish)
        if self.clip_weights is not None:
            limit = at(self.clip_weights, updates)
            with d.parameters.edit() as theta:
                array_module(theta).clip(theta, -limit, limit, out=theta)
        return loss, *accuracies

    def _apart(self, penalised: Collection[str]) -> SeparateObjective | None:
        """The objective, where D can go backward through the real batch before it goes forward through the generated one.

        Then what it keeps for one batch alone is in memory. The numbers are the same: the gradient of each batch's scores
        does not depend on the other's, and all else comes in the same order.
        """
        objective = self.objective
        if self.ranks.size > 1 or not {"real", "fake"}.isdisjoint(penalised):
            return None
        if not isinstance(objective, SeparateObjective):
            return None
        return objective if type(objective).discriminator is SeparateObjective.discriminator else None

    def _d_updates(self) -> int:
        """How many updates D has had, for its layers that follow a schedule."""
        return self.d_optimizer.updates

    def _penalise(
        self,
        pullback: NetworkPullback,
        logits: Array,
        penalty: Penalty,
        context: Array | None,
        gradient: Array | None = None,
    ) -> Array:
        """The value of a penalty; its gradient, and that of the loss if it is given, is added to D's."""
        weight: Any = at(penalty.weight, self.d_optimizer.updates)
        if callable(penalty.weight) and self.device != CPU:
            weight = drawn(lambda: np.array(at(penalty.weight, self.d_optimizer.updates)), self.device)
        return penalise(pullback, logits, penalty, weight, context, self.ranks, gradient=gradient)

    def _mixed(self, real: Array, fake: Array) -> Array:
        """Points ε·real + (1 − ε)·fake, one ε ~ U(0, 1) for each pair."""
        count, dtype = len(real), real.dtype
        sizes = count, *(1,) * (real.ndim - 1)
        share = drawn(lambda: self.between.random(sizes).astype(dtype), device_of(real))
        mixed: Array = fake + share * (real - fake)
        return mixed

    def _seen(self, images: Array) -> Array:
        """Images as D is shown them: packed, with instance noise."""
        packed = pack(images, self.gan.packing)
        if not self.instance_noise:
            return packed
        device, dtype = device_of(packed), packed.dtype
        if device == CPU and not at(self.instance_noise, self.d_optimizer.updates):
            return packed
        deviation = drawn(lambda: np.array(at(self.instance_noise, self.d_optimizer.updates), dtype), device)
        seen: Array = packed + deviation * standard_normal(self.blur, packed.shape, dtype, device)
        return seen

    def _update_generator(
        self, real: Array | None, fake: Array, context: Array | None, z: Array, g_pullback: Callable[..., Any]
    ) -> tuple[Array, Array | None]:
        g, d = self.gan.generator, self.gan.discriminator
        wrt = INPUTS if context is None else Wrt((True, False), parameters=False)
        run: Any = {"training": True, "rng": self.dropout, "updates": self._d_updates, "ranks": self.ranks}
        output, d_pullback = d.forward(joined(self._seen(fake), context), wrt=wrt, **run)
        logits, head_output = self.gan.heads(output)
        whole_logits: tuple[Array, Array | None]
        if real is not None and self.objective.needs_real:
            of_real, _ = d.forward(joined(self._seen(real), context), wrt=NOTHING, **run)
            real_logits, _ = self.gan.heads(of_real)
            whole, whole_real = self.ranks.all_gather(logits, real_logits, what="scores")
            whole_logits = whole, whole_real
        else:
            (whole,) = self.ranks.all_gather(logits, what="scores")
            whole_logits = whole, None
        loss = check_loss(self.objective, "generator", self.objective.generator(*whole_logits), generated=whole)
        other = self._auxiliary(head_output, z)
        self._check_loss("G", loss.value)
        gradient = d_pullback(_heads(self.ranks.own(loss.gradient), head_output, other))
        with self._sending("G", g) as finish:
            g_pullback(unpack(gradient if context is None else gradient[0], self.gan.packing), over=True)
        self._update("G", g, self.g_optimizer, finish)
        if self.gan.average is not None:
            self.gan.average.update(skip=self._watch.skip)
        return loss.value, None if other is None else other.value

    def _auxiliary(self, head_output: Array | None, z: Array) -> Loss | None:
        """What both players minimise beside the game, of the whole batch; its gradient for this rank's heads."""
        if head_output is None or self.ranks.size == 1:
            return self.gan.auxiliary(head_output, z)
        found = self.gan.auxiliary(*self.ranks.all_gather(head_output, z, what="scores"))
        return None if found is None else Loss(found.value, self.ranks.own(found.gradient))

    def _sending(
        self, player: str, network: Network, last: bool = True
    ) -> contextlib.AbstractContextManager[Callable[[], None] | None]:
        """Around the last backward pass of an update: of several ranks its gradient is sent while it is made.

        last: whether it is known to be the last one; else nothing is sent before all is there.
        """
        if self.ranks.size == 1:
            return contextlib.nullcontext()
        if last:
            return sending(network, self.ranks, f"gradient of {player}")
        return contextlib.nullcontext(lambda: self.ranks.all_reduce(network.gradient.values, f"gradient of {player}"))

    def _update(self, player: str, network: Network, optimizer: Optimizer, finish: Callable[[], None] | None) -> None:
        """One update, its gradient checked before, and its weights checked after.

        finish: of several ranks, waits until the gradient is added up over all of them.
        """
        if finish is not None:
            finish()
            self._average_state(player, network)
        self._check("gradient", player, network.parameters.layout, network.gradient.values)
        if self.norms is not None:
            self._measure(player, "gradient", network.parameters.layout, network.gradient.values)
        optimizer.step(network.parameters, network.gradient, skip=self._watch.skip)
        self._check("weights", player, network.parameters.layout, network.parameters.values)
        if self.norms is not None:
            self._measure(player, "weights", network.parameters.layout, network.parameters.values)

    def _average_state(self, player: str, network: Network) -> None:
        """Running statistics that each rank took of its own examples become their mean."""
        if self.ranks.whole_batch_norm or not len(network.state):
            return
        with network.state.edit() as state:
            self.ranks.all_reduce(state, f"state of {player}")
            state /= state.dtype.type(self.ranks.size)

    def _settings(self, seed: int) -> dict[str, Any]:
        """All that the numbers of a training depend on beside its data and weights, as text, for ranks to compare."""
        own = {name: repr(getattr(self, name)) for name in _COMPARED}
        return own | {"seed": seed, "gan": repr(self.gan.arguments()), "packing": self.gan.packing}

    def _measure(self, player: str, what: str, layout: Layout, values: Array) -> None:
        assert self.norms is not None
        found = layer_norms(player, what, layout, values)
        if self._on_device is None:
            self.norms |= {name: float(norm) for name, norm in found.items()}
        else:
            self._on_device.norms |= found

    def _check(self, what: str, player: str, layout: Layout, values: Array) -> None:
        if self.check_finite:
            self._watch.vector(what, player, layout, values, self.steps + 1)

    def _check_loss(self, player: str, value: Array) -> None:
        if self.check_finite:
            self._watch.loss(player, value, self.steps + 1)


_COMPARED = (
    *("objective", "d_optimizer", "g_optimizer", "batch_size", "d_steps", "share_noise", "flip", "penalties"),
    *("clip_weights", "instance_noise", "check_finite"),
)


def share_of(batch_size: int, ranks: Ranks) -> int:
    """How many examples of a batch each rank has.

    Raises:
        ValueError: they do not divide evenly.
    """
    if batch_size % ranks.size:
        near = -(-batch_size // ranks.size) * ranks.size
        raise ValueError(
            f"batch_size: {batch_size} examples cannot be divided among {ranks.size} ranks evenly; expected a multiple of "
            f"{ranks.size}, such as {near}"
        )
    return batch_size // ranks.size


def _checked(penalty: Penalty) -> Penalty:
    if getattr(penalty, "where", None) not in PLACES:
        raise ValueError(f"penalties: {penalty!r}.where: expected one of {', '.join(PLACES)}")
    scheduled("penalties: weight", penalty.weight, 0.0)
    return penalty


def _heads(logits: Array, head_output: Array | None, other: Loss | None) -> Any:
    """The gradient of D's output: that of its logits; with other heads a tuple, None for a head that receives none."""
    return logits if head_output is None else (logits, None if other is None else other.gradient)
