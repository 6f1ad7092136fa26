"""Whole runs on a pretended GPU: folders, logs, checkpoints that go anywhere, the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from test_training_on_a_device import agree, trainer_of
from typer.testing import CliRunner

import gan_np as gn
from gan_np import kernels
from gan_np.arrays import to_host
from gan_np.cli import app
from gan_np.cuda_graph import readings
from gan_np.runs import checkpoint
from gan_np.training import NonFiniteError

QUIET = {"sample_every": 0, "checkpoint_every": 0, "animation": False, "progress": False, "sample_count": 4}
SMALL = {"steps": 6, "batch_size": 8, **QUIET}

reference = pytest.mark.usefixtures("reference_products")


def small_gan(device, seed=0):
    return gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4, device=device, seed=seed)


def without_cupy(code):
    """What Python prints where there is no CuPy."""
    hidden = "import sys; sys.modules['cupy'] = None; import numpy as np, gan_np as gn;"
    done = subprocess.run([sys.executable, "-c", hidden + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@reference
def test_the_log_is_the_cpus(standin, images, tmp_path):
    logs = []
    for device in ("cpu", "cuda"):
        out = tmp_path / device
        gn.train(small_gan(device), images, out=out, device=device, graph=False, log_norms=True, **SMALL)
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        logs.append([{name: value for name, value in line.items() if name != "seconds"} for line in lines])
    assert [line["step"] for line in logs[1]] == [1, 2, 3, 4, 5, 6]
    assert any(name.startswith("G/gradient/") for name in logs[0][0])
    for one, other in zip(*logs, strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose(list(other.values()), list(one.values()), rtol=1e-4)


def test_between_logging_points_nobody_waits(capturing, images, tmp_path):
    """Ten steps with a line of the log for each; the host waits at the start and at the end alone."""
    waits = []
    gn.train(
        small_gan("cuda"),
        images,
        out=tmp_path / "run",
        device="cuda",
        callbacks=[lambda trainer, step: waits.append(len(capturing.synchronisations))],
        **{**SMALL, "steps": 12},
    )
    # The last step is a logging point: its callback comes after it was written.
    assert len(set(waits[:-1])) == 1
    assert len(capturing.synchronisations) > waits[0]
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 12


def test_a_wait_would_be_seen(capturing, images):
    waits = []

    def look(trainer, step):
        float(step.d_loss)
        waits.append(len(capturing.synchronisations))

    gn.train(small_gan("cuda"), images, device="cuda", callbacks=[look], steps=6, batch_size=8, progress=False)
    assert len(set(waits)) == 6


@reference
class TestCheckpoints:
    def test_from_a_gpu_to_a_machine_without_cupy(self, standin, images, tmp_path):
        gan = small_gan("cuda")
        gn.train(gan, images, out=tmp_path / "run", device="cuda", graph=False, **SMALL)
        np.save(tmp_path / "expected.npy", gan.sample(6, seed=2))
        code = (
            f"gan = gn.runs.load_gan({str(tmp_path / 'run')!r});"
            f"print((gan.sample(6, seed=2) == np.load({str(tmp_path / 'expected.npy')!r})).mean())"
        )
        # Other kernels there: a byte may be rounded the other way.
        assert float(without_cupy(code)) > 0.999

    def test_resumed_elsewhere_and_back(self, standin, images, tmp_path):
        """cuda → cpu → cuda gives what the CPU alone does."""
        run = tmp_path / "run"
        gn.train(small_gan("cuda"), images, out=run, device="cuda", graph=False, **SMALL)
        for steps, device in ((12, "cpu"), (18, "cuda")):
            last = gn.runs.resume(run, images=images, steps=steps, device=device, progress=False)
        assert last.device == "cuda:0"
        straight = gn.train(small_gan("cpu"), images, **{**SMALL, "steps": 18})
        agree(last, straight, 1e-4)
        assert last.noise.bit_generator.state["state"]["counter"].tolist() == (
            straight.noise.bit_generator.state["state"]["counter"].tolist()
        )


def test_a_resumed_captured_training_is_the_uninterrupted_one(capturing, images, tmp_path):
    straight = trainer_of("dcgan", "cuda", images, 24)
    for _ in range(12):
        straight.step()
    path = checkpoint.save(tmp_path / "middle.safetensors", straight.gan, straight)
    again = trainer_of("dcgan", "cuda", images, 24)
    for _ in range(9):
        again.step()  # captured by now; then it is put elsewhere
    checkpoint.restore(again, path)
    for _ in range(12):
        straight.step()
        again.step()
    assert straight.captured
    assert again.captured
    agree(again, straight, 0.0)


class TestNotFinite:
    @pytest.mark.parametrize("graph", [True, False])
    def test_updates_stop_at_once_and_the_host_hears_of_it(self, graph, capturing, images):
        trainer = trainer_of("dcgan", "cuda", images, 60, graph=graph)
        for _ in range(8):
            trainer.step()
        with trainer.gan.discriminator.parameters.edit() as theta:
            theta[3] = np.nan
        before = [to_host(v.values) for v in (trainer.gan.generator.parameters, trainer.gan.average.network.parameters)]
        moments = {name: to_host(moment) for name, moment in trainer.g_optimizer.moments.items()}

        def go_on():
            for _ in range(readings.SLOTS + 2):
                trainer.step()

        with pytest.raises(NonFiniteError, match="step 9: the loss of D has values that are NaN or infinite"):
            go_on()
        assert 9 < trainer.steps <= 9 + readings.SLOTS
        after = [to_host(v.values) for v in (trainer.gan.generator.parameters, trainer.gan.average.network.parameters)]
        np.testing.assert_array_equal(after, before)
        for name, moment in trainer.g_optimizer.moments.items():
            np.testing.assert_array_equal(to_host(moment), moments[name])

    def test_without_the_check_updates_go_on(self, capturing, images):
        """The negative control: it is the flag that stops them."""
        trainer = trainer_of("dcgan", "cuda", images, 60)
        trainer.check_finite = False
        for _ in range(8):
            trainer.step()
        with trainer.gan.discriminator.parameters.edit() as theta:
            theta[3] = np.nan
        for _ in range(4):
            trainer.step()
        trainer.settle()
        assert np.isnan(to_host(trainer.gan.generator.parameters.values)).all()

    def test_a_run_ends_before_a_checkpoint_of_it(self, capturing, images, tmp_path):
        def spoil(trainer, step):
            if step.number == 5:
                with trainer.gan.generator.parameters.edit() as theta:
                    theta[0] = np.inf

        settings = {**SMALL, "steps": 40, "checkpoint_every": 4}
        with pytest.raises(NonFiniteError, match="step 6: ") as error:
            gn.train(small_gan("cuda"), images, out=tmp_path / "run", device="cuda", callbacks=[spoil], **settings)
        assert "step-000004" in error.value.__notes__[0]
        assert [path.stem for path in checkpoint.all_of(tmp_path / "run")] == ["step-000004"]
        steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
        assert steps == [1, 2, 3, 4, 5]


@reference
class TestCommandLine:
    def invoke(self, *arguments):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exception is None, done.exception
        return done

    def test_train_and_sample_on_a_gpu(self, standin, images, tmp_path):
        np.save(tmp_path / "tiny.npy", images)
        out, grids = tmp_path / "run", []
        self.invoke(
            "train", "--data", tmp_path / "tiny.npy", "--out", out, "--device", "cuda", "--no-graph", "--quiet",
            "--steps", 3, "--width", 2, "--latent-dim", 4, "--batch-size", 8, "--sample-count", 4, "--no-animation",
        )  # fmt: skip
        settings = (out / "config.toml").read_text()
        assert 'device = "cuda"' in settings
        assert 'precision = "float32"' in settings
        assert "graph = false" in settings
        for device in ("cpu", "cuda"):
            grids.append(tmp_path / f"{device}.png")
            self.invoke("sample", out, "--count", 4, "--out", grids[-1], "--device", device)
        assert grids[0].read_bytes() == grids[1].read_bytes()
        self.invoke("train", "--resume", out, "--steps", 5, "--device", "cpu", "--quiet")
        assert len((out / "log.jsonl").read_text().splitlines()) == 5


class TestPrecision:
    def test_the_cpu_refuses(self):
        with pytest.raises(ValueError, match="precision: 'tf32' is that of a GPU's tensor cores; on the CPU"):
            gn.runs.Config(precision="tf32")
        with pytest.raises(ValueError, match="computed in float32, also where it has instructions for bf16"):
            gn.runs.Config(precision="bf16")
        with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bf16, got 'tf23'"):
            gn.runs.Config(precision="tf23", device="cuda")

    def test_a_kernel_of_that_name_is_used_and_no_other(self, standin, images):
        class Counted(type(kernels.entry("dense", "reference").implementation)):
            calls = 0

            def forward(self, x, weight):
                Counted.calls += 1
                return super().forward(x, weight)

        added = []
        for operation, implementation in (("dense", Counted), ("conv2d", kernels.reference.Conv2dIm2col)):
            if "cuda_tf32" not in [entry.name for entry in kernels.entries(operation)]:
                kernels.register_kernel(operation, "cuda_tf32", implementation, features=kernels.FEATURES)
                added.append(operation)
        if "dense" not in added:
            pytest.skip("the table has a kernel of its own for tf32")
        try:
            gn.train(
                small_gan("cuda"), images, steps=2, batch_size=8, progress=False, device="cuda", precision="tf32",
                graph=False,
            )  # fmt: skip
            assert Counted.calls > 0
        finally:
            for operation in added:
                kernels.unregister_kernel(operation, "cuda_tf32")
