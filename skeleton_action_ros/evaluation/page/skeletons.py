"""Pack the moving skeletons for the player in the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from skeleton_action_ros.core.layouts import LAYOUTS, Common15, Layout
from skeleton_action_ros.core.skeleton import NS_PER_S, SkeletonFrame
from skeleton_action_ros.evaluation.page.data import OUTCOMES, Bar, Footage

_FACE = ('NOSE', 'EYE', 'EAR', 'MOUTH')
_SMOOTH_HZ = 20.0
_MOST_COORDINATES = 1_500_000


def player_data(data: Footage, most_coordinates: int = _MOST_COORDINATES) -> dict[str, Any]:
    """
    Return what player.js reads: tracks, layouts and bars; times in seconds from the start.

    :param most_coordinates: of all joints at all times; more are thinned in time.
    """

    def bars(items: Sequence[Bar]) -> list[dict[str, Any]]:
        return [
            {
                'body': bar.body_id,
                'label': bar.label,
                'start': data.seconds(bar.start_ns),
                'end': data.seconds(bar.end_ns),
                'open': [data.seconds(at) for at in bar.open_ns] if bar.open_ns else None,
                'colour': OUTCOMES[bar.outcome],
            }
            for bar in items
        ]

    tracks = _tracks(data, most_coordinates)
    used = sorted({track['layout'] for track in tracks})
    return {
        'seconds': data.length_s,
        'people': [{'body': body_id, 'name': name} for body_id, name in data.people.items()],
        'tracks': tracks,
        'layouts': {name: drawn_layout(name) for name in used},
        'shown': bars(data.shown),
        'events': bars(data.events),
    }


def drawn_layout(name: str) -> dict[str, Any]:
    """Return what the player must know of a layout."""
    layout = LAYOUTS[name]
    return {
        'joints': layout.joint_count,
        'bones': _drawn_bones(layout),
        'head': layout.to_common[Common15.HEAD],
    }


def _drawn_bones(layout: Layout) -> list[tuple[int, int]]:
    """Return the bones without those of the face, for which the player draws a head."""
    names = {int(joint): joint.name for joint in layout.joints}
    return [
        (parent, child)
        for parent, child in layout.bones
        if not names[child].startswith(_FACE) and not names[parent].startswith(_FACE)
    ]


def _tracks(data: Footage, most_coordinates: int) -> list[dict[str, Any]]:
    """
    Pack each person's frames, thinned to what the eye needs: milliseconds, millimetres, per cent.

    A person who changes layout has a track for each.
    """
    tracks: dict[tuple[int, str], list[SkeletonFrame]] = {}
    for scene in data.scenes:
        for frame in scene.skeletons:
            if frame.body_id in data.people:
                tracks.setdefault((frame.body_id, frame.layout), []).append(frame)
    coordinates = sum(frame.joints_m.size for frames in tracks.values() for frame in frames)
    origin_ns = data.scenes[0].stamp_ns
    rate_hz = len(data.scenes) / max(data.length_s, 1e-3)
    thin_hz = min(_SMOOTH_HZ, rate_hz * most_coordinates / max(coordinates, 1))
    return [
        packed_track(body_id, _thinned(frames, round(NS_PER_S / thin_hz)), origin_ns)
        for (body_id, _), frames in tracks.items()
    ]


def packed_track(body_id: int, frames: Sequence[SkeletonFrame], origin_ns: int) -> dict[str, Any]:
    """
    Pack frames of one layout, at least one, as tracks.js unpacks them.

    :param origin_ns: the stamp of time 0.
    """
    joints = np.stack([frame.joints_m for frame in frames]) * 1000.0
    confidence = np.stack([frame.confidence for frame in frames]) * 100.0
    stamps = np.array([(frame.stamp_ns - origin_ns) // 1_000_000 for frame in frames])
    return {
        'body': body_id,
        'layout': frames[0].layout,
        'times': _base64(stamps, '<i4'),
        'joints': _base64(np.clip(joints, -32768, 32767).round(), '<i2'),
        'confidence': _base64(confidence.round(), 'u1'),
    }


def _thinned(frames: Sequence[SkeletonFrame], apart_ns: int) -> list[SkeletonFrame]:
    """Keep the first frame of every stretch of `apart_ns`."""
    kept = [frames[0]]
    for frame in frames[1:]:
        if frame.stamp_ns // apart_ns != kept[-1].stamp_ns // apart_ns:
            kept.append(frame)
    return kept


def _base64(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(kind)).tobytes()).decode('ascii')
