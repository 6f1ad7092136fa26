"""`python -m benchmarks distributed`: all but the launcher in this process, and once with mpiexec."""

import importlib.util
import json
from typing import Any

import pytest

from benchmarks import children, distributed, distributed_child
from gan_np.ranks import Ranks, Traffic
from gan_np.thread_ranks import in_threads

SMALL = (
    "--quick",
    "--peer",
    "none",
    "--image-shape",
    "8,8,1",
    "--latent-dim",
    "3",
    "--width",
    "2",
    "--batch-size",
    "8",
)


def ask(module: str, request: dict[str, Any], environment: Any, launcher: Any = ()) -> dict[str, Any]:
    """As `children.ask`, with threads for processes."""
    assert module == "distributed_child"
    request = json.loads(json.dumps(request))
    found: list[Any] = []

    def run(ranks: Ranks) -> None:
        if request["what"] == "messages":
            answer = distributed_child.messages(ranks, request["sizes"][:3])
        else:
            answer = distributed_child.training(ranks, request)
        found.extend([answer] if ranks.rank == 0 else [])

    in_threads(run, 2 if launcher else 1)
    return json.loads(json.dumps(found[0]))


def check(code: int, result: dict[str, Any], printed: str) -> None:
    assert code == 0
    assert result["difference"] <= distributed.TOLERANCE
    assert [row["candidate"] for row in result["rows"]] == [distributed.ONE, distributed.TWO, distributed.RANKS]
    assert result["rows"][2]["milliseconds"]["median"] > 0
    assert result["network"]["latency"] > 0
    assert all(len(curve["strong"]) == 11 for curve in result["curves"].values())
    assert "two ranks compute as one process" in printed
    assert "1024:" in printed


def test_a_quick_run_with_threads_for_processes(monkeypatch, measured, tmp_path) -> None:
    monkeypatch.setattr(children, "ask", ask)
    monkeypatch.setattr(distributed, "mpiexec", lambda: ["mpiexec", "-n", "2"])
    monkeypatch.setattr("gan_np.thread_ranks.ThreadRanks.traffic", {"gradient of D": Traffic()}, raising=False)
    check(*measured("distributed", *SMALL, "--plot", str(tmp_path / "plot.png")))
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_ranks_that_compute_something_else_are_an_error(monkeypatch, measured) -> None:
    monkeypatch.setattr(children, "ask", ask)
    monkeypatch.setattr(distributed, "mpiexec", lambda: ["mpiexec", "-n", "2"])
    monkeypatch.setattr(distributed, "differing", lambda *_: 1e-3)
    code, _, printed = measured("distributed", *SMALL)
    assert code == 1
    assert "two ranks compute NOT as one process" in printed


@pytest.mark.campaign
def test_a_quick_run_with_processes(measured) -> None:
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed (the extra `mpi`)")
    code, result, printed = measured("distributed", *SMALL)
    check(code, result, printed)
    assert {"batch statistics", "scores", "gradient of D", "gradient of G"} <= set(result["sent"])


def test_batches_that_two_ranks_cannot_divide_and_no_launcher(monkeypatch, capsys) -> None:
    monkeypatch.setattr(distributed, "mpiexec", lambda: ["mpiexec", "-n", "2"])
    with pytest.raises(SystemExit):
        distributed.main(["--batch-size", "7"])
    assert "expected an even number" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        distributed.main(["--quick"])
    assert "needs mpi4py and mpiexec" in capsys.readouterr().err
