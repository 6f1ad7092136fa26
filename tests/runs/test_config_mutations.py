"""Mutated configuration files: a configuration, or a clear error, and never anything else."""

from pathlib import Path

import numpy as np
import pytest
import tomli_w

from gan_np.cli.flags import resolve
from gan_np.runs import Config

ODD = [
    None,
    -1,
    0,
    1,
    2**70,
    -1e308,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "adam",
    [],
    [1],
    {},
    {"a": 1},
    True,
    "../..",
]


def test_mutated_values(request: pytest.FixtureRequest) -> None:
    rng = np.random.default_rng(0)
    good, refused = Config().to_mapping(), 0
    for _ in range(2000 * (request.config.getoption("--campaign") or 1)):
        changed = dict(good)
        for _ in range(int(rng.integers(1, 3))):
            name = str(rng.choice(list(good)))
            if rng.random() < 0.2:
                changed[name[: int(rng.integers(0, len(name)))]] = changed.pop(name, None)
            else:
                changed[name] = ODD[int(rng.integers(0, len(ODD)))]
        try:
            config = Config.from_mapping(changed)
        except (ValueError, TypeError) as error:
            refused += 1
            message = str(error)
        else:
            message = ""
            assert Config.from_mapping(config.to_mapping()) == config
        assert len(message) < 2000
    assert refused > 500


def test_mutated_files(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rng = np.random.default_rng(1)
    good, file, refused = tomli_w.dumps(Config().to_mapping()).encode(), tmp_path / "victim.toml", 0
    for _ in range(500 * (request.config.getoption("--campaign") or 1)):
        data = bytearray(good)
        for _ in range(int(rng.integers(1, 4))):
            at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 9))
            kind = rng.integers(0, 4)
            if kind == 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            elif kind == 1:
                del data[at : at + size]
            elif kind == 2:
                data[at:at] = rng.bytes(size)
            else:
                data[at:at] = b"[" * 1000 * size
        file.write_bytes(bytes(data))
        try:
            resolve(file, {})
        except (ValueError, TypeError):
            refused += 1
    assert refused > 250
