"""The training of one GAN: step by step, as a whole, or taken up again."""

from __future__ import annotations

import dataclasses
import inspect
import signal
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from gan_np import devices, kernels
from gan_np.checks import as_array
from gan_np.distributed import Choice, chosen_ranks, device_of_rank
from gan_np.models import GAN, MODELS, Model
from gan_np.notebook import in_notebook
from gan_np.ranks import ALONE, Ranks
from gan_np.registry import describe
from gan_np.training.agreement import digest_of_players, require_agreement, versions
from gan_np.training.algorithm import Trainer
from gan_np.training.finite import NonFiniteError
from gan_np.training.sources import DataEndedError, Source
from gan_np.training.step import Step

from . import checkpoint
from .build import build_trainer, chosen_kernels, tuned_kernels
from .config import CHANGEABLE, Config
from .contradictions import refuse_overruled
from .data import open_data
from .fingerprints import check_fingerprints, check_read
from .folder import RunFolder, read_config
from .given import Given
from .hinting import Adviser
from .lock import RunLock
from .monitor import check_monitor
from .new_folder import new_place
from .options import options_for
from .recorder import Recorder, require_tensorboard
from .records import read_records
from .settings import Settings
from .signals import Interrupted, NothingTrained, StopRequest, needs_data
from .training_data import had_labels

if TYPE_CHECKING:
    from .progress import Following

Callback = Callable[[Trainer, Step], object]


class StopTraining(Exception):
    """A callback raises this to end the training early, as if all its steps were done."""


def iterate(
    gan: GAN,
    images: Any,
    *,
    labels: Any = None,
    config: Config | None = None,
    transform: Callable[..., Any] | None = None,
    keys: str | tuple[str, str] | None = None,
    prefetch: int | None = None,
    ranks: Ranks | Choice | None = None,
    **options: Unpack[Settings],
) -> Iterator[Step]:
    """Train one step at a time, for a loop of your own; ends after `steps` steps.

    Nothing is written to disk: that is for the loop to do, or for `gan_np.train`. Every step is one of Algorithm 1, as in
    `gan_np.train`, whose help explains the arguments.

    gan: the players, trained in place; a model of one stage.
    images, labels, transform, keys, prefetch, ranks: the data, and which processes train together.
    config: settings as a `Config`; settings that are arguments of this call (`steps`, `batch_size`, `objective`, …) count
        over it.

    Yields a `gan_np.training.Step` after each step, with `number`, `d_loss`, `g_loss` and D's accuracies.

    >>> import numpy as np, gan_np as gn
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    >>> gan = gn.models.dcgan(image_shape=(8, 8, 1), latent_dim=4, width=4)
    >>> [step.number for step in gn.iterate(gan, images, steps=3, batch_size=8)]
    [1, 2, 3]
    """
    if len(gan.stages) > 1:
        raise ValueError(
            f"gan: iterate goes through the steps of one GAN, this model has {len(gan.stages)} stages; give one of "
            "gan.stages, with gan.stage_images(number, images)"
        )
    chosen = configured(config, options, gan).of_stage(0)
    together = chosen_ranks(ranks)
    agree_on(together, chosen)
    tuned = tuned_kernels(chosen)
    given = Given(images, labels, None, transform, keys, prefetch)
    source, class_names = given.source(gan, chosen)
    trainer = build_trainer(gan, source, chosen, class_names=class_names, ranks=together)
    try:
        while trainer.steps < chosen.steps:
            with chosen_kernels(chosen, tuned):
                step = trainer.step()
            yield step
    finally:
        trainer.stop_reading()


def train_stage(
    gan: GAN,
    source: Source,
    config: Config,
    *,
    class_names: Sequence[str] | None = None,
    out: Path | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    run: Path | None = None,
    ranks: Ranks = ALONE,
) -> Trainer:
    """Train a GAN by Algorithm 1 from its first step on, into a run folder where one is given; see `stages.train`.

    run: the folder with which to go on after an interruption, where `out` is only a part of it.
    """
    tuned = tuned_kernels(config)
    trainer = build_trainer(gan, source, config, class_names=class_names, ranks=ranks)
    check(trainer, config, tuned, folder=out is not None)
    if out is None or ranks.rank:  # rank 0 alone writes
        _TRAININGS[trainer] = _Training(config, tuned, None)
        return _drive(trainer, config, tuned, None, callbacks, progress, 0.0, run or out)
    with new_place(out, lambda: trainer.steps == 0) as place:
        _TRAININGS[trainer] = _Training(config, tuned, place)
        folder = RunFolder.create(place, config)
        return _drive(trainer, config, tuned, folder, callbacks, progress, 0.0, run)


def resume_stage(
    place: Path,
    changes: Mapping[str, Any],
    given: Given,
    *,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    run: Path | None = None,
    ranks: Ranks = ALONE,
) -> Trainer:
    """Go on with the run of one GAN; see `stages.resume`.

    changes: settings that are to be others than the run's, by name. given: its data; without images those that its
    configuration names. run: as in `train_stage`.
    """
    kept = read_config(place)
    config = kept.going_on(**changes)
    config = dataclasses.replace(config, device=device_of_rank(config.device, ranks))
    if set(changes) - set(CHANGEABLE):
        config = config.of_stage(0)  # what the model's training has of its own says other settings now
    with locked(place, ranks):
        file, tensors, description = ranks.from_first(lambda: checkpoint.newest(place))
        check_unedited(place, kept, description, file)
        done = description["training"]["steps"] if "training" in description else 0
        if "steps" in changes:
            refuse_fewer(place, config.steps, done)
        if given.images is None:
            given = dataclasses.replace(given, images=open_data(config, None if "data" in changes else place))
        with checkpoint.described_by(file):
            gan = checkpoint.rebuild(tensors, description, config.device)
        source, class_names = given.source(gan, config, by_label=had_labels(description))
        check_read(description, source, place)
        labels = None if source.labels is None else as_array("labels", source.labels)
        check_fingerprints(description, source, labels, place)
        trainer = build_trainer(gan, source, config, class_names=class_names, ranks=ranks)
        checkpoint.restore_from(trainer, tensors, description, file)
        tuned = checkpoint.tuned_of(description, file)
        if ranks.rank:
            _TRAININGS[trainer] = _Training(config, tuned, None)
            return _drive(trainer, config, tuned, None, callbacks, progress, 0.0, run or place)
        seconds = max(
            (r["seconds"] for r in read_records(place / "log.jsonl") if r["step"] <= trainer.steps), default=0.0
        )
        folder = RunFolder.reopen(place, config, trainer.steps)
        _TRAININGS[trainer] = _Training(config, tuned, place)
        return _drive(trainer, config, tuned, folder, callbacks, progress, float(seconds), run)


@dataclasses.dataclass(frozen=True)
class _Training:
    """With what a trainer is trained; place: its run folder."""

    config: Config
    tuned: kernels.Choices
    place: Path | None


_TRAININGS: weakref.WeakKeyDictionary[Trainer, _Training] = weakref.WeakKeyDictionary()
"""The trainers of this process that can be gone on with."""


def go_on(trainer: Trainer, steps: int | None, callbacks: Iterable[Callback], progress: bool) -> Trainer:
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
    if known.place is None:  # or rank 0 has it
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


def settings_of(trainer: Trainer) -> dict[str, Any]:
    """The configuration that a trainer of `train` or `resume` is trained with, as plain values by name; of another trainer
    nothing."""
    known = _TRAININGS.get(trainer)
    return {} if known is None else known.config.to_mapping()


def refuse_fewer(place: Path, steps: int, done: int) -> None:
    """Refuse a new total of steps that is less than what was done.

    Raises:
        ValueError: it is.
    """
    if steps < done:
        raise ValueError(f"steps: {place} is at step {done:,} already; expected at least that, got {steps:,}")


def check_unedited(place: Path, config: Config, description: Mapping[str, Any], file: Path) -> None:
    """Refuse a config.toml that is not the one that the checkpoint `file`, described so, was trained with, but for what may
    change.

    Raises:
        ValueError: it was edited; the message names each setting with both values.
    """
    if "config" not in description:
        return
    with checkpoint.described_by(file):
        trained = Config.from_file(description["config"])
    differ = [
        f"{name} is {getattr(config, name, None)!r} there and {getattr(trained, name, None)!r} in the checkpoint"
        for name in config.differing(trained)
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
        check_monitor(config, trainer.gan, trainer.source.available, folder)
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
    run: Path | None = None,
) -> Trainer:
    ranks = trainer.ranks
    called = [] if ranks.rank else list(callbacks)
    progress = progress and not ranks.rank
    going_on = run or (None if folder is None else folder.path)
    with ExitStack() as stack:
        stack.enter_context(chosen_kernels(config, tuned))
        # From here on a signal waits: one that came while kernels are compiled would be lost there, or break them.
        heard = folder is not None or in_notebook() or (ranks.size > 1 and going_on is not None)
        stop = stack.enter_context(StopRequest()) if heard else None
        # The bar comes first: the grid before the first step is drawn by kernels that may have to be compiled.
        bar = stack.enter_context(_progress(trainer, config)) if progress else None
        recorder = None
        if folder is not None:
            stack.callback(folder.close)  # also if the recorder cannot begin
            recorder = stack.enter_context(Recorder(folder, trainer, seconds))
        place = None if folder is None else folder.path
        adviser = None if ranks.rank else Adviser(trainer, folder=place, say=None if bar is None else bar.say)
        stack.callback(trainer.stop_reading)
        if folder is not None and not trainer.reading:
            _say_how_exact(trainer, None if bar is None else bar.say)
        if stop is not None and stop.number is not None and folder is not None and run is None:
            _leave_at_the_beginning(trainer, stop, folder.path)
        whole = True
        try:
            while trainer.steps < config.steps:
                whole = False
                step = trainer.step()
                whole = True
                _require_same_weights(trainer, config)
                measured = {} if adviser is None else adviser.look(step)
                if recorder is not None:
                    recorder.record(step, measured)
                if bar is not None:
                    bar.update(step)
                number = _call(called, trainer, step, stop)
                if stop is not None and number is not None and trainer.steps < config.steps:
                    if in_notebook() and not stop.inner:
                        print("\n".join(_stopped(trainer, config, recorder)))
                        return trainer
                    assert going_on is not None
                    _leave(trainer, config, recorder, number, going_on)
            trainer.settle()
        except StopTraining:
            trainer.settle()
        except NonFiniteError as error:
            if folder is not None:
                last = checkpoint.all_of(folder.path) if trainer.steps else []
                error.add_note(f"(last good checkpoint: {last[-1] if last else 'none yet'})")
            raise
        except DataEndedError as error:
            # A step asks for its images before it changes anything, so that all is as the last step left it.
            if recorder is not None and trainer.steps and trainer.order.position % trainer.d_steps == 0:
                error.add_note(f"({_saved(recorder)}; go on with: gan_np.resume({str(going_on)!r}, images=…))")
            raise
        except Interrupted:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if folder is not None and trainer.steps:
                saved = checkpoint.all_of(folder.path)[-1]
                needed = needs_data(going_on, config.data)
                command = f"newest checkpoint: {saved}; go on with: gan-np train --resume {going_on}"
                error.add_note(f"({needed and needed + '; '}{command})")
            raise
        finally:
            if not whole:
                _TRAININGS.pop(trainer, None)
        if recorder is not None:
            recorder.finish()
        ranks.barrier()
    return trainer


def _leave_at_the_beginning(trainer: Trainer, stop: StopRequest, place: Path) -> None:
    """End a training that was asked to stop before its first step, where no other rank takes part in it; in a notebook it
    ends after that step, and the trainer is returned.

    Raises:
        NothingTrained: it ends.
    """
    if trainer.steps == 0 and stop.number is not None and trainer.ranks.size == 1 and not in_notebook():
        raise NothingTrained(stop.number, place)


_ENDED = 1 << 10
"""Above the number of any signal: a callback ended the training."""


def _call(called: Sequence[Callback], trainer: Trainer, step: Step, stop: StopRequest | None) -> int | None:
    """The callbacks, which rank 0 alone has; returns the signal by which a stop was asked for, if one was.

    Of several ranks all return the same: a signal that comes to one of them behind its answer counts after the next step.

    Raises:
        StopTraining: a callback did, here or on rank 0.
    """
    ranks = trainer.ranks
    if ranks.size == 1:
        for callback in called:
            callback(trainer, step)
        return None if stop is None else stop.number
    asked = 0 if stop is None or stop.number is None else stop.number
    try:
        for callback in called:
            callback(trainer, step)
    except StopTraining:
        asked = _ENDED
    asked = ranks.largest(asked)
    if asked == _ENDED:
        raise StopTraining
    if stop is not None and asked:
        stop.number = asked  # the block around this one knows too
    return asked or None


def _require_same_weights(trainer: Trainer, config: Config) -> None:
    """Before a checkpoint is written: that all ranks still have the same bits.

    Raises:
        ValueError: they have not; a processor or a library of one computes otherwise.
    """
    if trainer.ranks.size > 1 and config.checkpoint_every and trainer.steps % config.checkpoint_every == 0:
        require_agreement(trainer.ranks, {f"weights after step {trainer.steps:,}": digest_of_players(trainer.gan)})


def agree_on(ranks: Ranks, config: Config) -> None:
    """Refuse ranks that were started with other versions or settings; where data lie may differ from machine to machine.

    Raises:
        ValueError: they were.
    """
    if ranks.size > 1:
        given = {**config.settings(), **config.options}
        facts = {f"setting {name}": repr(value) for name, value in given.items() if name not in _OF_MACHINES}
        require_agreement(ranks, {**versions(), **facts})


_OF_MACHINES = ("data", "labels", "classifier", "tuned", "device", "init_from")


def locked(place: Path, ranks: Ranks) -> AbstractContextManager[object]:
    """The lock of a run, which rank 0 holds for all."""
    return nullcontext() if ranks.rank else RunLock(place)


class InexactResumeWarning(UserWarning):
    """The data of a run are such that a resumed training does not see what an uninterrupted one would."""


def _say_how_exact(trainer: Trainer, say: Callable[[str], object] | None) -> None:
    """Say, before the first step of a run or when it goes on, what of its data cannot be resumed exactly."""
    text = trainer.source.inexact
    if not text:
        return
    if trainer.steps:
        text = f"going on after step {trainer.steps:,}; {text}"
    if say is None:
        warnings.warn(text, InexactResumeWarning, stacklevel=6)
    else:
        say(text)


def _progress(trainer: Trainer, config: Config) -> Following:
    """The display of how far a training is, for a terminal, a notebook or a file."""
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


def _leave(trainer: Trainer, config: Config, recorder: Recorder | None, number: int, run: Path) -> None:
    """End a training after a signal; with several ranks all leave together, when rank 0 has saved."""
    what = f"stopped by {signal.Signals(number).name} after step {trainer.steps}"
    if recorder is not None:
        what = f"{what}; {_saved(recorder)}"
    trainer.ranks.barrier()
    raise Interrupted(number, what, run, config.data)


def with_settings(function: Callable[..., Any]) -> None:
    """Put the settings of `Config` into the signature of a function that takes them as `**options`, for help and editors."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    taken = {one.name for one in own}
    settings = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in dataclasses.fields(Config)
        if field.name not in (*taken, *UNREAD, "options")
    ]
    function.__signature__ = signature.replace(parameters=[*own, *settings])  # type: ignore[attr-defined]


CHOICES = ("objective", "optimizer", "g_optimizer", "d_optimizer")
"""Settings on which it depends which options there are."""

UNREAD = {
    "model": "the model is made already, it is the first argument",
    "init_from": "load the networks of another run with gan_np.load(run), and train what it gives",
    "image_size": "resize where the data are read: gan_np.data.open(source, image_size=…)",
    "fit": "say it where the data are read: gan_np.data.open(source, fit=…)",
    "channels": "convert where the data are read: gan_np.data.open(source, channels=…)",
    "data_dtype": "say it where the data are read: gan_np.data.open(source, dtype=…)",
    "split": "choose it where the data are read: gan_np.data.open(source, split=…)",
    "skip_broken": "say it where the data are read: gan_np.data.open(source, skip_broken=True)",
}
"""Settings that say how the command line makes a model and reads data; beside a model and data they would change nothing."""


def _refuse_unread(options: Mapping[str, Any], gan: Model) -> None:
    """Refuse settings that would be written down as facts and change nothing.

    Raises:
        ValueError: one of `UNREAD`, or a device on which the gan does not lie.
    """
    for name in options:
        if name in UNREAD:
            raise ValueError(f"{name}: changes nothing here; {UNREAD[name]}")
    own = gan.stages[0].generator.device
    device = options.get("device", own)
    (kind, index), (own_kind, own_index) = devices.parse(device), devices.parse(own)
    if kind != own_kind or (index is not None and index != (own_index or 0)):
        raise ValueError(
            f"device: the gan lies on {own}, expected that or nothing, got {device!r}; make it on {device!r}"
        )


def configured(config: Config | None, options: Mapping[str, Any], gan: Model) -> Config:
    """The configuration of a model's training: `config` with options over it.

    Raises:
        ValueError, TypeError: an option that is not there, or a value that it may not have; options of the model, which is
            made already; a rate beside an optimiser that has its own.
    """
    _refuse_unread(options, gan)
    refuse_overruled({} if config is None else config.chosen_otherwise(), options)
    base = (config or Config()).of(gan)
    settings, beside = base.settings(), base.options_beside_networks()
    others = [name for name in options if name not in settings and name not in beside]
    for name in others:
        if any(name == option.name for model in MODELS for option in options_for("model", model)):
            raise ValueError(
                f"{name}: is an option of the model; give it where the gan is made, as in gan_np.models.dcgan(…)"
            )
    kept = dict(base.options)
    if set(CHOICES) & set(options):
        of_model = {name: value for name, value in kept.items() if name not in base.options_beside_model()}
        given = {name: value for name, value in options.items() if name in settings}
        chosen = Config(**settings | given | {"model": base.model}, options=of_model)
        kept = {name: value for name, value in kept.items() if name in chosen.options}
    return Config.from_mapping({**settings, **kept, **options}).of(gan)


with_settings(iterate)
