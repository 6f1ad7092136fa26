"""`python -m benchmarks gpu_step`, tried on the stand-in for CuPy. Its times mean nothing."""

import shutil

import numpy as np
import pytest

SMALL = ["--quick", "--repeats", "1", "--pretend", "--width", "4", "--latent-dim", "4", "--batch-size", "4"]
DIGITS = [*SMALL, "--preset", "mnist", "--image-shape", "8,8,1"]
POINTS = [*SMALL, "--preset", "points"]
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++: the CUDA sources cannot be run")


@needs_compiler
def test_it_measures_gan_np_alone(measured, tmp_path):
    image = tmp_path / "step.png"
    code, result, printed = measured("gpu_step", *DIGITS, "--peer", "none", "--precision", "tf32", "--plot", str(image))
    assert code == 0
    (run,) = result["runs"]
    assert [row["candidate"] for row in run["rows"]] == ["gan_np, graph", "gan_np, launch by launch"]
    assert run["graph_reason"] is None
    assert run["captured_and_launched_have_the_same_bits"]
    assert all(row["milliseconds"]["median"] > 0 and row["host_microseconds"]["median"] > 0 for row in run["rows"])
    assert run["launches"]["ours"] > 30
    assert run["launches"]["copies"] == 7  # image numbers, two noises, and two numbers of either Adam
    peaks = run["peaks"]
    by_rate = run["work"]["operations"] / peaks["peak_gflops"] / 1e6
    by_bytes = run["work"]["bytes"] / peaks["bandwidth_gbs"] / 1e6
    assert run["floor_milliseconds"] == pytest.approx(max(by_rate, by_bytes))
    assert result["machine"]["gpu"]["name"] == "stand-in"
    assert "PyTorch was not asked for" in printed
    assert image.read_bytes().startswith(b"\x89PNG")


@needs_compiler
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_step_of_pytorch_gives_the_same_numbers(measured, precision):
    pytest.importorskip("torch")
    code, result, printed = measured("gpu_step", *POINTS, "--precision", precision, "--no-compile")
    assert code == 0
    assert "DISAGREES" not in printed
    exact, rounded = result["runs"][0]["agreements"]
    assert (exact["dtype"], rounded["dtype"]) == ("float64", precision)
    assert exact["gradients"] < 1e-12
    assert (rounded["gradients"] > 1e-4) == (precision == "bf16")  # both sides did round, or neither
    assert result["runs"][0]["rows"][2]["fastest_peer"]


@needs_compiler
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # PyTorch's own, while it traces
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
def test_compiled_players_are_a_candidate(measured):
    pytest.importorskip("torch")
    code, result, _ = measured("gpu_step", *DIGITS, "--precision", "float32")
    assert code == 0
    names = [row["candidate"] for row in result["runs"][0]["rows"]]
    assert names[2:] == ["torch channels_last, fused Adam", "torch channels_last, fused Adam, compiled (eager)"]


@needs_compiler
def test_a_step_that_differs_ends_with_1(measured, monkeypatch):
    pytest.importorskip("torch")
    from benchmarks.peers.torch_gan import TorchGAN

    given = TorchGAN.given
    monkeypatch.setattr(TorchGAN, "given", lambda self, real, *noise: given(self, real[::-1].copy() * 0.5, *noise))
    code, _, printed = measured("gpu_step", *POINTS, "--precision", "float32", "--no-compile")
    assert code == 1
    assert "DISAGREES in float64" in printed


@needs_compiler
def test_a_replay_that_differs_ends_with_1(measured, monkeypatch):
    """Replays after the first are given no new noise."""
    from gan_np.cuda_graph.tape import Tape

    again, done = Tape.again, set()
    monkeypatch.setattr(Tape, "again", lambda self: self in done or done.add(self) or again(self))
    code, result, printed = measured("gpu_step", *POINTS, "--precision", "float32", "--peer", "none")
    assert code == 1
    assert not result["runs"][0]["captured_and_launched_have_the_same_bits"]
    assert "DO NOT HAVE the same bits" in printed


@needs_compiler
def test_a_driver_that_does_not_tell_leaves_the_graph_alone(monkeypatch):
    from benchmarks import setups
    from benchmarks.gpu import launches, pretended
    from benchmarks.gpu import step as gpu_step

    def refuses(stream):
        raise RuntimeError("no")

    with pretended.on_stand_in(idle=True) as where:
        trainer = gpu_step._trainer(setups.GPU_PRESETS["points"], where, graph=True)
        with pytest.raises(RuntimeError, match="launches cannot be counted: no"):
            launches.count(trainer, refuses)
        assert trainer.captured


@needs_compiler
def test_it_is_a_stage_of_the_report(tmp_path):
    from benchmarks.gpu import stages

    settings = stages.Settings("cuda", tmp_path, quick=True, pretend=True, limit=600)
    (tmp_path / "step-points.json").write_text("of a run before", encoding="utf-8")
    result = stages.STAGES["step-points"].run(settings)
    assert result["state"] == "passed", result
    assert result["summary"].startswith("points float32 ")
    assert (tmp_path / "step-points.png").exists()


def test_traffic_of_a_step_by_hand():
    """One block at one size: what three convolutions do in the fifteen passes of a step, and what moves without them."""
    from benchmarks import setups
    from benchmarks.gpu import pretended, traffic
    from benchmarks.kernel_work import direct_operations
    from gan_np.kernels.cases import convolution_geometry

    setup = setups.Setup("r3gan", (8, 8, 3), 4, 16, 4)
    with pretended.on_stand_in(idle=True) as where:
        trainer = setups.make_trainer(setup, np.dtype(np.float32), device=where.device, graph=False)
        groups = {group.name: group for group in traffic.of_step(trainer)}
    blocks = [
        direct_operations(
            convolution_geometry(
                4, (side, side, 2 * channels), 2 * channels, (3, 3), (1, 1), (1, 1), 2 * channels // 16
            )
        )
        for side, channels in ((8, 16), (4, 32))
    ]
    grouped = groups["grouped convolution"]
    assert grouped.operations == {"float32": 15 * sum(blocks)}
    assert grouped.seconds == pytest.approx(
        max(grouped.bytes / traffic.BANDWIDTH, 15 * sum(blocks) / traffic.RATES["float32"])
    )
    # 15 passes, each of which touches two images of 2·C channels and the weights
    arrays = sum(2 * 4 * side**2 * 2 * channels + 9 * 16 * 2 * channels for side, channels in ((8, 16), (4, 32)))
    assert 15 * 4 * arrays <= grouped.bytes  # and partial results of weight gradients
    parameters = sum(len(network.parameters) for network in (trainer.gan.generator, trainer.gan.discriminator))
    assert groups["updates"].bytes == pytest.approx(7 * 4 * parameters, rel=1e-3)  # and a few single numbers
    assert traffic.total(list(groups.values())).bytes == sum(group.bytes for group in groups.values())
    table = traffic.lines(list(groups.values()))
    assert len(table) == len(groups) + 3


def test_launches_are_counted_at_any_size(capsys):
    from benchmarks.gpu.step import main

    options = ["--pretend", "--launches", "--preset", "points", "--precision", "tf32"]
    assert main(options) == 0
    small = capsys.readouterr().out
    assert "points, tf32" in small
    assert "stand-in" in small


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    from benchmarks.gpu.step import main

    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    assert main([]) == 2
    assert "needs CuPy" in capsys.readouterr().out


def test_pytorch_without_a_gpu_is_left_out(monkeypatch):
    torch = pytest.importorskip("torch")
    import argparse

    from benchmarks.gpu import pretended
    from benchmarks.gpu.step import _no_peer

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no GPU" in _no_peer(pretended.on_gpu("cuda"), argparse.Namespace(peer="torch"))


def test_the_host_s_time_ends_with_the_calls_and_the_device_s_with_the_device(monkeypatch):
    """A device that takes a second of a pretended clock for each step, and calls that take a millisecond."""
    import types

    from benchmarks.gpu import step as gpu_step

    clock = types.SimpleNamespace(now=0.0, queue=0.0)

    def synchronize():
        clock.now, clock.queue = clock.now + clock.queue, 0.0

    def step():
        clock.now += 1e-3
        clock.queue += 1.0

    cuda = types.SimpleNamespace(Device=lambda: types.SimpleNamespace(synchronize=synchronize))
    monkeypatch.setitem(__import__("sys").modules, "cupy", types.SimpleNamespace(cuda=cuda))
    device, host = gpu_step.timed({"a": step}, 3, 1e9, 0.0, clock=lambda: clock.now)
    assert device["a"].seconds == pytest.approx([1.001] * 3)
    assert host["a"].seconds == pytest.approx([1e-3] * 3)


def test_the_driver_is_asked_for_the_nodes_of_a_capture(monkeypatch):
    import ctypes
    import types

    from benchmarks.gpu import launches

    class Driver:
        error = 0

        def cuStreamGetCaptureInfo_v2(self, stream, status, number, graph, dependencies, count):
            assert stream.value == 77
            graph._obj.value = 5
            return self.error

        def cuGraphGetNodes(self, graph, nodes, count):
            assert graph.value == 5
            assert nodes is None
            count._obj.value = 123
            return 0

    driver = Driver()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    stream = types.SimpleNamespace(ptr=77)
    assert launches.graph_nodes(stream) == 123
    driver.error = 401
    with pytest.raises(RuntimeError, match="cuStreamGetCaptureInfo_v2: the driver gave error 401"):
        launches.graph_nodes(stream)


class TestFloors:
    """Counted by hand for a network small enough."""

    def test_dcgan64_agrees_with_the_design(self):
        """146 GFLOP at batch 64 with the fake batch shared, as counted before."""
        from benchmarks import floors, setups

        gan = setups.make_gan(setups.PRESETS["dcgan64"], np.dtype(np.float32))
        assert floors.total(floors.of_step(gan, 64, share_noise=True)).operations / 1e9 == pytest.approx(146, abs=0.5)
        layer = next(layer for layer in floors.of_step(gan, 128) if layer.name.startswith("convolution 64→128"))
        assert layer.forward.operations == 2 * 128 * 16 * 16 * 4 * 4 * 64 * 128
        assert layer.forward.bytes == 4 * (128 * 32 * 32 * 64 + 4 * 4 * 64 * 128 + 128 * 16 * 16 * 128)
        assert layer.times == (3, 3, 2)

    def test_points_by_hand(self):
        from benchmarks import floors
        from benchmarks.points import points_gan

        gan = points_gan((1, 1, 2), 3, 5, np.dtype(np.float32))
        found = floors.total(floors.of_step(gan, 7))
        d_products = (2 * 5 * 6, 5 * 5 * 8, 5 * 1 * 8)
        g_products = (3 * 5 * 3, 5 * 5 * 4, 5 * 2 * 4)  # 2 forward, weights, and input gradients but for the first
        assert found.operations == 2 * 7 * (sum(d_products) + sum(g_products))
        product = [
            (7 * i + i * o + 7 * o) * n
            for i, o, n in ((2, 5, 6), (5, 5, 8), (5, 1, 8), (3, 5, 3), (5, 5, 4), (5, 2, 4))
        ]
        pointwise = 3 * 7 * 5 * 2 * 3 + 3 * 7 * 5 * 2 * 1  # two hidden layers of D three times, of G once
        weights = (2 * 5 + 5) + (5 * 5 + 5) + (5 + 1) + (3 * 5 + 5) + (5 * 5 + 5) + (5 * 2 + 2)
        assert found.bytes == 4 * (sum(product) + pointwise + 7 * weights)

    @pytest.mark.parametrize(("activation", "arrays"), [(None, 5), ("relu", 5), ("leaky_relu", 5), ("tanh", 7)])
    def test_batch_normalisation_by_hand(self, activation, arrays):
        """Both gradients need dy and x twice; y is read where the sign of what is activated says too little."""
        import gan_np as gn
        from benchmarks import floors
        from gan_np.models.prior import Prior

        d = gn.Network(gn.Sequential(gn.Flatten(), gn.BatchNorm(activation=activation), gn.Dense(1)), (1, 1, 2))
        g = gn.Network(gn.Sequential(gn.Dense(2), gn.Reshape(1, 1, 2)), (3,))
        (layer,) = (
            layer for layer in floors.of_step(gn.GAN(g, d, Prior(3), "-1..1"), 4) if layer.name == "batch normalisation"
        )
        assert (layer.forward.bytes, layer.input_gradient.bytes) == (3 * 4 * 4 * 2, arrays * 4 * 4 * 2)

    def test_an_unknown_layer_is_refused(self):
        import gan_np as gn
        from benchmarks import floors
        from gan_np.models.prior import Prior

        d = gn.Network(gn.Sequential(gn.Flatten(), gn.LayerNorm(), gn.Dense(1)), (1, 1, 2))
        g = gn.Network(gn.Sequential(gn.Dense(2), gn.Reshape(1, 1, 2)), (3,))
        with pytest.raises(TypeError, match=r"layer 1 of D: the work of .*LayerNorm"):
            floors.of_step(gn.GAN(g, d, Prior(3), "-1..1"), 4)
