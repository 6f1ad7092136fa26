"""Algorithm 1 in PyTorch as its users write it for speed: the opponent of `gan_np.training.Trainer.step`.

D is frozen in G's step, gradients are set to None, real and fake images pass D in separate batches, batch normalisation
is in training mode. (Its running statistics move at every forward, ours only where they should: no number compared
depends on that, and the time is PyTorch's own way.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import gan_np as gn
from gan_np.arrays import Array, to_host
from gan_np.data.images import RANGES
from gan_np.optimizers import Optimizer

from .torch_layers import Translation
from .torch_modes import autocast


class Variant(NamedTuple):
    """One way of running it."""

    order: torch.memory_format
    adam: str
    """"foreach" or "fused"."""
    images: bool = True
    """Whether there are convolutions, to which memory order matters."""
    device: str = "cpu"
    precision: str = "float32"
    """"float32", "tf32" or "bf16" (autocast); what holds for the whole process is in `torch_modes.computing`."""
    compiled: str | None = None
    """How both players are compiled: "max-autotune" (with CUDA graphs); "eager" traces them and compiles nothing."""

    @property
    def name(self) -> str:
        """Return the name of the variant in tables."""
        layout = " channels_last" if self.order == torch.channels_last else " NCHW"
        autocast_to = ", autocast" if self.precision == "bf16" else ""
        compiled = f", compiled ({self.compiled})" if self.compiled else ""
        return f"torch{layout if self.images else ''}, {self.adam} Adam{autocast_to}{compiled}"


def variants(gan: gn.GAN) -> list[Variant]:
    """All that may be the fastest."""
    images = _has_images(gan)
    orders = [torch.contiguous_format, *([torch.channels_last] if images else [])]
    return [Variant(order, adam, images) for order in orders for adam in ("foreach", "fused")]


def variants_on_gpu(gan: gn.GAN, precision: str, device: str, modes: Sequence[str | None]) -> list[Variant]:
    """The ways in which PyTorch is fast on a GPU: as written (None), and compiled in these modes."""
    images = _has_images(gan)
    order = torch.channels_last if images else torch.contiguous_format
    return [Variant(order, "fused", images, device, precision, compiled) for compiled in modes]


def _has_images(gan: gn.GAN) -> bool:
    structure = gan.discriminator.structure
    return isinstance(structure, gn.Sequential) and any(isinstance(layer, gn.Conv2d) for layer in structure.layers)


class Draws(NamedTuple):
    """What one step consumes: real images as floats, z for D's step and for G's (None: the same)."""

    real: torch.Tensor
    d_noise: torch.Tensor
    g_noise: torch.Tensor | None


class TorchGAN:
    """The players of `trainer` with the same weights, its data, its Adam, its choices.

    trainer: a fresh `gn.training.Trainer` with Adam on both sides and one update of D a step; it is read and not kept,
        so that where memory is measured ours can go.
    """

    def __init__(self, trainer: gn.training.Trainer, variant: Variant) -> None:
        gan, order = trainer.gan, variant.order
        self.variant = variant
        self.batch_size, self.share_noise, self.latent_dim = trainer.batch_size, trainer.share_noise, gan.prior.dim
        self.range = RANGES[gan.pixel_range]
        self.dtype = torch.float64 if gan.generator.dtype == np.float64 else torch.float32
        self.generator, self.discriminator = (
            Translation(network, order, rows=not variant.images) for network in (gan.generator, gan.discriminator)
        )
        for module in (self.generator.module, self.discriminator.module):
            module.train().to(variant.device)
        self.g, self.d = (self._compiled(players.module) for players in (self.generator, self.discriminator))
        self.g_optimizer = _adam(self.generator.module, trainer.g_optimizer, variant.adam)
        self.d_optimizer = _adam(self.discriminator.module, trainer.d_optimizer, variant.adam)
        self.relativistic = isinstance(trainer.objective, gn.objectives.Relativistic)
        self.gammas = {penalty.where: _gamma(penalty) for penalty in trainer.penalties}
        self.decay = None if gan.average is None else gan.average.decay
        self.average = [] if self.decay is None else [p.detach().clone() for p in self.generator.module.parameters()]
        self.updates = 0
        self.images = self._laid_out(trainer.images)
        self.random = torch.Generator(variant.device).manual_seed(0)
        self.order_of_images = torch.empty(0, dtype=torch.int64, device=variant.device)

    def draw(self) -> Draws:
        """Images in random order, each once an epoch, and fresh noise."""
        size = self.batch_size
        while len(self.order_of_images) < size:
            epoch = torch.randperm(len(self.images), generator=self.random, device=self.variant.device)
            self.order_of_images = torch.cat([self.order_of_images, epoch])
        chosen, self.order_of_images = self.order_of_images[:size], self.order_of_images[size:]
        d_noise = self._noise()
        return Draws(self._floats(self.images[chosen]), d_noise, None if self.share_noise else self._noise())

    def given(self, images: Array, d_noise: Array, g_noise: Array | None = None) -> Draws:
        """The same from float images (N, H, W, C) and noise drawn elsewhere."""
        d_tensor, g_tensor = (
            None if noise is None else torch.from_numpy(noise).to(self.variant.device) for noise in (d_noise, g_noise)
        )
        assert d_tensor is not None
        return Draws(self._laid_out(images), d_tensor, g_tensor)

    def step(self, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
        """One update of D and one of G; both losses."""
        if self.variant.compiled:
            torch.compiler.cudagraph_mark_step_begin()  # what graphs gave out in the step before may be overwritten
        self.d_optimizer.zero_grad(set_to_none=True)
        d_loss, fake = self._discriminator_loss(draws)
        d_loss.backward()  # type: ignore[no-untyped-call]
        self.d_optimizer.step()

        _freeze(self.discriminator.module, True)
        self.g_optimizer.zero_grad(set_to_none=True)
        g_loss = self._generator_loss(draws, fake)
        g_loss.backward()  # type: ignore[no-untyped-call]
        self.g_optimizer.step()
        _freeze(self.discriminator.module, False)
        if self.decay is not None:
            self._update_average()
        return d_loss.detach(), g_loss.detach()

    def _discriminator_loss(self, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
        """D's loss, and the fake batch, through which G learns if it has no noise of its own."""
        with autocast(self.variant.precision, self.variant.device):
            if draws.g_noise is None:
                fake = self.g(draws.d_noise)
            else:
                with torch.no_grad():
                    fake = self.g(draws.d_noise)
            if not self.gammas and not self.relativistic:
                real_loss = _softplus(-self.d(draws.real))
                return real_loss + _softplus(self.d(fake.detach())), fake
        real_scores, of_real = self._with_penalty("real", draws.real)
        fake_scores, of_fake = self._with_penalty("fake", fake.detach())
        if self.relativistic:
            return _softplus(fake_scores - real_scores) + of_real + of_fake, fake
        return _softplus(-real_scores) + _softplus(fake_scores) + of_real + of_fake, fake

    def _with_penalty(self, place: str, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | float]:
        """Scores, and γ/2·E‖∇D‖² of them, differentiable once more."""
        gamma = self.gammas.get(place)
        if gamma is None:
            return self.d(images), 0.0
        images = images.detach().requires_grad_()
        scores = self.d(images)
        (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        return scores, gamma / 2 * slope.square().sum() / len(slope)

    def _generator_loss(self, draws: Draws, fake: torch.Tensor) -> torch.Tensor:
        with autocast(self.variant.precision, self.variant.device):
            if draws.g_noise is not None:
                fake = self.g(draws.g_noise)
            if self.relativistic:
                with torch.no_grad():
                    real_scores = self.d(draws.real)
                return _softplus(real_scores - self.d(fake))
            return _softplus(-self.d(fake))

    def set_epsilon(self, epsilon: float) -> None:
        """Adam's ε for both players."""
        for optimizer in (self.d_optimizer, self.g_optimizer):
            for group in optimizer.param_groups:
                group["eps"] = epsilon

    def theta(self) -> tuple[Array, Array]:
        """θ_D and θ_G in our layout."""
        return self.discriminator.read(lambda p: p), self.generator.read(lambda p: p)

    def first_moments(self) -> tuple[Array, Array]:
        """Adam's first moments in our layout: after one step, the gradients times 1 − β₁."""
        return (
            self.discriminator.read(lambda p: self.d_optimizer.state[p]["exp_avg"]),
            self.generator.read(lambda p: self.g_optimizer.state[p]["exp_avg"]),
        )

    def _compiled(self, module: nn.Module) -> Any:
        """What is called: the module, or its compiled form, which shares its parameters."""
        kind = self.variant.compiled
        if kind is None:
            return module
        return torch.compile(module, backend="eager") if kind == "eager" else torch.compile(module, mode=kind)

    def _noise(self) -> torch.Tensor:
        size, device = (self.batch_size, self.latent_dim), self.variant.device
        return torch.randn(size, generator=self.random, dtype=self.dtype, device=device)

    def _laid_out(self, images: Array) -> torch.Tensor:
        """Images (N, H, W, C) as this variant holds them; rows where there are only dense layers."""
        tensor = torch.from_numpy(to_host(images)).to(self.variant.device)
        if not self.variant.images:
            return tensor.flatten(1)
        return tensor.permute(0, 3, 1, 2).contiguous(memory_format=self.variant.order)

    def _floats(self, batch: torch.Tensor) -> torch.Tensor:
        low, high = self.range
        floats = batch.to(self.dtype).mul_((high - low) / 255)
        return floats.add_(low) if low else floats

    def _update_average(self) -> None:
        assert self.decay is not None
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.generator.module.parameters()), 1 - decay)
        self.updates += 1


def _adam(module: nn.Module, ours: Optimizer, kind: str) -> torch.optim.Adam:
    """The same Adam as ours."""
    if not isinstance(ours, gn.Adam) or callable(ours.learning_rate) or ours.weight_decay or ours.clip_norm:
        raise TypeError(f"optimiser: expected Adam with a fixed rate, no decay and no clipping, got {ours!r}")
    betas = (ours.beta1, ours.beta2)
    chosen: dict[str, Any] = {kind: True}
    return torch.optim.Adam(module.parameters(), lr=ours.learning_rate, betas=betas, eps=ours.epsilon, **chosen)


def _gamma(penalty: gn.penalties.Penalty) -> float:
    """The weight of R1 or R2."""
    if not isinstance(penalty, gn.penalties.R1 | gn.penalties.R2) or callable(penalty.weight):
        raise TypeError(f"penalties: expected R1 or R2 with a fixed weight, got {penalty!r}")
    return float(penalty.weight)


def _softplus(logits: torch.Tensor) -> torch.Tensor:
    """The mean of softplus; of bf16 logits computed in float32, as autocast does not see to."""
    wide = logits.float() if logits.dtype == torch.bfloat16 else logits
    return functional.softplus(wide).mean()


def _freeze(module: nn.Module, frozen: bool) -> None:
    for parameter in module.parameters():
        parameter.requires_grad_(not frozen)
