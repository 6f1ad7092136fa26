"""Two results, two commits, a gate, sweeps: with times that are made up, so that the answer is known."""

import copy
import json
import subprocess

import numpy as np
import pytest

from benchmarks import kernel_commits, kernel_sweep
from benchmarks.__main__ import main
from benchmarks.kernel_compare import bootstrap, judge
from gan_np.kernels.cases import dense_case, list_cases


def row(rounds, candidate="mine", **other):
    key = {"operation": "adam", "case": "3.6 million", "method": "step", "threads": 2, "cache": "warm"}
    return {**key, "candidate": candidate, "rounds": list(rounds), **other}


def rounds(median, spread=0.01, count=15, seed=0):
    return list(median * np.exp(spread * np.random.default_rng(seed).standard_normal(count)))


class TestVerdict:
    def test_an_interval_holds_the_ratio(self):
        ratio, low, high = bootstrap(rounds(2.0), rounds(1.0, seed=1))
        assert low < ratio < high
        assert ratio == pytest.approx(2.0, rel=0.03)
        assert high - low < 0.1

    def test_more_noise_is_a_wider_interval(self):
        narrow, wide = (bootstrap(rounds(1.0, s), rounds(1.0, s, seed=1)) for s in (0.01, 0.2))
        assert wide[2] - wide[1] > 3 * (narrow[2] - narrow[1])

    def test_the_interval_is_right_nineteen_times_in_twenty(self):
        inside = 0
        for seed in range(100):
            _, low, high = bootstrap(rounds(1.0, 0.1, 25, 2 * seed), rounds(1.0, 0.1, 25, 2 * seed + 1), seed=seed)
            inside += low <= 1 <= high
        assert 85 <= inside <= 100

    @pytest.mark.parametrize(
        ("old", "new", "spread", "verdict"),
        [(1.0, 0.8, 0.01, "faster"), (1.0, 1.3, 0.01, "slower"), (1.0, 1.01, 0.001, "same"), (1.0, 1.1, 0.6, "same")],
    )
    def test_faster_slower_same(self, old, new, spread, verdict):
        (found,) = judge([row(rounds(old, spread))], [row(rounds(new, spread, seed=1))])
        assert found.verdict == verdict

    @pytest.mark.parametrize(("new", "verdict"), [(1.9, "same"), (2.1, "slower"), (0.51, "same"), (0.49, "faster")])
    def test_one_round_alone_has_no_interval(self, new, verdict):
        """Who is far slower than others is timed once: then a factor of two counts, and nothing less."""
        for sides in (([1.0], [new]), ([1.0], rounds(new, 1e-6)), ([1.0, 1.0], [new])):
            (found,) = judge(*([row(side)] for side in sides))
            assert found.verdict == verdict
            assert found.slower_than(0.05) == (verdict == "slower")

    def test_only_what_both_have(self):
        both = judge([row([1.0]), row([1.0], "old")], [row([1.0]), row([1.0], "new"), row([], "untimed")])
        assert [found.key[3] for found in both] == ["mine"]

    @pytest.mark.parametrize("bad", [[], [0.0], [float("nan")], [-1.0]])
    def test_times_that_are_none(self, bad):
        with pytest.raises(ValueError, match="expected times above 0"):
            bootstrap(bad, [1.0])


class TestFiles:
    def write(self, path, rows, **other):
        content = {"benchmark": "kernels", "rows": rows, "machine": {"cpu": "x"}, "dtype": "float32", **other}
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    @pytest.mark.parametrize(("new", "gate", "code"), [(1.0, "5%", 0), (1.2, "5%", 1), (1.2, "30%", 0), (1.2, None, 0)])
    def test_a_planted_regression_passes_no_gate(self, tmp_path, capsys, new, gate, code):
        old = self.write(tmp_path / "old.json", [row(rounds(1.0))])
        now = self.write(tmp_path / "new.json", [row(rounds(new, seed=1))])
        files = ["--csv", str(tmp_path / "c.csv"), "--markdown", str(tmp_path / "c.md")]
        assert main(["kernels", "--compare", old, now, *files, *(["--gate", gate] if gate else [])]) == code
        printed = capsys.readouterr().out
        assert ("gate: adam 3.6 million step mine takes" in printed) == bool(code)
        assert max(map(len, printed.splitlines())) <= 100
        assert (tmp_path / "c.csv").read_text().count("\n") == 2
        assert "| adam 3.6 million | step | mine |" in (tmp_path / "c.md").read_text()

    def test_noise_alone_passes_the_gate(self, tmp_path):
        old = self.write(tmp_path / "old.json", [row(rounds(1.0, 0.5))])
        new = self.write(tmp_path / "new.json", [row(rounds(1.06, 0.5, seed=1))])
        assert main(["kernels", "--compare", old, new, "--gate", "5%"]) == 0

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "not JSON"),
            ("[]", "was not written by"),
            ('{"benchmark": "generate", "rows": []}', "was not written by"),
            ('{"benchmark": "kernels", "rows": [{"rounds": 3}]}', "older version"),
            ('{"benchmark": "kernels", "rows": []}', "no row in common"),
        ],
    )
    def test_other_files(self, tmp_path, capsys, text, words):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(SystemExit):
            main(["kernels", "--compare", str(tmp_path / "a.json"), str(tmp_path / "a.json")])
        assert words in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("options", "words"),
        [(["--gate", "5%"], "gate: needs"), (["--gate", "much", "--compare", "a", "b"], "such as 5%")],
    )
    def test_a_gate_needs_something(self, capsys, options, words):
        with pytest.raises(SystemExit):
            main(["kernels", *options])
        assert words in capsys.readouterr().err

    def test_a_measurement_against_an_older_one(self, tmp_path, measured):
        arguments = ("kernels", "--quick", "--operation", "softplus", "--peer", "none")
        _, result, _ = measured(*arguments)
        for name, times in (
            ("fast.json", 1e-3),
            ("slow.json", 10),
        ):  # a pause of the machine is no change of the kernels
            old = copy.deepcopy(result)
            for one in old["rows"]:
                one["rounds"] = [time * times for time in one["rounds"]]
            (tmp_path / name).write_text(json.dumps(old))
        assert measured(*arguments, "--against", str(tmp_path / "fast.json"), "--gate", "50%")[0] == 1
        assert measured(*arguments, "--against", str(tmp_path / "slow.json"), "--gate", "900%")[0] == 0

    def test_nothing_in_common_says_why(self, tmp_path, measured, capsys):
        arguments = ("kernels", "--quick", "--operation", "softplus", "--peer", "none")
        _, result, _ = measured(*arguments)
        for one in result["rows"]:
            one["threads"] = 64
        (tmp_path / "old.json").write_text(json.dumps(result))
        with pytest.raises(SystemExit):
            measured(*arguments, "--against", str(tmp_path / "old.json"))
        assert "has no row in common with this measurement: threads 64 there" in capsys.readouterr().err

    def test_an_older_one_that_is_none_is_refused_before_anything_is_measured(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            main(["kernels", "--quick", "--against", str(tmp_path / "none.json")])
        assert "there is no file" in capsys.readouterr().err


class TestCommits:
    def test_they_take_turns_and_rounds_add_up(self, tmp_path):
        order = []

        def run(tree, turn):
            order.append((tree.name, turn))
            return [row([1.0 + turn])] if tree.name == "a" else [row([2.0]), row([3.0], "new")]

        old, new = kernel_commits.in_turn([tmp_path / "a", tmp_path / "b"], 2, run)
        assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
        assert [one["rounds"] for one in old] == [[1.0, 2.0]]
        assert [(one["candidate"], one["rounds"]) for one in new] == [("mine", [2.0, 2.0]), ("new", [3.0, 3.0])]

    def test_options_that_are_handed_on(self):
        given = ["--commits", "A", "B", "--operation", "adam", "--gate=5%", "--json", "x", "--turns", "4", "--quick"]
        assert kernel_commits.without_own(given) == ["--operation", "adam", "--quick"]

    def test_an_unknown_commit(self, capsys):
        with pytest.raises(SystemExit):
            main(["kernels", "--commits", "HEAD", "no-such-commit"])
        assert "no-such-commit" in capsys.readouterr().err

    def test_a_commit_against_itself(self, capsys):
        inside = subprocess.run(["git", "rev-parse", "HEAD"], cwd=kernel_commits.ROOT, capture_output=True, check=False)
        if inside.returncode:
            pytest.skip("not a git repository")
        arguments = ["--quick", "--operation", "average", "--peer", "none", "--turns", "1"]
        assert main(["kernels", "--commits", "HEAD", "HEAD", *arguments]) == 0
        assert "average 3.6 million" in capsys.readouterr().out
        left = subprocess.run(
            ["git", "worktree", "list"], cwd=kernel_commits.ROOT, capture_output=True, text=True, check=True
        )
        assert "/a " not in left.stdout


class TestSweep:
    @pytest.mark.parametrize("text", ["batch", "batch=", "weight=1", "batch=0,1", "batch=a"])
    def test_what_is_no_sweep(self, capsys, text):
        with pytest.raises(SystemExit):
            main(["kernels", "--operation", "dense", "--sweep", text])
        assert "expected one of batch, side" in capsys.readouterr().err

    def test_a_size_at_a_time(self):
        case = list_cases("conv2d", size="dcgan")[1]
        assert kernel_sweep.resized(case, "batch", 3).geometry.batch == 3
        assert kernel_sweep.resized(case, "side", 16).geometry.small[:2] == (8, 8)
        assert kernel_sweep.resized(case, "out_channels", 5).geometry.small[2] == 5
        dense = dense_case("", 4, 5, 6)
        assert kernel_sweep.resized(dense, "channels", 9).shape == (4, 9)
        with pytest.raises(ValueError, match="cannot be swept over 'side'"):
            kernel_sweep.resized(dense, "side", 3)
        with pytest.raises(ValueError, match="does not fit"):
            kernel_sweep.resized(list_cases("conv2d", size="dcgan")[-1], "side", 1)

    def test_it_is_measured_and_drawn(self, tmp_path, measured):
        image = tmp_path / "sweep.png"
        arguments = ("--operation", "dense", "--shape", "4,8", "--out-channels", "16", "--sweep", "batch=2,8")
        code, result, printed = measured("kernels", "--quick", "--peer", "none", *arguments, "--plot", str(image))
        assert code == 0
        assert {found["batch"] for found in result["rows"]} == {2, 8}
        assert "batch 8: forward" in printed
        assert image.read_bytes().startswith(b"\x89PNG")
