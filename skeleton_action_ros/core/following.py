"""Where in an image a person is, and whose turn it is when several are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MARGIN = 1.25
_REACH = 0.5
_SAME = 0.25


@dataclass(frozen=True)
class Region:
    """
    A square of the image with one person in it, turned so that the person stands upright.

    :param x_px: column of the middle, between the hips.
    :param y_px: row of the middle.
    :param side_px: length of a side.
    :param rotation: by which the person leans to the right in the image, radians.
    """

    x_px: float
    y_px: float
    side_px: float
    rotation: float


def region_around(middle_px: tuple[float, float], rim_px: tuple[float, float]) -> Region:
    """
    Return the square around a circle that holds a person, with some room.

    :param middle_px: of the circle: column and row of the middle between the hips.
    :param rim_px: the point of the circle straight above it, as the person stands.
    """
    right_px, down_px = rim_px[0] - middle_px[0], rim_px[1] - middle_px[1]
    lean = math.atan2(right_px, -down_px)
    return Region(*middle_px, 2.0 * math.hypot(right_px, down_px) * _MARGIN, lean)


def nearest_to(place_px: tuple[float, float], regions: Sequence[Region]) -> list[Region]:
    """Sort regions, the nearest to a place of the image first."""
    return sorted(regions, key=lambda region: _distance_px(place_px, region))


def could_be(last: Region, regions: Sequence[Region]) -> list[Region]:
    """Return where somebody may be who was at `last` a moment ago, the nearest first."""
    place_px = (last.x_px, last.y_px)
    near = [each for each in regions if _distance_px(place_px, each) <= _REACH * last.side_px]
    return nearest_to(place_px, near)


def is_same(one: Region, other: Region) -> bool:
    """Tell whether two regions show the same person, as far as places tell."""
    place_px = (other.x_px, other.y_px)
    return _distance_px(place_px, one) <= _SAME * max(one.side_px, other.side_px)


def _distance_px(place_px: tuple[float, float], region: Region) -> float:
    return math.hypot(region.x_px - place_px[0], region.y_px - place_px[1])
