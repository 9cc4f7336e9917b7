"""Whether somebody goes on doing the same over and over: walking, waving, clapping."""

from __future__ import annotations

import numpy as np

from skeleton_action_ros.core.body import hip_centres
from skeleton_action_ros.core.skeleton import NS_PER_S, Clip

REPEATED_NS = NS_PER_S
"""So much of the latest movement is looked for in what came before."""
_GRID_HZ = 15
_LATEST = _GRID_HZ
_LAGS = range(5, 2 * _GRID_HZ + 1)
"""Periods from a third of a second to two seconds."""
_ALIKE = 0.5
"""Movement repeats where it is off by no more than this share of how far it goes."""


def repeats(clip: Clip, since_ns: int) -> bool:
    """
    Say whether the last second of a clip is what was done up to two seconds before it.

    Positions relative to the hips are compared, root mean square over the joints that are seen all
    the time, with how far the same joints stray from where they are on average.

    :param clip: of `common_15`.
    :param since_ns: nothing before this is looked at.
    """
    end_ns = int(clip.stamps_ns[-1])
    first_ns = max(since_ns, int(clip.stamps_ns[0]), end_ns - 3 * NS_PER_S)
    steps = (end_ns - first_ns) * _GRID_HZ // NS_PER_S
    if steps < _LATEST + _LAGS[0]:
        return False
    times_ns = end_ns - np.arange(steps, -1, -1) * (NS_PER_S // _GRID_HZ)
    recent = clip.between(int(times_ns[0]) - NS_PER_S // _GRID_HZ, end_ns)
    seen = (recent.confidence > 0.0).all(axis=0)
    if not seen.any():
        return False
    relative = (recent.joints_m - hip_centres(recent.joints_m)[:, None])[:, seen]
    flat = relative.reshape(len(recent), -1)
    at = np.stack([np.interp(times_ns, recent.stamps_ns, column) for column in flat.T], axis=1)
    latest = at[-_LATEST:]
    strays = float(np.square(latest - latest.mean(axis=0)).mean())
    off = min(
        float(np.square(latest - at[-_LATEST - lag : -lag]).mean())
        for lag in _LAGS
        if lag + _LATEST <= len(at)
    )
    return off <= _ALIKE**2 * strays
