"""
Published data sets as clips: one module each, listed in `DATASETS`.

All of them yield canonical frames (ROS optical, metres), joints in the order of a named layout, and
readable labels. The data itself is its owners'; none of it is here.
"""

from __future__ import annotations

from skeleton_action_ros.adapters.datasets import (
    florence3d,
    msr_action3d,
    ntu_rgbd,
    nw_ucla,
    sbu,
    utd_mhad,
    utkinect,
)
from skeleton_action_ros.adapters.datasets.base import (
    Dataset,
    DatasetClip,
    cut_actions,
    main_bodies,
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        utd_mhad.DATASET,
        msr_action3d.DATASET,
        utkinect.DATASET,
        nw_ucla.DATASET,
        florence3d.DATASET,
        ntu_rgbd.DATASET,
        sbu.DATASET,
    )
}

__all__ = ['DATASETS', 'Dataset', 'DatasetClip', 'cut_actions', 'main_bodies']
