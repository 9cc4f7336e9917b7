"""Train a recipe: `python -m training.train PROTOCOL [--system SYSTEM] [--set name=value ...]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from skeleton_action_ros.core.errors import ConfigError, SkeletonActionError
from training import parallel
from training.checkpoints import load_checkpoint
from training.command import check_writable, one_line, seed_number
from training.config import Recipe
from training.curves import Curves, check_tensorboard
from training.data import CHECKOUT, Sample, load_samples
from training.protocols import PROTOCOLS, split
from training.recipes import SYSTEMS, make_system, recipe_for
from training.results import write_json
from training.settings import set_by_user
from training.trainer import Trainer, choose_rate


def train(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    device: str = 'cpu',
    tensorboard: bool = False,
    asked: Collection[str] = (),
) -> Trainer:
    """
    Run a recipe to its end; leaves `checkpoint.pt` and `history.json` in `out`.

    Where `out` has a run that came to its end, going on from it writes neither anew.

    Of several processes that train together (`parallel`) the first one writes.

    :param resume: go on from `out/checkpoint.pt` where it is.
    :param tensorboard: draw curves into `out/curves`.
    :param asked: actions that must be learned, 'data set/label': those that it is to name.
    :raises SkeletonActionError: data is missing, or has too few actions; the checkpoint is of
        another recipe; `out` cannot be written; or there is no TensorBoard to draw with. Nothing is
        trained then.
    """
    check_writable(out)
    if tensorboard:
        check_tensorboard()
    make_system(recipe).weights_file()  # before data is read, which takes long
    samples = load_samples(
        recipe.data.train, simulated_people=recipe.data.simulated_people, seed=recipe.seed
    )
    check_actions(recipe, samples, asked)
    checkpoint = out / 'checkpoint.pt'
    first = parallel.rank() == 0
    began = time.monotonic()
    if resume and checkpoint.is_file():
        trainer = Trainer(_with_chosen_rate(recipe, checkpoint), samples, device=device)
        trainer.restore(checkpoint)
    else:
        if resume and first:
            print(f'{recipe.name}: nothing to go on from in {out}', flush=True)
        trainer = choose_rate(recipe, samples, device=device)
    done = trainer.finished and bool(trainer.history)
    if first:
        _tell_beginning(trainer, len(samples))
    with ExitStack() as opened:
        opened.enter_context(trainer)
        drawn = tensorboard and first and not done
        curves = opened.enter_context(Curves(out / 'curves', trainer.step)) if drawn else None
        bar = opened.enter_context(
            tqdm(
                total=recipe.optimizer.steps,
                initial=trainer.step,
                unit='step',
                disable=None if first else True,
            )
        )
        while not trainer.finished:
            rate = trainer.learning_rate
            loss = trainer.advance()
            bar.update()
            if curves:
                curves.step(trainer.step, loss, rate)
            if trainer.history and trainer.history[-1]['step'] == trainer.step:
                found = trainer.history[-1]['validation']
                bar.set_postfix(loss=f'{loss:.3f}', validation=f'{found:.4f}')
                if curves:
                    curves.validation(trainer.step, found)
                trainer.seconds, began = _passed(trainer.seconds, began)
                if first:
                    trainer.save(checkpoint)
        if not trainer.history:
            trainer.validate(0.0)
    if not done:
        trainer.seconds, began = _passed(trainer.seconds, began)
    if first:
        if not done:
            trainer.save(checkpoint)
        written = out / 'history.json'
        if not done or not written.is_file():
            write_json(written, {'minutes': trainer.seconds / 60, 'steps': trainer.history})
        minutes = f'{trainer.seconds / 60:.1f} minutes'
        print(f'{recipe.name}: {trainer.step} steps in {minutes}', flush=True)
    return trainer


def check_actions(recipe: Recipe, samples: Sequence[Sample], asked: Collection[str] = ()) -> None:
    """
    Refuse to learn what would be of no use.

    :param samples: all clips of the recipe's data sets.
    :param asked: actions that must be learned.
    :raises SkeletonActionError: there are fewer than two actions, or not all of `asked`.
    """
    learned = {sample.action for sample in split(recipe, samples).training}
    if len(learned) < 2:
        raise SkeletonActionError(
            f'{recipe.name}: expected two actions or more to learn from in '
            f'{", ".join(recipe.data.train)}, got {", ".join(learned) or "none"}'
        )
    lacking = sorted(set(asked) - learned)
    if lacking:
        raise SkeletonActionError(
            f'{recipe.name} is asked to name {len(set(asked))} actions, and learns '
            f'{len(lacking)} of them from no clip, such as {lacking[0]}: data.train is '
            f'{", ".join(recipe.data.train)}'
        )


def _tell_beginning(trainer: Trainer, clips: int) -> None:
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    kept = {sample.action for sample in trainer.validation}
    print(
        f'{trainer.recipe.name}: {clips} clips, {len(trainer.classes)} actions to learn from, '
        f'{len(kept)} to validate on, {weights:,} weights',
        flush=True,
    )


def _passed(seconds: float, since: float) -> tuple[float, float]:
    now = time.monotonic()
    return seconds + now - since, now


def _with_chosen_rate(recipe: Recipe, checkpoint: Path) -> Recipe:
    """Take over the learning rate that was chosen when the run began."""
    config = recipe.optimizer
    if not config.rates:
        return recipe
    rate = load_checkpoint(checkpoint).recipe.optimizer.learning_rate
    return replace(recipe, optimizer=replace(config, learning_rate=rate))


def device_of(name: str) -> str:
    """
    Return a device's name; 'auto' takes the GPU where PyTorch sees one.

    :raises ConfigError: there is none such here.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here = ['cpu', *(['cuda'] if gpus else []), *(f'cuda:{number}' for number in range(gpus))]
    if name == 'auto':
        return 'cuda' if gpus else 'cpu'
    if name not in here:
        raise ConfigError(f'--device must be one of auto, {", ".join(here)} here, got {name!r}')
    return name


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a recipe, and where it runs."""
    parser.add_argument(
        'protocol',
        metavar='PROTOCOL',
        help=f'{", ".join(PROTOCOLS)}; or one fold, such as florence3d-loao/3',
    )
    parser.add_argument('--system', choices=SYSTEMS, default='encoder')
    parser.add_argument(
        '--variant', default='', help="a row of its paper's tables: python -m training.recipes"
    )
    parser.add_argument(
        '--alone', action='store_true', help='learn from the data set asked on only, no others'
    )
    parser.add_argument(
        '--set', action='append', default=[], metavar='NAME=VALUE', help='change one value'
    )
    parser.add_argument('--device', default='auto', help='cpu, cuda, or auto (the default)')
    parser.add_argument('--resume', action='store_true', help='go on from what is there')
    parser.add_argument(
        '--tensorboard', action='store_true', help='draw curves into the folder of the run'
    )


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """
    Return the recipe that options ask for.

    A learning rate that is set is not one to be chosen: it takes the place of `optimizer.rates`.

    :raises ConfigError: there is none such.
    """
    recipe = recipe_for(options.protocol, options.system, options.variant, alone=options.alone)
    settings, names = list(options.set), {one.partition('=')[0] for one in options.set}
    rate, rates = 'optimizer.learning_rate', 'optimizer.rates'
    if rate in names and rates not in names:
        settings.append(f'{rates}=()')
    recipe = set_by_user(recipe, settings)
    if rate in names and recipe.optimizer.rates:
        raise ConfigError(
            f'expected {rate} or {rates}, from which it would be chosen, got both: '
            f'{recipe.optimizer.learning_rate} and {recipe.optimizer.rates}'
        )
    return recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one recipe from the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.train', description=main.__doc__)
    add_recipe_options(parser)
    parser.add_argument('--seed', type=seed_number, default=0)
    parser.add_argument('--out', type=Path, help='default: out/training/RECIPE')
    options = parser.parse_args(arguments)
    with one_line(parser, 'stopped; --resume goes on'):
        recipe = replace(chosen_recipe(options), seed=options.seed)
        out = options.out or CHECKOUT / 'out' / 'training' / recipe.name
        with parallel.together(device_of(options.device)) as device:
            train(
                recipe,
                out,
                resume=options.resume,
                device=device,
                tensorboard=options.tensorboard,
            )
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
