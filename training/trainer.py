"""
The loop, for every system: it reads from top to bottom, and can be stopped after any step.

What decides a run is the recipe and the data; both are in the checkpoint, and a run that is stopped
and started again gives what an unbroken one gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from skeleton_action_ros.core.errors import SkeletonActionError
from training.checkpoints import read_state, write_state
from training.config import Recipe
from training.data import Sample, fingerprint
from training.evaluate import examined
from training.protocols import split
from training.provenance import commit
from training.recipes import make_system
from training.system import Arrays

VALIDATION_DRAWS = 20
_LARGEST_GRADIENT = 1.0


class Trainer:
    """
    One run of a recipe; close it, or use it with `with`.

    :param samples: all clips of the recipe's data sets; its protocol says which are learned from.
    :param device: where the network computes: 'cpu', 'cuda'.
    :param tried: validation accuracy of the learning rates among which the recipe's was chosen.
    :raises SkeletonActionError: there is nothing to learn from.
    """

    def __init__(
        self,
        recipe: Recipe,
        samples: Sequence[Sample],
        *,
        device: str = 'cpu',
        tried: Mapping[str, float] | None = None,
    ) -> None:
        self.recipe = recipe
        self.tried = dict(tried or {})
        self.step = 0
        self.best = -1.0
        self.stale = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self.data = fingerprint(samples)
        self.commit = commit()
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.optimizer.threads)
        training, self.validation = split(recipe, samples)
        if not training:
            raise SkeletonActionError(
                f'{recipe.name}: nothing to learn from in {", ".join(recipe.data.train)}'
            )
        self.classes = tuple(sorted({sample.action for sample in training}))
        self.system = make_system(recipe)
        self.model = self.system.network(self.classes).to(device)
        self.average = AveragedModel(
            self.model,
            multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.average),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self.best_weights = self._weights()
        self.optimizer = self.system.optimizer(self.model)
        self.batches = self.system.batches(training)
        self._asked: dict[str, tuple[list[Sample], Arrays]] = {}

    def __enter__(self) -> Trainer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.batches.close()

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or validation has not improved for `patience` times."""
        config = self.recipe.optimizer
        return self.step >= config.steps or self.stale >= config.patience

    def advance(self) -> float:
        """Do one step and return its loss."""
        batch = self.batches.at(self.step)
        for group in self.optimizer.param_groups:
            group['lr'] = self.system.learning_rate(self.step)
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)
        self.model.train()
        loss = self.system.loss(self.model, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        if self.step % self.recipe.optimizer.validate_steps == 0 or self.finished:
            self._validate(float(loss.detach()))
        return float(loss.detach())

    def validation_accuracy(self) -> float:
        """
        Measure the averaged weights on the validation classes, none of which is learned from.

        :return: one-shot accuracy, the mean over data sets; 0 where no data set keeps two classes.
        """
        shares = []
        for samples, inputs in self._validation_inputs().values():
            labels = [sample.clip.label for sample in samples]
            found = examined(
                partial(self._distances, inputs, labels),
                labels,
                [sample.clip.subject for sample in samples],
                draws=VALIDATION_DRAWS,
                seed=self.recipe.seed,
            )
            shares.append(found.accuracy.mean())
        return float(np.mean(shares)) if shares else 0.0

    def save(self, path: Path) -> None:
        """Write a checkpoint from which `restore` goes on; whole or not at all."""
        write_state(
            path,
            {
                'recipe': asdict(self.recipe),
                'classes': list(self.classes),
                'data': self.data,
                'commit': self.commit,
                'tried': self.tried,
                'step': self.step,
                'best': self.best,
                'stale': self.stale,
                'seconds': self.seconds,
                'history': self.history,
                'best_weights': self.best_weights,
                'model': self.model.state_dict(),
                'average': self.average.state_dict(),
                'optimizer': self.optimizer.state_dict(),
            },
        )

    def restore(self, path: Path) -> None:
        """
        Go on from a checkpoint.

        :raises SkeletonActionError: it is of another recipe or other data.
        """
        state = read_state(path)
        mine = asdict(self.recipe)
        differing = sorted(
            key for key in {*state['recipe'], *mine} if state['recipe'].get(key) != mine.get(key)
        )
        if differing:
            raise SkeletonActionError(
                f'{path} is a checkpoint of another recipe: {", ".join(differing)} differ'
            )
        if state['data'] != self.data:
            raise SkeletonActionError(
                f'{path} is a checkpoint of other data: {state["data"]}, not {self.data}'
            )
        self.step, self.best, self.stale = state['step'], state['best'], state['stale']
        self.seconds, self.tried = state['seconds'], state['tried']
        self.history, self.best_weights = state['history'], state['best_weights']
        self.model.load_state_dict(state['model'])
        self.average.load_state_dict(state['average'])
        self.optimizer.load_state_dict(state['optimizer'])

    def _weights(self) -> dict[str, torch.Tensor]:
        weights = self.average.module.state_dict()
        return {key: value.detach().cpu().clone() for key, value in weights.items()}

    def _distances(
        self, inputs: Arrays, labels: Sequence[str], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        taught = tuple(array[rows] for array in inputs)
        names = [labels[row] for row in rows]
        return self.system.distances(self.average.module, inputs, taught, names)

    def _validation_inputs(self) -> dict[str, tuple[list[Sample], Arrays]]:
        """Return the validation clips of each data set that keeps two classes, prepared once."""
        if not self._asked:
            for dataset in sorted({sample.dataset for sample in self.validation}):
                own = [sample for sample in self.validation if sample.dataset == dataset]
                if len({sample.clip.label for sample in own}) > 1:
                    inputs = self.system.inputs([sample.clip for sample in own])
                    self._asked[dataset] = own, inputs
        return self._asked

    def _validate(self, loss: float) -> None:
        share = self.validation_accuracy()
        self.history.append({'step': self.step, 'loss': loss, 'validation': share})
        if share > self.best or not self.validation:
            self.best, self.stale, self.best_weights = share, 0, self._weights()
        else:
            self.stale += 1


def choose_rate(recipe: Recipe, samples: Sequence[Sample], *, device: str = 'cpu') -> Trainer:
    """
    Return a fresh run with the learning rate that does best on the validation classes.

    Each of `optimizer.rates` is tried from the start for `optimizer.rate_steps` steps, under the
    schedule of a run of that length; the first of equally good ones is taken. Without rates, or
    without validation classes to choose by, the recipe keeps the learning rate that it has.
    """
    config = recipe.optimizer
    if not config.rates or not split(recipe, samples).validation:
        return Trainer(recipe, samples, device=device)
    tried: dict[str, float] = {}
    for rate in config.rates:
        short = replace(
            config,
            learning_rate=rate,
            steps=config.rate_steps,
            validate_steps=config.rate_steps,
            warm_up_steps=min(config.warm_up_steps, config.rate_steps // 10),
        )
        with Trainer(replace(recipe, optimizer=short), samples, device=device) as trial:
            while not trial.finished:
                trial.advance()
            tried[str(rate)] = trial.best
    best = max(config.rates, key=lambda rate: tried[str(rate)])
    chosen = replace(recipe, optimizer=replace(config, learning_rate=best))
    return Trainer(chosen, samples, device=device, tried=tried)
