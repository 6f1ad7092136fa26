"""Training as one call, step by step, or taken up again."""

from __future__ import annotations

import dataclasses
import inspect
import signal
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.checks import as_array
from gan_np.models import GAN, MODELS
from gan_np.notebook import in_notebook
from gan_np.registry import describe
from gan_np.training.algorithm import Trainer
from gan_np.training.finite import NonFiniteError
from gan_np.training.step import Step

from . import checkpoint
from .build import build_trainer, chosen_kernels, tuned_kernels
from .config import CHANGEABLE, Config, options_for
from .data import open_data
from .fingerprints import check_fingerprints
from .folder import RunFolder, discard, read_config
from .hinting import Adviser
from .lock import RunLock
from .monitor import check_monitor
from .recorder import Recorder, require_tensorboard
from .records import read_records
from .signals import Interrupted, StopRequest

if TYPE_CHECKING:
    from .progress import Following

Callback = Callable[[Trainer, Step], object]


class StopTraining(Exception):
    """A callback raises this to end the training early, as if all its steps were done."""


def iterate(
    gan: GAN, images: Array, *, labels: Array | None = None, config: Config | None = None, **options: Any
) -> Iterator[Step]:
    """Algorithm 1 one step at a time, for those who write their own loop; ends after `steps` steps.

    options: fields of `Config` (`steps`, `batch_size`, `objective`, …), over those of `config`.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=4, width=4)
    >>> [step.number for step in gn.runs.iterate(gan, images, steps=3, batch_size=8)]
    [1, 2, 3]
    """
    chosen = _configure(config, options).of(gan)
    tuned = tuned_kernels(chosen)
    trainer = build_trainer(gan, images, chosen, labels)
    while trainer.steps < chosen.steps:
        with chosen_kernels(chosen, tuned):
            step = trainer.step()
        yield step


def train(
    gan: GAN,
    images: Array,
    *,
    labels: Array | None = None,
    class_names: Sequence[str] | None = None,
    out: str | Path | None = None,
    config: Config | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    **options: Any,
) -> Trainer:
    """Train a GAN by Algorithm 1.

    gan: the players, trained in place.
    images: real images, uint8 (N, H, W, C).
    labels: integers (N,), for a conditional gan of as many classes (see `gan_np.data.labels`: 1…K, or any K numbers).
    class_names: what label k is called, at position k; kept in checkpoints, and accepted by `gan.sample(labels=…)`.
    out: a run folder to make (see `gan_np.runs.folder`); None writes nothing.
    config, options: fields of `Config`, options over config: steps, batch_size, objective, optimizer, seed, ….
    callbacks: called as `callback(trainer, step)` after every step; one may raise `StopTraining`.
    progress: show a progress bar.

    Returns the trainer, with the optimisers and counters as training left them. In a notebook an interrupt ends the training
    after the step that is running and returns it too, with two lines of how to go on (`resume(trainer)`).

    A training that goes wrong says so, once and in one line (`gan_np.training.hints`): above the progress bar, or without
    one as a warning, `gan_np.training.TrainingHint`.

    Raises:
        TypeError, ValueError: an unknown option (with the nearest known one), a wrong type, an impossible value.
        ShapeError: the images are not of the gan's shape.
        FileExistsError: `out` is there already.
        NonFiniteError: a loss, gradient or weight became NaN or infinite.
        Interrupted: with `out`, after Ctrl-C or SIGTERM; a checkpoint was written first.
    """
    chosen = _configure(config, options).of(gan)
    tuned = tuned_kernels(chosen)
    trainer = build_trainer(gan, images, chosen, labels, class_names)
    check(trainer, chosen, tuned, folder=out is not None)
    if out is None:
        _TRAININGS[trainer] = _Training(chosen, tuned, None)
        return _drive(trainer, chosen, tuned, None, callbacks, progress, 0.0)
    place = RunFolder.make_place(out)
    _TRAININGS[trainer] = _Training(chosen, tuned, place)
    with RunLock(place):
        folder = RunFolder.create(place, chosen)
        try:
            return _drive(trainer, chosen, tuned, folder, callbacks, progress, 0.0)
        except BaseException:
            if trainer.steps == 0:
                with suppress(OSError):
                    discard(place)
            raise


def resume(
    run: str | Path | Trainer,
    *,
    images: Array | None = None,
    labels: Array | None = None,
    data: str | None = None,
    steps: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
) -> Trainer:
    """Go on with a run from its newest readable checkpoint, or with a trainer where it stands.

    On the same machine with the same libraries the result is bit-identical to that of an uninterrupted training:
    weights, moments, statistics, generators and samples; the log has each step once. A tuned choice of kernels is that of
    the checkpoint, whatever its file says now.

    run: the folder; or the trainer that `train` returned, early because of an interrupt in a notebook or a callback, or when
        all its steps were done and there are to be more. A trainer has its data, and goes on in its run folder if there is
        one.
    images, labels: the data of the run; None loads them again as its configuration says.
    data: where they are now, if they were moved; the configuration is changed to say so.
    steps: a new total, if it should be longer than planned. Instance noise falls to 0 where it was planned to.
    device, precision: other than the run's: a checkpoint goes on on any device (where sums may round differently).

    Raises:
        FileNotFoundError, CheckpointError: not a run folder, it has no checkpoint that can be read, the kernels that were
            chosen for it are not all here, or its data are not where they were.
        ValueError: the images, or the labels of a conditional model, are not those that the run was trained on; its
            config.toml was edited; `steps` is less than the run has done; a trainer that is not one of `train`'s.
    """
    if isinstance(run, Trainer):
        if any(given is not None for given in (images, labels, data, device, precision)):
            raise ValueError("run: a trainer keeps its data, device and precision; only steps may be given with one")
        return _go_on(run, steps, callbacks, progress)
    place = Path(run)
    kept = read_config(place)
    config = kept.going_on(data=data, steps=steps, device=device, precision=precision)
    with RunLock(place):
        file, tensors, description = checkpoint.newest(place)
        with checkpoint.described_by(file):
            trained = Config.from_file(description["config"]) if "config" in description else kept
        _check_settings(place, kept, trained)
        done = description["training"]["steps"] if "training" in description else 0
        if steps is not None and steps < done:
            raise ValueError(f"steps: {place} is at step {done:,} already; expected at least that, got {steps:,}")
        class_names = None
        if images is None:
            dataset = open_data(config, None if data is not None else place)
            images, labels, class_names = dataset.images, dataset.labels, dataset.class_names
        images = as_array("images", images)
        check_fingerprints(description, images, labels, place)
        with checkpoint.described_by(file):
            gan = checkpoint.rebuild(tensors, description, config.device)
        trainer = build_trainer(gan, images, config, labels, class_names)
        checkpoint.restore_from(trainer, tensors, description, file)
        tuned = checkpoint.tuned_of(description, file)
        seconds = max(
            (r["seconds"] for r in read_records(place / "log.jsonl") if r["step"] <= trainer.steps), default=0.0
        )
        folder = RunFolder.reopen(place, config, trainer.steps)
        _TRAININGS[trainer] = _Training(config, tuned, place)
        return _drive(trainer, config, tuned, folder, callbacks, progress, float(seconds))


@dataclasses.dataclass(frozen=True)
class _Training:
    """With what a trainer is trained; place: its run folder."""

    config: Config
    tuned: kernels.Choices
    place: Path | None


_TRAININGS: weakref.WeakKeyDictionary[Trainer, _Training] = weakref.WeakKeyDictionary()
"""The trainers of this process that can be gone on with."""


def _go_on(trainer: Trainer, steps: int | None, callbacks: Iterable[Callback], progress: bool) -> Trainer:
    """Train a trainer further, in this process.

    Raises:
        ValueError: it is none of `train`'s, or its last step was broken off; fewer steps than it has done; its run has gone
            on without it.
    """
    known = _TRAININGS.get(trainer)
    if known is None:
        raise ValueError(
            "run: this trainer did not come from train or resume, or an error broke off its last step, so that it may hold "
            "half an update; call step() of one of your own, or give the run folder if there is one"
        )
    if steps is not None and steps < trainer.steps:
        raise ValueError(
            f"steps: the trainer is at step {trainer.steps:,} already; expected at least that, got {steps:,}"
        )
    config = known.config.going_on(steps=steps)
    _TRAININGS[trainer] = dataclasses.replace(known, config=config)
    if known.place is None:
        return _drive(trainer, config, known.tuned, None, callbacks, progress, 0.0)
    with RunLock(known.place):
        records = read_records(known.place / "log.jsonl")
        if records and records[-1]["step"] > trainer.steps:
            raise ValueError(
                f"run: {known.place} has gone on to step {records[-1]['step']:,} without this trainer, which is at "
                f"{trainer.steps:,}; give the folder itself"
            )
        seconds = float(records[-1]["seconds"]) if records else 0.0
        folder = RunFolder.reopen(known.place, config, trainer.steps)
        return _drive(trainer, config, known.tuned, folder, callbacks, progress, seconds)


def _check_settings(place: Path, config: Config, trained: Config) -> None:
    """Refuse a config.toml that is not the one that the checkpoint was trained with, but for what may change.

    Raises:
        ValueError: it was edited; the message names each setting with both values.
    """
    allowed = (*CHANGEABLE, "instance_noise_steps", "coarsest_steps")
    differ = [
        f"{name} is {getattr(config, name)!r} there and {getattr(trained, name)!r} in the checkpoint"
        for name in config.differing(trained, allowed)
    ]
    if differ:
        raise ValueError(
            f"{place / 'config.toml'} was edited: {'; '.join(differ)}. A run keeps its settings; put them back"
        )


def check(trainer: Trainer, config: Config, tuned: kernels.Choices, *, folder: bool) -> None:
    """Refuse, before a run folder is made, what would fail in it.

    Raises:
        ValueError, FileNotFoundError: a forced kernel that is not there; evaluations that cannot be done (see
            `check_monitor`).
        TypeError: with `folder`, a layer of the gan, an objective, a penalty or an optimiser is not registered.
        ModuleNotFoundError: event files are asked for and tensorboardX is not installed.
    """
    with chosen_kernels(config, tuned):
        check_monitor(config, trainer.gan, len(trainer.images), folder)
    if not folder:
        return
    if config.tensorboard:
        require_tensorboard()
    config.to_mapping()
    try:
        describe(trainer.gan)
    except TypeError as error:
        raise TypeError(
            f"out: checkpoints of this gan could not be read again; {error}; or train it without out"
        ) from error


def _drive(
    trainer: Trainer,
    config: Config,
    tuned: kernels.Choices,
    folder: RunFolder | None,
    callbacks: Iterable[Callback],
    progress: bool,
    seconds: float,
) -> Trainer:
    called = list(callbacks)
    with ExitStack() as stack:
        stack.enter_context(chosen_kernels(config, tuned))
        # The bar comes first: the grid before the first step is drawn by kernels that may have to be compiled.
        bar = stack.enter_context(_progress(trainer, config)) if progress else None
        recorder = None
        if folder is not None:
            stack.callback(folder.close)  # also if the recorder cannot begin
            recorder = stack.enter_context(Recorder(folder, trainer, seconds))
        place = None if folder is None else folder.path
        adviser = Adviser(trainer, folder=place, say=None if bar is None else bar.say)
        stop = stack.enter_context(StopRequest()) if folder is not None or in_notebook() else None
        whole = True
        try:
            while trainer.steps < config.steps:
                whole = False
                step = trainer.step()
                whole = True
                measured = adviser.look(step)
                if recorder is not None:
                    recorder.record(step, measured)
                if bar is not None:
                    bar.update(step)
                for callback in called:
                    callback(trainer, step)
                if stop is not None and stop.number is not None and trainer.steps < config.steps:
                    if in_notebook() and not stop.inner:
                        print("\n".join(_stopped(trainer, config, recorder)))
                        return trainer
                    assert recorder is not None
                    _leave(recorder, stop.number)
            trainer.settle()
        except StopTraining:
            trainer.settle()
        except NonFiniteError as error:
            if folder is not None:
                last = checkpoint.all_of(folder.path) if trainer.steps else []
                error.add_note(f"(last good checkpoint: {last[-1] if last else 'none yet'})")
            raise
        except Interrupted:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if folder is not None and trainer.steps:
                saved = checkpoint.all_of(folder.path)[-1]
                error.add_note(f"(newest checkpoint: {saved}; go on with: gan-np train --resume {folder.path})")
            raise
        finally:
            if not whole:
                _TRAININGS.pop(trainer, None)
        if recorder is not None:
            recorder.finish()
    return trainer


def _progress(trainer: Trainer, config: Config) -> Following:
    """What shows how far a training is, where it runs."""
    if in_notebook():
        from .notebook_progress import NotebookProgress

        count = min(config.sample_count, 16)
        return NotebookProgress(config.steps, trainer.gan, done=trainer.steps, count=count)
    from .progress import ProgressBar

    return ProgressBar(config.steps, done=trainer.steps)


def _saved(recorder: Recorder) -> str:
    started = time.monotonic()
    path = recorder.checkpoint()
    return f"saved {path} in {time.monotonic() - started:.1f} s"


def _stopped(trainer: Trainer, config: Config, recorder: Recorder | None) -> list[str]:
    """The two lines with which an interrupted training ends in a notebook: what was done, how to go on."""
    trainer.settle()
    done = f"stopped after step {trainer.steps:,} of {config.steps:,}"
    if recorder is None:
        return [f"{done}; the trainer is returned as it is now", "go on with: trainer = gan_np.resume(trainer)"]
    again = f"gan_np.resume({str(recorder.folder.path)!r})"
    return [
        f"{done}; {_saved(recorder)}",
        f"go on with: trainer = gan_np.resume(trainer), or in another process {again}",
    ]


def _leave(recorder: Recorder, number: int) -> None:
    name, steps = signal.Signals(number).name, recorder.trainer.steps
    raise Interrupted(number, f"stopped by {name} after step {steps}; {_saved(recorder)}", recorder.folder.path)


def _with_settings(function: Callable[..., Any]) -> None:
    """Put the settings of `Config` into the signature of a function that takes them as `**options`, for help and editors."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    taken = {one.name for one in own}
    settings = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in dataclasses.fields(Config)
        if field.name not in (*taken, "options", "model", "init_from")
    ]
    function.__signature__ = signature.replace(parameters=[*own, *settings])  # type: ignore[attr-defined]


def _configure(config: Config | None, options: dict[str, Any]) -> Config:
    """`config` with options over it.

    Raises:
        ValueError, TypeError: an option that is not there, or a value that it may not have; options of the model, which is
            made already.
    """
    base = config or Config()
    settings, beside = base.settings(), base.options_beside_model()
    others = [name for name in options if name not in settings and name not in beside]
    for name in others:
        if any(name == option.name for model in MODELS for option in options_for("model", model)):
            raise ValueError(
                f"{name}: is an option of the model; give it where the gan is made, as in gan_np.models.dcgan(…)"
            )
    if "objective" in options or "optimizer" in options:
        chosen = Config(**settings | {name: value for name, value in options.items() if name in settings})
        kept = {name: value for name, value in base.options.items() if name in chosen.options}
    else:
        kept = dict(base.options)
    return Config.from_mapping({**settings, **kept, **options})


for _function in (iterate, train):
    _with_settings(_function)
