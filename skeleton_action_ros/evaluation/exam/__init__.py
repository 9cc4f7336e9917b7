"""
One-shot accuracy of models on clips: taught by one clip an action from one person, asked on others.

Models and the baselines that need no training answer the same questions, drawn many times over. The
page about it is in `exam.page`, which needs plotly.
"""

from skeleton_action_ros.evaluation.exam.distances import (
    BASELINES,
    CANONICAL,
    DTW_BAND,
    RAW,
    Distances,
    baseline_distances,
    embed,
    model_distances,
)
from skeleton_action_ros.evaluation.exam.embedding_map import map_of
from skeleton_action_ros.evaluation.exam.examination import Examination, examine
from skeleton_action_ros.evaluation.exam.figures import Figures, measure
from skeleton_action_ros.evaluation.exam.material import (
    LONGEST_S,
    SHORTEST_FRAMES,
    Item,
    Material,
    Skipped,
    prepare_items,
    read_items,
)
from skeleton_action_ros.evaluation.exam.protocol import Draw, Plan, make_draws, plan_exam

__all__ = [
    'BASELINES',
    'CANONICAL',
    'DTW_BAND',
    'LONGEST_S',
    'RAW',
    'SHORTEST_FRAMES',
    'Distances',
    'Draw',
    'Examination',
    'Figures',
    'Item',
    'Material',
    'Plan',
    'Skipped',
    'baseline_distances',
    'embed',
    'examine',
    'make_draws',
    'map_of',
    'measure',
    'model_distances',
    'plan_exam',
    'prepare_items',
    'read_items',
]
