"""Kernels that come with the library: what they are compiled for, that they are used, and that they give the same bits."""

import hashlib
import inspect
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from test_without_numba import run

import gan_np as gn
from gan_np import kernels
from gan_np.kernels.cpu import cache as kept
from gan_np.kernels.cpu import target, warm
from gan_np.kernels.cpu.target import HOST, LEVELS, Target, choose

V3, V4 = (frozenset(LEVELS["x86_64"][f"x86-64-{level}"]) for level in ("v3", "v4"))
CHIP = Target("some-chip", "+its,-own")


class TestTheTarget:
    @pytest.mark.parametrize(
        ("has", "level"),
        [
            (V4 | {"amx-tile"}, "x86-64-v4"),
            (V4 - {"avx512vl"}, "x86-64-v3"),
            (V3, "x86-64-v3"),
            (V3 - {"fma", "avx2"}, "x86-64-v2"),
            (V3 - {"fma", "sse3"}, "x86-64"),
            (V3 - {"movbe"}, CHIP.name),  # fused multiply-adds are not to be left out
            (frozenset(), CHIP.name),
        ],
    )
    def test_the_best_level_that_the_processor_has_in_full(self, has, level):
        assert choose(None, (None, None), "x86_64", CHIP, has).name == level

    def test_other_architectures(self):
        assert choose(None, (None, None), "aarch64", CHIP, frozenset({"neon", "fp-armv8", "sve"})).name == "generic"
        assert choose(None, (None, None), "riscv64", CHIP, frozenset()) == CHIP

    def test_asked_for_and_pinned(self):
        assert choose("x86-64-v3", ("haswell", None), "x86_64", CHIP, V4).name == "x86-64-v3"
        assert choose("native", ("haswell", None), "x86_64", CHIP, V4) == CHIP
        assert choose("", ("haswell", "+fma"), "x86_64", CHIP, V4) == Target("haswell", "+fma")
        assert choose(None, (None, "+fma"), "x86_64", CHIP, V4) == Target("some-chip", "+fma")

    def test_bad_names(self):
        with pytest.raises(ValueError, match=r"GAN_NP_CPU: expected x86-64-v4, .*, native, got 'fastest'"):
            choose("fastest", (None, None), "x86_64", CHIP, V4)
        with pytest.raises(
            ValueError, match=r"GAN_NP_CPU: x86-64-v4 needs a processor with avx512bw.* some-chip has no"
        ):
            choose("x86-64-v4", (None, None), "x86_64", CHIP, V3)

    def test_llvm_knows_all_names_and_features(self):
        """It says so on standard error, and goes on, where it does not."""
        code = """
from llvmlite import binding
from gan_np.kernels.cpu.target import LEVELS, of_level
binding.initialize_all_targets()
for triple, levels in LEVELS.items():
    for level in levels:
        name, features = of_level(level, levels[level])
        binding.Target.from_triple(triple + "-unknown-linux-gnu").create_target_machine(cpu=name, features=features)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_what_users_compile_is_still_for_their_processor():
    code = """
import numba
from numba.core.registry import cpu_target
from gan_np.kernels.cpu import target
from gan_np.kernels.cpu.pool import _wait
assert _wait.targetctx.codegen().magic_tuple()[1:] == (target.NAME, target.FEATURES)
theirs = numba.njit(lambda x: x + 1)
assert theirs(1) == 2
assert theirs.targetctx is cpu_target.target_context
print(theirs.targetctx.codegen().magic_tuple()[1])
"""
    assert run(code, GAN_NP_WARM="0") == [HOST.name]


USED = """
import hashlib
from pathlib import Path
import numpy as np
from gan_np import kernels
from gan_np.kernels.cpu import cache
cache.SHIPPED = Path("{shipped}")
if {ship}:
    cache.ship_to(cache.SHIPPED)
x = np.random.default_rng(0).standard_normal(999).astype(np.float32)
y = kernels.entry("softplus", "numba").implementation.forward(x)
print(kernels.cpu.compilations(), hashlib.sha256(y.tobytes()).hexdigest(), cache.shipped() is not None)
"""


def softplus(shipped, cache, ship=False):
    # no other process and no worker compiles meanwhile
    alone = {"GAN_NP_WARM": "0", "GAN_NP_NUM_THREADS": "1", "GAN_NP_SHIPPED": "1", "GAN_NP_CACHE": str(cache)}
    count, digest, there = run(USED.format(shipped=shipped, ship=ship), **alone)[0].split()
    return int(count), digest, there == "True"


def test_shipped_kernels_are_read_and_give_the_bits_of_those_compiled_here(tmp_path, monkeypatch):
    shipped, cache = tmp_path / "shipped", tmp_path / "cache"
    count, bits, _ = softplus(shipped, cache, ship=True)
    assert count > 0
    (folder,) = shipped.iterdir()
    assert folder.name.startswith(f"{target.NAME}-{sys.implementation.cache_tag}-")
    assert len(list(folder.iterdir())) == count
    assert softplus(shipped, cache) == (0, bits, True)
    assert not cache.exists(), "nothing was asked of it"
    x = np.random.default_rng(0).standard_normal(999).astype(np.float32)
    here = kernels.entry("softplus", "numba").implementation.forward(x)
    assert hashlib.sha256(here.tobytes()).hexdigest() == bits

    name = min(path.name for path in folder.iterdir())
    assert kept._read_shipped(folder, name) is not None
    assert kept._read_shipped(folder, "other.nbc") is None
    (folder / "other.nbc").write_bytes((folder / name).read_bytes())
    assert kept._read_shipped(folder, "other.nbc") is None, "another's code"
    (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"?")
    assert kept._read_shipped(folder, name) is None, "damaged"

    older = folder.with_name(folder.name[:-4] + "----")
    other = folder.with_name("x86-64-v9" + folder.name[len(target.NAME) :])
    folder.rename(older)
    other.mkdir()
    monkeypatch.setattr(kept, "_ship_to", None)
    kept.ship_to(shipped)
    assert sorted(path.name for path in shipped.iterdir()) == sorted([folder.name, other.name])


def test_a_run_says_what_its_kernels_were_compiled_for(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    gan = gn.models.dcgan((8, 8, 1), 4, width=2)
    options = {"batch_size": 8, "sample_every": 0, "animation": False, "progress": False}
    gn.train(gan, images, out=tmp_path / "run", steps=1, **options)
    (session,) = json.loads((tmp_path / "run" / "run.json").read_text())["sessions"]
    assert session["machine"]["kernels"] == target.NAME
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gn.runs.resume(tmp_path / "run", images=images, steps=2, progress=False)
    monkeypatch.setattr(target, "NAME", "x86-64-v9")
    with pytest.warns(UserWarning, match="were compiled for .*, and go on compiled for x86-64-v9"):
        gn.runs.resume(tmp_path / "run", images=images, steps=3, progress=False)


def test_what_the_second_process_runs_has_the_kernels_signatures(monkeypatch):
    """It says nothing where it fails, since nobody listens: it only would not help."""
    real, ran = warm.implementation, []
    monkeypatch.setattr(warm, "implementation", lambda module, name: Checked(real(module, name), ran))
    for work in warm.backwards(np.dtype(np.float32)):
        work()
    assert set(ran) >= {"step", "forward", "backward", "derivative", "plan", "prepare_weight"}
    assert set(ran) >= {"to_weight", "to_small", "to_large", "weight_gradient", "input_gradient"}


class Checked:
    """An implementation, or a plan, whose methods are held to their signatures and not run."""

    def __init__(self, real, ran):
        self.real, self.ran = real, ran

    def __getattr__(self, method):
        def call(*given, **named):
            inspect.signature(getattr(self.real, method)).bind(*given, **named)
            self.ran.append(method)
            return Checked(self.real.plan(*given, **named), self.ran) if method == "plan" else None

        return call
