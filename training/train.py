"""Train a recipe: `python -m training.train PROTOCOL [--system SYSTEM] [--set name=value ...]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import read_state
from training.config import Recipe, override
from training.data import CHECKOUT, load_samples
from training.protocols import PROTOCOLS
from training.recipes import SYSTEMS, recipe_for
from training.results import write_json
from training.trainer import Trainer, choose_rate


def train(recipe: Recipe, out: Path, *, resume: bool = False, device: str = 'cpu') -> Trainer:
    """
    Run a recipe to its end; leaves `checkpoint.pt` and `history.json` in `out`.

    :param resume: go on from `out/checkpoint.pt` where it is.
    :raises SkeletonActionError: data is missing, or the checkpoint is of another recipe.
    """
    samples = load_samples(
        recipe.data.train, simulated_people=recipe.data.simulated_people, seed=recipe.seed
    )
    checkpoint = out / 'checkpoint.pt'
    began = time.monotonic()
    if resume and checkpoint.is_file():
        trainer = Trainer(_with_chosen_rate(recipe, checkpoint), samples, device=device)
        trainer.restore(checkpoint)
    else:
        trainer = choose_rate(recipe, samples, device=device)
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    print(
        f'{recipe.name}: {len(samples)} clips, {len(trainer.classes)} actions to learn from, '
        f'{len({sample.action for sample in trainer.validation})} to validate on, '
        f'{weights:,} weights',
        flush=True,
    )
    steps = recipe.optimizer.steps
    with trainer, tqdm(total=steps, initial=trainer.step, unit='step', disable=None) as bar:
        while not trainer.finished:
            loss = trainer.advance()
            bar.update()
            if trainer.history and trainer.history[-1]['step'] == trainer.step:
                bar.set_postfix(
                    loss=f'{loss:.3f}', validation=f'{trainer.history[-1]["validation"]:.4f}'
                )
                trainer.seconds, began = _passed(trainer.seconds, began)
                trainer.save(checkpoint)
    if not trainer.history:
        trainer.validate(0.0)
    trainer.seconds, began = _passed(trainer.seconds, began)
    trainer.save(checkpoint)
    history = {'minutes': trainer.seconds / 60, 'steps': trainer.history}
    write_json(out / 'history.json', history)
    print(f'{recipe.name}: {trainer.step} steps in {trainer.seconds / 60:.1f} minutes', flush=True)
    return trainer


def _passed(seconds: float, since: float) -> tuple[float, float]:
    now = time.monotonic()
    return seconds + now - since, now


def _with_chosen_rate(recipe: Recipe, checkpoint: Path) -> Recipe:
    """Take over the learning rate that was chosen when the run began."""
    config = recipe.optimizer
    if not config.rates:
        return recipe
    rate = read_state(checkpoint)['recipe']['optimizer']['learning_rate']
    return replace(recipe, optimizer=replace(config, learning_rate=rate))


def device_of(name: str) -> str:
    """Return a device's name; 'auto' takes the GPU where PyTorch sees one."""
    if name != 'auto':
        return name
    return 'cuda' if torch.cuda.is_available() else 'cpu'


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


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """
    Return the recipe that options ask for.

    :raises ConfigError: there is none such.
    """
    recipe = recipe_for(options.protocol, options.system, options.variant, alone=options.alone)
    return override(recipe, options.set)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one recipe from the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.train', description=main.__doc__)
    add_recipe_options(parser)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, help='default: out/training/RECIPE')
    options = parser.parse_args(arguments)
    try:
        recipe = replace(chosen_recipe(options), seed=options.seed)
        out = options.out or CHECKOUT / 'out' / 'training' / recipe.name
        train(recipe, out, resume=options.resume, device=device_of(options.device))
    except (SkeletonActionError, OSError) as error:
        parser.exit(1, f'{parser.prog}: {error}\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
