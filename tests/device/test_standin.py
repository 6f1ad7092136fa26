"""The stand-in refuses what CuPy refuses, and has nothing that CuPy has not."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
from standin import install
from standin.world import HostSynchronisation


@pytest.fixture
def cupy(standin):
    return standin.module


class TestArrays:
    def test_new_memory_is_nan(self, cupy):
        assert np.isnan(cupy.empty((3, 2), np.float32).get()).all()
        assert (cupy.empty(3, np.int32).get() == -1).all()

    @pytest.mark.parametrize("convert", [np.asarray, np.array, np.copy, lambda a: np.stack([a, a])])
    def test_nothing_is_converted_implicitly(self, cupy, convert):
        with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
            convert(cupy.ones(3))

    def test_the_two_libraries_do_not_mix(self, cupy):
        mine, theirs = cupy.ones(3), np.ones(3)
        for mix in (lambda: mine + theirs, lambda: theirs + mine, lambda: cupy.maximum(mine, theirs)):
            with pytest.raises(TypeError):
                mix()
        with pytest.raises(ValueError, match=r"non-scalar numpy\.ndarray cannot be used for fill"):
            mine[...] = theirs
        with pytest.raises(TypeError, match="Output arguments type"):
            cupy.exp(mine, out=theirs)
        assert ((np.float32(2) * mine).get() == 2).all()  # scalars may

    def test_in_place_results_keep_their_dtype(self, cupy):
        array = cupy.ones(3, np.float32)
        array *= 2.0
        with pytest.raises(TypeError, match="same_kind"):
            cupy.arange(3).__imul__(cupy.ones(3))
        assert array.dtype == np.float32

    def test_indices_go_round(self, cupy):
        array = cupy.arange(4)
        assert array[cupy.asarray(np.array([5, -1]))].get().tolist() == [1, 3]

    def test_flags_have_no_writeable(self, cupy):
        with pytest.raises(AttributeError):
            cupy.ones(2).flags.writeable  # noqa: B018

    def test_writes_beside_a_block_are_reported(self, monkeypatch):
        def overrun(grid, block, arguments, shared):
            np.lib.stride_tricks.as_strided(arguments[0], (5,))[4] = 0

        world = install(monkeypatch, raw_kernels={"overrun": overrun})
        array = world.module.zeros(4, np.float32)
        world.module.RawKernel("", "overrun")((1,), (1,), (array,))
        assert world.damage == []
        del array
        assert world.damage == ["a kernel wrote outside a block of 16 bytes"]


class TestSynchronisation:
    @pytest.mark.parametrize(
        "wait",
        [
            lambda cupy, a: a.get(), lambda cupy, a: cupy.asnumpy(a), lambda cupy, a: a[0].item(),
            lambda cupy, a: float(a[0]), lambda cupy, a: bool(a[0]), lambda cupy, a: int(a[0]),
            lambda cupy, a: a[a > 0], lambda cupy, a: a.get(out=np.empty(3), blocking=False),
            lambda cupy, a: cupy.cuda.Device().synchronize(), lambda cupy, a: cupy.cuda.get_current_stream().synchronize(),
        ],
    )  # fmt: skip
    def test_waits_are_counted_and_can_be_forbidden(self, wait, standin):
        array = standin.module.ones(3)
        before = len(standin.synchronisations)
        wait(standin.module, array)
        assert len(standin.synchronisations) == before + 1
        with standin.no_synchronisation(), pytest.raises(HostSynchronisation):
            wait(standin.module, array)

    def test_work_does_not_wait(self, standin):
        cupy = standin.module
        with standin.no_synchronisation():
            a = cupy.asarray(np.ones((3, 3)))
            (a @ a + 1).sum(axis=0)[cupy.arange(2)] *= 2

    def test_a_late_copy_is_not_there_before_its_event(self, standin):
        cupy = standin.module
        slot = np.frombuffer(cupy.cuda.alloc_pinned_memory(24), np.float64)
        array, event = cupy.ones(3), cupy.cuda.Event()
        array.get(out=slot, blocking=False)
        event.record()
        array *= 5  # behind the copy
        assert not event.done
        assert np.isnan(slot).all()
        event.synchronize()
        assert event.done
        assert slot.tolist() == [1, 1, 1]

    def test_events_are_done_in_time_without_anybody_waiting(self, standin):
        cupy = standin.module
        events = [cupy.cuda.Event() for _ in range(6)]
        with standin.no_synchronisation():
            for event in events:
                event.record()
        assert [event.done for event in events] == [True, True, True, False, False, False]

    def test_pinned_memory_must_stay_until_it_was_copied(self, standin):
        cupy = standin.module
        slot = np.frombuffer(cupy.cuda.alloc_pinned_memory(24), np.float64)
        slot[:] = 1
        cupy.zeros(3).set(slot)
        slot[:] = 2
        with pytest.raises(AssertionError, match="pinned memory was written to before the copy from it was done"):
            cupy.cuda.Device().synchronize()


class TestCapture:
    @pytest.fixture
    def stream(self, cupy):
        return cupy.cuda.Stream(non_blocking=True)

    def test_nothing_is_done_until_the_launch(self, cupy, stream):
        a = cupy.ones(3)
        with stream:
            stream.begin_capture()
            b = a * 2
            a += 1
            graph = stream.end_capture()
        assert a.get().tolist() == [1, 1, 1]
        assert np.isnan(b.get()).all()
        graph.launch()
        graph.launch()
        assert a.get().tolist() == [3, 3, 3]
        assert b.get().tolist() == [4, 4, 4]

    @pytest.mark.parametrize(
        ("forbidden", "error", "said"),
        [
            (lambda cupy, a: a @ a, NotImplementedError, "calling cuBLAS API during stream capture"),
            (lambda cupy, a: cupy.tensordot(a, a, axes=1), NotImplementedError, "cuBLAS"),
            (lambda cupy, a: a.get(), RuntimeError, "D2H transfers are disallowed"),
            (lambda cupy, a: cupy.asarray(np.ones(3)), RuntimeError, "H2D transfers are disallowed"),
            (lambda cupy, a: cupy.cuda.Device().synchronize(), RuntimeError, "capturing"),
            (lambda cupy, a: a[np.array([1])], RuntimeError, "H2D"),
            (lambda cupy, a: a[a > 0], RuntimeError, "capturing"),
        ],
    )
    def test_what_is_refused(self, forbidden, error, said, cupy, stream):
        a = cupy.ones((3, 3))
        with stream:
            stream.begin_capture()
            with pytest.raises(error, match=said):
                forbidden(cupy, a)
            stream.end_capture()

    def test_the_default_stream_cannot_capture(self, cupy):
        with pytest.raises(RuntimeError, match=r"cannot capture on the default \(legacy\) stream"):
            cupy.cuda.Stream.null.begin_capture()

    def test_memory_must_be_kept(self, cupy, stream):
        def capture(pool):
            with cupy.cuda.using_allocator(pool and pool.malloc), stream:
                stream.begin_capture()
                (cupy.ones(3) * 2).sum()
                return stream.end_capture()

        pool = cupy.cuda.MemoryPool()
        kept, lost = capture(pool), capture(None)
        kept.launch()
        with pytest.raises(AssertionError, match="memory that was given back"):
            lost.launch()


NAMES = """
import inspect, json, sys
import cupy
found = {}
for path in json.loads(sys.stdin.read()):
    target = cupy
    try:
        for part in path.split("."):
            target = getattr(target, part)
    except AttributeError:
        found[path] = None
        continue
    try:
        found[path] = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        found[path] = []
print(json.dumps([cupy.__version__, found]))
"""


def of_the_standin(world):
    """Every name that the stand-in has, and the parameters of its functions where they are written out."""
    names, module = {}, world.module
    for prefix, owner in (
        ("", module), ("cuda.", module.cuda), ("cuda.runtime.", module.cuda.runtime), ("linalg.", module.linalg),
        ("lib.stride_tricks.", module.lib.stride_tricks), ("ndarray.", module.ndarray), ("cuda.Event.", module.cuda.Event),
        ("cuda.Stream.", module.cuda.Stream), ("cuda.Graph.", module.cuda.Graph), ("cuda.Device.", module.cuda.Device),
        ("cuda.memory.", module.cuda.memory), ("cuda.compiler.", module.cuda.compiler),
        ("cuda.MemoryPool.", module.cuda.MemoryPool),
    ):  # fmt: skip
        for name, value in vars(owner).items():
            if not name.startswith("_") and not inspect.ismodule(value):
                written = inspect.isfunction(value) and value.__module__.endswith("functions")
                names[prefix + name] = list(inspect.signature(value).parameters) if written else []
    return names


OWN = {"cuda.Stream.pending", "cuda.Stream.mark", "cuda.Stream.delivered", "cuda.Stream.deliver"}
"""What the stand-in needs for itself."""


def test_every_name_is_cupys_too(standin):
    """Against the real package, which can be asked without a GPU."""
    if not _real_cupy():
        pytest.skip("CuPy is not installed: the stand-in's names cannot be compared with it")
    names = of_the_standin(standin)
    done = subprocess.run(
        [sys.executable, "-c", NAMES], input=json.dumps(list(names)), capture_output=True, text=True, check=True
    )
    _, found = json.loads(done.stdout)
    missing = [name for name, parameters in found.items() if parameters is None and name not in OWN]
    assert not missing
    for name, parameters in names.items():
        if found.get(name) and parameters and "arguments" not in parameters:
            unknown = [p for p in parameters if p not in found[name]]
            assert not unknown, f"{name}: {unknown} are not among CuPy's {found[name]}"


def _real_cupy():
    done = subprocess.run([sys.executable, "-c", "import cupy"], capture_output=True, check=False)
    return done.returncode == 0
