"""All that a long run needs to go on after it was stopped, in one file beside its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gan_np as gn
from gan_np.arrays import Array, to_device, to_host
from gan_np.data.sampler import Shuffler
from gan_np.files import write_atomically
from gan_np.optimizers import Optimizer
from gan_np.runs.checkpoint import generator_state, restore_generator

KEY = "run"


@dataclass
class Savepoint:
    """Vectors of both networks, moments of both optimisers, where data order and noise have got to.

    file: None keeps nothing. networks, optimizers: of the same names. extra: what the run itself remembers, as JSON.
    """

    file: Path | None
    networks: Mapping[str, gn.Network]
    optimizers: Mapping[str, Optimizer]
    generators: Mapping[str, np.random.Generator]
    order: Shuffler

    def save(self, update: int, extra: Mapping[str, Any]) -> None:
        """Written whole or not at all."""
        if self.file is None:
            return
        from safetensors.numpy import save as serialise

        tensors: dict[str, Array] = {}
        for name, network in self.networks.items():
            tensors[f"{name}.parameters"], tensors[f"{name}.state"] = network.parameters.values, network.state.values
            tensors |= {f"{name}.moment.{moment}": value for moment, value in self.optimizers[name].moments.items()}
        description = {
            "update": update,
            "updates": {name: optimizer.updates for name, optimizer in self.optimizers.items()},
            "generators": {name: generator_state(rng) for name, rng in self.generators.items()},
            "position": self.order.position,
            "extra": extra,
        }
        held = {name: np.ascontiguousarray(to_host(value)) for name, value in tensors.items()}
        write_atomically(self.file, serialise(held, {KEY: json.dumps(description)}))

    def restore(self) -> tuple[int, dict[str, Any]]:
        """Updates made and what the run remembered; (0, {}) where nothing was saved."""
        if self.file is None or not self.file.exists():
            return 0, {}
        from safetensors import safe_open

        with safe_open(self.file, framework="numpy") as opened:
            description = json.loads(opened.metadata()[KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        for name, network in self.networks.items():
            network.parameters.assign(to_device(tensors[f"{name}.parameters"], network.device))
            network.state.assign(to_device(tensors[f"{name}.state"], network.device))
            prefix = f"{name}.moment."
            moments = {
                key.removeprefix(prefix): to_device(value, network.device)
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
            self.optimizers[name].restore(description["updates"][name], moments)
        for name, rng in self.generators.items():
            restore_generator(rng, description["generators"][name])
        self.order.seek(description["position"])
        return description["update"], description["extra"]

    @classmethod
    def of_trainer(cls, file: Path | None, trainer: gn.training.Trainer) -> Savepoint:
        """For the library's own training loop without flips and instance noise."""
        gan = trainer.gan
        return cls(
            file,
            {"g": gan.generator, "d": gan.discriminator},
            {"g": trainer.g_optimizer, "d": trainer.d_optimizer},
            {"noise": trainer.noise, "dropout": trainer.dropout},
            trainer.order,
        )
