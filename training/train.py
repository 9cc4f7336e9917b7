"""
Train a recipe: `python -m training.train RECIPE [--set name=value ...] [--out FOLDER]`.

The loop reads from top to bottom. What decides a run is the recipe and the data; both are in the
checkpoint, and a run that is stopped and started again gives what an unbroken one gives.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from skeleton_action_ros.core.errors import SkeletonActionError
from training.batches import Batches
from training.checkpoints import read_state
from training.config import Recipe, override
from training.data import (
    CHECKOUT,
    Sample,
    fingerprint,
    load_samples,
    make_class_table,
    split_classes,
)
from training.evaluate import examined
from training.losses import ComparablePairsLoss, WarpingDistillation
from training.model import Embedder, embed_with
from training.provenance import commit
from training.recipes import RECIPES

VALIDATION_DRAWS = 20


class Trainer:
    """
    One run of a recipe, which can be stopped after any step.

    :param samples: all clips of the recipe's data sets.
    """

    def __init__(self, recipe: Recipe, samples: Sequence[Sample]) -> None:
        self.recipe = recipe
        self.step = 0
        self.best = -1.0
        self.stale = 0
        self.history: list[dict[str, float]] = []
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.optimizer.threads)
        self.data = fingerprint(samples)
        self.commit = commit()
        training, self.validation = split_classes(samples, recipe.data.validation_stride)
        rng = np.random.default_rng(recipe.seed)
        table = make_class_table(training, recipe.preprocess, rng)
        self.batches = Batches(training, table, recipe)
        self.classes = table.actions
        self.model = Embedder(recipe.model)
        self.average = AveragedModel(
            self.model,
            multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.average),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self.best_weights = self._weights()
        self.loss = ComparablePairsLoss(recipe.loss)
        self.teacher = WarpingDistillation(recipe.loss)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=recipe.optimizer.learning_rate,
            weight_decay=recipe.optimizer.weight_decay,
        )

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or validation has not improved for `patience` times."""
        config = self.recipe.optimizer
        return self.step >= config.steps or self.stale >= config.patience

    def advance(self) -> float:
        """Do one step and return its loss."""
        batch = self.batches.at(self.step)
        for group in self.optimizer.param_groups:
            group['lr'] = self._learning_rate()
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        self.model.train()
        embeddings = self.model(torch.from_numpy(batch.joints), torch.from_numpy(batch.mask))
        apart = self.loss(
            embeddings, torch.from_numpy(batch.classes), torch.from_numpy(batch.comparable)
        )
        kept = self.teacher(embeddings, torch.from_numpy(batch.warped))
        loss = apart + self.recipe.loss.distillation * kept
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        if self.step % self.recipe.optimizer.validate_steps == 0 or self.finished:
            self._validate(float(loss.detach()))
        return float(loss.detach())

    def embed(self, joints: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed prepared clips with the averaged weights."""
        return embed_with(self.average.module, joints, mask)

    def save(self, path: Path) -> None:
        """Write a checkpoint from which `restore` goes on; whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix('.part')
        torch.save(
            {
                'recipe': asdict(self.recipe),
                'data': self.data,
                'commit': self.commit,
                'step': self.step,
                'best': self.best,
                'stale': self.stale,
                'history': self.history,
                'best_weights': self.best_weights,
                'model': self.model.state_dict(),
                'average': self.average.state_dict(),
                'optimizer': self.optimizer.state_dict(),
            },
            temporary,
        )
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """
        Go on from a checkpoint.

        :raises SkeletonActionError: it is of another recipe or other data.
        """
        state = read_state(path)
        mine = asdict(self.recipe)
        differing = [key for key, value in state['recipe'].items() if value != mine.get(key)]
        if differing:
            raise SkeletonActionError(
                f'{path} is a checkpoint of another recipe: {", ".join(differing)} differ'
            )
        if state['data'] != self.data:
            raise SkeletonActionError(
                f'{path} is a checkpoint of other data: {state["data"]}, not {self.data}'
            )
        self.step, self.best, self.stale = state['step'], state['best'], state['stale']
        self.history, self.best_weights = state['history'], state['best_weights']
        self.model.load_state_dict(state['model'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])

    def _learning_rate(self) -> float:
        config = self.recipe.optimizer
        warm = min(1.0, (self.step + 1) / max(config.warm_up_steps, 1))
        return (
            config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / config.steps))
        )

    def _weights(self) -> dict[str, torch.Tensor]:
        return {key: value.clone() for key, value in self.average.module.state_dict().items()}

    def _validate(self, loss: float) -> None:
        share = validation_accuracy(self.embed, self.validation, self.recipe)
        self.history.append({'step': self.step, 'loss': loss, 'validation': share})
        if share > self.best or not self.validation:
            self.best, self.stale, self.best_weights = share, 0, self._weights()
        else:
            self.stale += 1


def validation_accuracy(embed: Any, samples: Sequence[Sample], recipe: Recipe) -> float:
    """Return one-shot accuracy on kept-out classes, the mean over data sets; 0 where none are."""
    shares = []
    for dataset in sorted({sample.dataset for sample in samples}):
        clips = [sample.clip for sample in samples if sample.dataset == dataset]
        if len({clip.label for clip in clips}) < 2:
            continue
        found = examined(embed, clips, recipe.preprocess, draws=VALIDATION_DRAWS, seed=recipe.seed)
        shares.append(found.accuracy.mean())
    return float(np.mean(shares)) if shares else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one recipe from the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.train', description=main.__doc__)
    parser.add_argument('recipe', choices=sorted(RECIPES))
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE')
    parser.add_argument('--out', type=Path, help='default: out/training/RECIPE')
    parser.add_argument('--resume', action='store_true', help='go on from the checkpoint in --out')
    options = parser.parse_args(arguments)
    try:
        recipe = override(RECIPES[options.recipe](), options.set)
        out = options.out or CHECKOUT / 'out' / 'training' / recipe.name
        train(recipe, out, resume=options.resume)
    except SkeletonActionError as error:
        parser.exit(1, f'{parser.prog}: {error}\n')
    return 0


def train(recipe: Recipe, out: Path, *, resume: bool = False) -> Trainer:
    """Run a recipe to its end; leaves `checkpoint.pt` and `history.json` in `out`."""
    samples = load_samples(
        recipe.data.train, simulated_people=recipe.data.simulated_people, seed=recipe.seed
    )
    trainer = Trainer(recipe, samples)
    checkpoint = out / 'checkpoint.pt'
    if resume and checkpoint.is_file():
        trainer.restore(checkpoint)
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    print(
        f'{recipe.name}: {len(samples)} clips, {len(trainer.classes)} actions to learn from, '
        f'{len({sample.action for sample in trainer.validation})} to validate on, '
        f'{weights:,} weights',
        flush=True,
    )
    began = time.monotonic()
    with (
        trainer.batches,
        tqdm(total=recipe.optimizer.steps, initial=trainer.step, unit='step') as bar,
    ):
        while not trainer.finished:
            loss = trainer.advance()
            bar.update()
            if trainer.history and trainer.history[-1]['step'] == trainer.step:
                bar.set_postfix(
                    loss=f'{loss:.3f}', validation=f'{trainer.history[-1]["validation"]:.4f}'
                )
                trainer.save(checkpoint)
    trainer.save(checkpoint)
    (out / 'history.json').write_text(
        json.dumps({'minutes': (time.monotonic() - began) / 60, 'steps': trainer.history}, indent=1)
    )
    return trainer


if __name__ == '__main__':
    raise SystemExit(main())
