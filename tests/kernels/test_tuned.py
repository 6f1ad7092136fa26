"""A tuned choice: what runs, what comes before it, and files that are not one."""

import json
import threading

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels
from gan_np.kernels import Activation, Problem, RecordedProblem, Work
from gan_np.kernels.cases import convolution_geometry

FLOAT32 = np.dtype(np.float32)
GEOMETRY = convolution_geometry(3, (8, 6, 2), 4, (4, 4), (2, 2), (1, 1))
CONVOLUTION = Problem("cpu", FLOAT32, GEOMETRY.large_shape, GEOMETRY)
DENSE = Problem("cpu", FLOAT32, (5, 3))
CHOICES = {("conv2d", CONVOLUTION): "reference", ("dense", DENSE): "reference"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("GAN_NP_KERNELS", raising=False)


def name_of(operation="dense", problem=DENSE):
    return kernels.choose(operation, problem).name


def other(name):
    return "numba" if name == "reference" else "reference"


class TestUse:
    def test_only_the_problems_that_it_has(self):
        wide = DENSE._replace(shape=(6, 3))
        by_cost = name_of()
        with kernels.use_tuned({("dense", DENSE): other(by_cost)}):
            assert name_of() == other(by_cost)
            assert name_of(problem=wide) == by_cost
            assert name_of("adam") == by_cost
        assert name_of() == by_cost
        assert not kernels.tuned_choices()

    def test_a_trace_sees_what_runs(self, rng):
        x, w = rng.standard_normal((5, 3)).astype(np.float32), rng.standard_normal((3, 2)).astype(np.float32)
        for name in ("reference", "numba"):
            with kernels.profile() as total, kernels.use_tuned({("dense", DENSE): name}):
                gn.ops.dense(x, w)
            assert total.calls[Work("dense", name, "forward")] == 1
            assert Work("dense", other(name), "forward") not in total.calls

    def test_forced_names_come_before_it(self, monkeypatch):
        with kernels.use_tuned({("dense", DENSE): "reference"}):
            with kernels.use_kernels(dense="numba"):
                assert name_of() == "numba"
            monkeypatch.setenv("GAN_NP_KERNELS", "dense=numba")
            assert name_of() == "numba"
            monkeypatch.setenv("GAN_NP_KERNELS", "adam=reference")
            assert name_of() == "reference"

    def test_the_inner_one_counts_and_an_exception_restores(self):
        def fail():
            with kernels.use_tuned({("dense", DENSE): "numba"}):
                assert name_of() == "numba"
                raise KeyError

        with kernels.use_tuned({("dense", DENSE): "reference"}):
            with pytest.raises(KeyError):
                fail()
            assert name_of() == "reference"

    def test_a_copy_is_followed(self):
        choices = {("dense", DENSE): "reference"}
        with kernels.use_tuned(choices):
            choices["dense", DENSE] = "numba"
            assert name_of() == "reference"

    def test_other_threads_are_not_touched(self):
        found, by_cost = [], name_of()
        with kernels.use_tuned({("dense", DENSE): other(by_cost)}):
            thread = threading.Thread(target=lambda: found.append(name_of()))
            thread.start()
            thread.join(10)
        assert found == [by_cost]

    def test_a_kernel_that_is_not_there(self):
        with (
            pytest.raises(ValueError, match="'dense' has no kernel 'fastest'"),
            kernels.use_tuned({("dense", DENSE): "fastest"}),
        ):
            pytest.fail("entered")


class TestRecords:
    def test_there_and_back(self):
        records = json.loads(json.dumps(kernels.to_records(CHOICES)))
        assert kernels.from_records(records, "here") == CHOICES

    def test_groups_are_written_where_there_are_several_and_read_as_one_where_not_said(self):
        geometry = GEOMETRY._replace(groups=2)
        grouped = {("conv2d", CONVOLUTION._replace(geometry=geometry)): "reference"}
        records = json.loads(json.dumps(kernels.to_records(CHOICES | grouped)))
        assert [(record["geometry"] or {}).get("groups") for record in records] == [None, None, 2]
        assert kernels.from_records(records, "here") == CHOICES | grouped

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"kernel": "fastest"}, "'conv2d' has no kernel 'fastest'; it has reference"),
            ({"kernel": 3}, "kernel: expected a text, got 3"),
            ({"operation": "conv3d"}, "operation: expected one of dense, dense_layer, conv2d"),
            ({"operation": "dense"}, "geometry: expected for 'conv2d' and nothing else"),
            ({"device": "tpu"}, "device: expected 'cpu' or 'cuda'"),
            ({"dtype": "float16"}, "dtype: expected 'float32' or 'float64', got 'float16'"),
            ({"shape": [3, 8.5]}, "shape: expected integers of at least 0"),
            ({"shape": None}, "shape: expected integers"),
            ({"geometry": None}, "geometry: expected for 'conv2d'"),
            ({"geometry": {"batch": 3}}, "geometry: expected an object with batch, large"),
            ({"geometry": {"stride": [0, 2]}}, "stride: expected 2 integers of at least 1"),
            ({"geometry": {"groups": 0}}, "groups: expected 1 integers of at least 1"),
            ({"geometry": {"groups": 3}}, "groups: 2 and 4 channels do not divide into 3 groups"),
            ({"geometry": {"large": [8, True, 2]}}, "large: expected 3 integers of at least 1"),
            ({"kernel": "winograd"}, "kernel 'winograd' of 'conv2d' cannot do .* here: .*panels"),
            ({"device": "cuda", "kernel": "direct"}, "kernel 'direct' of 'conv2d' cannot do .* here"),
        ],
        ids=str,
    )
    def test_what_is_wrong_is_named(self, change, words):
        records = kernels.to_records(CHOICES)
        if (
            isinstance(change.get("geometry"), dict)
            and len(change["geometry"]) == 1
            and "batch" not in change["geometry"]
        ):
            change = {"geometry": records[0]["geometry"] | change["geometry"]}
        records.insert(0, records.pop(0) | change)
        with pytest.raises(ValueError, match=f"my file: choice 0.*{words}"):
            kernels.from_records(records, "my file")

    def test_two_kernels_for_one_problem(self):
        (record,) = kernels.to_records({("dense", DENSE): "reference"})
        assert len(kernels.from_records([record, record], "here")) == 1
        with pytest.raises(ValueError, match="choice 1: a second kernel, 'numba', for 'dense'"):
            kernels.from_records([record, record | {"kernel": "numba"}], "here")


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "tuned.json"
        path.write_text(kernels.tuned_text(kernels.to_records(CHOICES), {"cores": 2}), encoding="utf-8")
        return path

    def test_reading(self, file):
        assert kernels.read_tuned(file) == CHOICES

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("[]", "not made by gan-np tune"),
            ('{"machine": "numbers"}', "not made by gan-np tune"),
            ('{"format": "gan_np tuned kernels", "version": 2}', "has version 2, this library reads 1"),
            ('{"format": "gan_np tuned kernels", "version": 1}', "expected a list of choices, got None"),
            ('{"format": "gan_np tuned kernels", "version": 1, "choices": [7]}', "choice 0: expected an object, got 7"),
        ],
    )
    def test_other_files(self, text, words, tmp_path):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(ValueError, match=f"tuned: .*other.json.*{words}"):
            kernels.read_tuned(tmp_path / "other.json")

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"tuned: there is no file .*none\.json"):
            kernels.read_tuned(tmp_path / "none.json")
        with pytest.raises(FileNotFoundError, match="tuned: there is no file"):
            kernels.read_tuned(tmp_path)

    def test_mutated_files(self, file, request):
        """A choice that can be followed, or a clear error."""
        rng, good, refused = np.random.default_rng(0), file.read_bytes(), []
        for _ in range(500 * (request.config.getoption("--campaign") or 1)):
            data = bytearray(good)
            for _ in range(int(rng.integers(1, 4))):
                at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 9))
                kind = rng.integers(0, 3)
                if kind == 0:
                    data[at] ^= 1 << int(rng.integers(0, 8))
                elif kind == 1:
                    del data[at : at + size]
                else:
                    data[at:at] = bytes(rng.choice(list(b'0123456789-.{}[]",e'), size).astype(np.uint8))
            file.write_bytes(bytes(data))
            try:
                choices = kernels.read_tuned(file)
            except ValueError as error:
                refused.append(str(error))
            else:
                with kernels.use_tuned(choices):
                    for operation, problem in choices:
                        kernels.choose(operation, problem)
        assert len(refused) > 300
        assert all(message.startswith("tuned: ") and len(message) < 1000 for message in refused)


class TestOccurring:
    def test_what_a_network_asks_for(self, rng):
        structure = gn.Sequential(
            gn.Conv2d(4, 4, stride=2, padding=1, activation="relu"), gn.Flatten(), gn.Dense(7), gn.Dense(1)
        )
        network = gn.Network(structure, (8, 6, 2))
        x = rng.standard_normal((3, 8, 6, 2)).astype(np.float32)
        # By a convolution that has no activation of its own, so that one is asked for beside it.
        with kernels.record_problems() as found, kernels.use_kernels(conv2d="reference"):
            for _ in range(2):
                y, pullback = network.forward(x)
                pullback(y)
        works = list(found)
        assert RecordedProblem("conv2d", CONVOLUTION) in works
        assert RecordedProblem("dense", Problem("cpu", FLOAT32, (3, 48)), (7,)) in works
        assert RecordedProblem("dense", Problem("cpu", FLOAT32, (3, 7)), (1,)) in works
        assert RecordedProblem("bias_activation", Problem("cpu", FLOAT32, (3, 4, 3, 4)), (Activation("relu"),)) in works
        assert len(works) == len(set(works))
        network.forward(x)
        assert len(found) == len(works), "nothing is noted outside"

    @pytest.mark.parametrize("operation", kernels.OPERATIONS)
    def test_a_case_for_each_operation(self, operation, rng):
        """The case of what a case asks for is like it: same shapes, same results."""
        for case in kernels.list_cases(operation):
            problem = case.problem(FLOAT32)
            arrays = case.make(np.random.default_rng(0), FLOAT32)
            # Named: on the processor its parts do the work, and there is no other.
            with kernels.record_problems() as found, kernels.use_kernels(logistic="reference"):
                case.run(kernels.select(operation, problem), *arrays)
            for work in found:
                again = kernels.case_of(work)
                others = again.make(np.random.default_rng(0), FLOAT32)
                assert again.operation == operation
                assert [array.shape for array in others] == [array.shape for array in arrays]
                assert set(again.run(kernels.entry(operation, "reference").implementation, *others))


def test_a_kernel_is_found_by_the_name_that_older_files_hold():
    geometry = kernels.Geometry(8, (4, 4, 64), (1, 1, 128), (4, 4), (1, 1), (0, 0))
    problem = Problem("cpu", FLOAT32, geometry.large_shape, geometry)
    records = kernels.to_records({("conv2d", problem): "whole"})
    with kernels.use_tuned(kernels.from_records(records, "records")):
        assert kernels.choose("conv2d", problem).name == "full_size"
