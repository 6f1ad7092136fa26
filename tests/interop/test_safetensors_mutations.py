"""Weights in .safetensors files that a disk, an editor or an enemy changed: loaded, or refused in one line; never half."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import gan_np as gn
from gan_np.interop import load_torch

PIECES = (b"9" * 12, b"[" * 3000, b"null", b"-1", b"1e999", b"\0", b"\xff\xfe", b"F16", b"BF16", b"{}")


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, flipped, overwritten, or with something put in; most of it in the header."""
    found = bytearray(data)
    header = 8 + int.from_bytes(data[:8], "little")
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, header if rng.random() < 0.8 else max(len(found), 1)))
        kind = int(rng.integers(0, 4))
        if kind == 0:
            del found[at:]
        elif kind == 1 and found:
            found[min(at, len(found) - 1)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            found[at : at + 8] = rng.bytes(8)
        else:
            piece = PIECES[int(rng.integers(0, len(PIECES)))]
            found[at : at + len(piece)] = piece
    return bytes(found)


def test_loaded_or_refused_in_one_line(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """`--campaign N` for N times as many."""
    rng, refused = np.random.default_rng(8), 0
    network = gn.Network(gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Dense(2)), (3,), seed=0)
    weights = {
        "0.weight": rng.standard_normal((4, 3)), "0.bias": np.zeros(4), "1.weight": np.ones(4), "1.bias": np.zeros(4),
        "1.running_mean": np.zeros(4), "1.running_var": np.ones(4), "2.weight": np.ones((2, 4)), "2.bias": np.zeros(2),
    }  # fmt: skip
    data = save({name: array.astype(np.float32) for name, array in weights.items()})
    victim = tmp_path / "victim.safetensors"
    victim.write_bytes(data)
    load_torch(network, victim)
    total = 300 * (request.config.getoption("--campaign") or 1)
    for _ in range(total):
        victim.write_bytes(changed(data, rng))
        before = network.parameters.values.copy(), network.state.values.copy()
        try:
            load_torch(network, victim)
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
            assert len(str(error)) < 2000  # noqa: PT017
            np.testing.assert_array_equal(network.parameters.values, before[0])
            np.testing.assert_array_equal(network.state.values, before[1])
    assert refused > 0.6 * total
