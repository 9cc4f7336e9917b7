"""The network of figure 11: poses, recurrent layers, scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skeleton_action_ros.core.layouts import Common15
from training.recurrent.alignment import Alignment, Translation
from training.recurrent.cells import CELLS, TwoWay
from training.recurrent.losses import averaged
from training.recurrent.recipe import NetworkConfig, PoseConfig, RecurrentRecipe
from training.recurrent.transformer import SkeletonTransformer

KEPT_JOINTS: dict[int, list[int]] = {
    15: list(Common15),
    13: [joint for joint in Common15 if joint not in (Common15.NECK, Common15.TORSO)],
}


class PoseStream(nn.Module):
    """
    What the recurrent layers read at each time.

    :ivar width: numbers at each time.
    """

    def __init__(self, recipe: RecurrentRecipe) -> None:
        super().__init__()
        self.config: PoseConfig = recipe.pose
        self.place = Alignment() if recipe.pose.aligned else Translation()
        self.kept = KEPT_JOINTS[recipe.pose.joints]
        self.transformer = (
            None
            if recipe.transformer.combination == 'none'
            else SkeletonTransformer(recipe.transformer, len(self.kept))
        )
        self.width = 3 * len(self.kept) * (2 if recipe.pose.stream == 'both' else 1)

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Map prepared clips to sequences.

        Motion is M_t = P_{t+1} - P_t, of T - 1 times (section 3.3.2). Beside it stands the pose
        P_t; how [45] joins the two, which the thesis points at, is two networks of convolutions.

        :param joints: (B, T, 15, 3) as from `prepare`, neither turned nor scaled.
        :param mask: (B, T, 15).
        :return: (B, T, width), or (B, T - 1, width) with motion.
        """
        poses: Tensor = self.place(joints, mask)[:, :, self.kept]
        if self.transformer is not None:
            poses = self.transformer(poses)
        poses = poses.flatten(2)
        if self.config.stream == 'pose':
            return poses
        motion = poses[:, 1:] - poses[:, :-1]
        if self.config.stream == 'motion':
            return motion
        return torch.cat((poses[:, :-1], motion), dim=2)

    def penalty(self) -> Tensor | float:
        """Return what the skeleton transformer adds to the loss."""
        return 0.0 if self.transformer is None else self.transformer.penalty()


class RecurrentNetwork(nn.Module):
    """
    Recurrent layers with dropout after each, and one fully connected layer.

    "The output vector of the final layer at the final time step is multiplied by a weight matrix
    and passed element-wise through a rectified linear unit. This produces a score for each action
    label" (figure 11).

    :param classes: how many actions there are to name.
    """

    def __init__(self, recipe: RecurrentRecipe, classes: int) -> None:
        super().__init__()
        self.config: NetworkConfig = recipe.network
        self.stream = PoseStream(recipe)
        cell, units = CELLS[self.config.cell], self.config.units
        self.layers = nn.ModuleList()
        width = self.stream.width
        for _ in range(self.config.layers):
            two_way = self.config.bidirectional
            self.layers.append(TwoWay(cell, width, units) if two_way else cell(width, units))
            width = units * (2 if two_way else 1)
        self.dropout = nn.Dropout(1.0 - self.config.keep)
        self.last = nn.Linear(width, classes)
        nn.init.xavier_uniform_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def scores(self, joints: Tensor, mask: Tensor) -> Tensor:
        """
        Score the actions at every time that is to name one.

        :param joints: (B, T, 15, 3) as from `prepare`, neither turned nor scaled.
        :param mask: (B, T, 15).
        :return: (B, T, classes), or (B, 1, classes) of the last time only.
        """
        outputs = self.stream(joints, mask)
        for layer in self.layers:
            outputs = self.dropout(layer(outputs))
        if not self.config.every_step:
            outputs = outputs[:, -1:]
        scores: Tensor = self.last(outputs)
        return torch.relu(scores) if self.config.relu_scores else scores

    def forward(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, classes): scores of the last time, or averaged over all times."""
        scores = self.scores(joints, mask)
        return averaged(scores) if self.config.every_step else scores[:, 0]
