"""
The loop, for every system: it reads from top to bottom, and can be stopped after any step.

What decides a run is the recipe and the data; both are in the checkpoint, and a run that is stopped
and started again gives what an unbroken one gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from skeleton_action_ros.core.errors import SkeletonActionError
from training import parallel
from training.checkpoints import read_state, restore_parts, write_state
from training.config import Recipe, completed
from training.data import Sample, by_dataset, fingerprint
from training.evaluate import examined
from training.protocols import split
from training.provenance import commit, each_once
from training.recipes import make_system
from training.settings import differences, told
from training.system import Arrays, classified, decayed

VALIDATION_DRAWS = 20
_LARGEST_GRADIENT = 1.0


class DivergedError(SkeletonActionError):
    """A run came to numbers that are none."""


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
        self.commit = commit()
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.optimizer.threads)
        self.training, self.validation = split(recipe, samples)
        if not self.training:
            raise SkeletonActionError(
                f'{recipe.name}: nothing to learn from in {", ".join(recipe.data.train)}'
            )
        self.classes = tuple(sorted({sample.action for sample in self.training}))
        self.system = make_system(recipe)
        self.data = fingerprint(samples, self.system.files(samples))
        self.device = torch.device(device)
        self.model = self.system.network(self.classes)
        self.system.begin(self.model)
        self.model.to(self.device)
        self.average = AveragedModel(
            self.model,
            multi_avg_fn=get_ema_multi_avg_fn(recipe.optimizer.average),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        self.best_weights = weights_of(self.model)
        self.optimizer = self.system.optimizer(self.model)
        self.batches = self.system.batches(self.training)
        self._asked: dict[str, tuple[list[Sample], Arrays]] = {}
        self._known: dict[str, tuple[list[Sample], Arrays]] = {}

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

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        found = [
            entry['validation'] if self.validation else -entry['loss'] for entry in self.history
        ]
        share = decayed(self.recipe.optimizer, found)
        return self.system.learning_rate(self.step) * share

    def advance(self) -> float:
        """
        Do one step and return its loss.

        :raises DivergedError: it or its gradient is not finite, and no weight has been moved; or
            the weights are not, where they would have been measured.
        """
        number = self.step * parallel.size() + parallel.rank()
        batch = self.batches.at(number)
        rate = self.learning_rate
        for group in self.optimizer.param_groups:
            group['lr'] = rate
        torch.manual_seed(self.recipe.seed * 1_000_003 + number)
        self.model.train()
        halves = self.system.halves(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halves):
            loss = self.system.loss(self.model, batch)
        value = float(loss.detach())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        parallel.average_gradients(self.model)
        length = float(nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT))
        if not (math.isfinite(length) and math.isfinite(value)):
            raise self._diverged(f'loss is {value:g}, its gradient {length:g}', self.step + 1)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step += 1
        if self.step % self.recipe.optimizer.validate_steps == 0 or self.finished:
            self.validate(value)
        return value

    def validate(self, loss: float) -> None:
        """
        Measure the averaged weights on what was kept to select on, and keep the best.

        Where nothing was kept, the last are the best. Done after the last step by `advance`; a
        recipe without steps has it done once instead.

        :param loss: of the last step.
        """
        network = self.average.module
        if not all(bool(one.isfinite().all()) for one in network.parameters()):
            raise self._diverged('a weight is not finite', self.step)
        if self.validation or self.step >= self.recipe.optimizer.steps:
            network = self._finished_network()
        share = parallel.told_by_first(lambda: self.validation_accuracy(network))
        loss = parallel.told_by_first(lambda: loss)
        self.history.append({'step': self.step, 'loss': loss, 'validation': share})
        if self.validation and not self.system.may_be_best(self.step):
            return
        if share > self.best or not self.validation:
            self.best, self.stale, self.best_weights = share, 0, weights_of(network)
        else:
            self.stale += 1

    def validation_accuracy(self, network: nn.Module | None = None) -> float:
        """
        Measure a network on the clips that were kept to select on.

        Of a classifier the share of clips that it names rightly; of an embedder the one-shot
        accuracy on classes that are not learned from, or, where all are and persons are kept
        instead, the share of clips whose nearest learned one is of their action.

        :param network: the averaged weights, unless given.
        :return: the mean over data sets; 0 where there is nothing to ask.
        """
        network = self.average.module if network is None else network
        shares = [
            self._share_right(network, samples, inputs)
            for samples, inputs in self._validation_inputs().values()
        ]
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
                'processes': parallel.size(),
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

        A run that goes on under another commit is of both, in their order: 'ABC, DEF'.

        :raises SkeletonActionError: it is of another recipe or other data; or of another number of
            processes, which draw other batches, and has not come to its end.
        """
        state = read_state(path)
        mine, theirs = asdict(self.recipe), completed(type(self.recipe), state['recipe'])
        differing = differences(theirs, mine)
        if differing:
            raise SkeletonActionError(
                f'{path} is a checkpoint of another recipe: {told(differing)}'
            )
        if state['data'] != self.data:
            raise SkeletonActionError(
                f'{path} is a checkpoint of other data: {state["data"]}, not {self.data}'
            )
        self.step, self.best, self.stale = state['step'], state['best'], state['stale']
        processes = state.get('processes', 1)
        if processes != parallel.size() and not self.finished:
            raise SkeletonActionError(
                f'{path} is a checkpoint of {processes} processes that train together, expected '
                f'{parallel.size()}: go on by torchrun --nproc-per-node {processes}'
                if processes > 1
                else f'{path} is a checkpoint of one process, expected {parallel.size()} that '
                'train together: go on without torchrun'
            )
        self.seconds, self.tried = state['seconds'], state['tried']
        begun = state['commit']
        self.commit = begun if self.finished else each_once((begun, self.commit))
        self.history, self.best_weights = state['history'], state['best_weights']
        restore_parts(
            path,
            state,
            {'model': self.model, 'average': self.average, 'optimizer': self.optimizer},
        )

    def _diverged(self, what: str, step: int) -> DivergedError:
        rate = self.optimizer.param_groups[0]['lr']
        return DivergedError(
            f'{self.recipe.name} has diverged: {what} at step {step} of '
            f'{self.recipe.optimizer.steps}, with a learning rate of {rate:g}'
        )

    def _finished_network(self) -> nn.Module:
        """Return a copy of the averaged weights with what is not learned by gradient."""
        network: nn.Module = deepcopy(self.average.module).eval()
        with torch.no_grad():
            self.system.finish(network, self.training)
        return network

    def _share_right(self, network: nn.Module, samples: list[Sample], inputs: Arrays) -> float:
        labels = [sample.clip.label for sample in samples]
        learned = {sample.action for sample in samples} <= set(self.classes)
        if learned and self.system.kind == 'classifier':
            named = classified(self.system, network, inputs).argmax(axis=1)
            pairs = zip(named, samples, strict=True)
            return float(np.mean([self.classes[at] == sample.action for at, sample in pairs]))
        if learned:
            own, taught = self._taught(samples[0].dataset)
            known = [sample.clip.label for sample in own]
            nearest = self.system.distances(network, inputs, taught, known).argmin(axis=0)
            return float(np.mean(np.array(known)[nearest] == np.array(labels)))

        def distances(rows: NDArray[np.intp]) -> NDArray[np.float32]:
            taught = tuple(array[rows] for array in inputs)
            return self.system.distances(network, inputs, taught, [labels[row] for row in rows])

        found = examined(
            distances,
            labels,
            [sample.clip.subject for sample in samples],
            draws=VALIDATION_DRAWS,
            seed=self.recipe.seed,
        )
        return float(found.accuracy.mean())

    def _taught(self, dataset: str) -> tuple[list[Sample], Arrays]:
        """Return the clips learned from of a data set, prepared once."""
        if dataset not in self._known:
            own = [sample for sample in self.training if sample.dataset == dataset]
            self._known[dataset] = own, self.system.inputs(own)
        return self._known[dataset]

    def _validation_inputs(self) -> dict[str, tuple[list[Sample], Arrays]]:
        """Return the validation clips of each data set, prepared once."""
        if not self._asked:
            for dataset, own in by_dataset(self.validation).items():
                self._asked[dataset] = own, self.system.inputs(own)
        return self._asked


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copy a network's weights and buffers, to the CPU."""
    return {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}


def choose_rate(recipe: Recipe, samples: Sequence[Sample], *, device: str = 'cpu') -> Trainer:
    """
    Return a fresh run with the learning rate that does best on the validation classes.

    Each of `optimizer.rates` is tried from the start for `optimizer.rate_steps` steps, under the
    schedule of a run of that length; the first of equally good ones is taken, and one with which
    training diverges counts as 0. Without rates, or without validation classes to choose by, the
    recipe keeps the learning rate that it has.
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
            try:
                while not trial.finished:
                    trial.advance()
                tried[str(rate)] = trial.best
            except DivergedError:
                tried[str(rate)] = 0.0
    best = max(config.rates, key=lambda rate: tried[str(rate)])
    chosen = replace(recipe, optimizer=replace(config, learning_rate=best))
    return Trainer(chosen, samples, device=device, tried=tried)
