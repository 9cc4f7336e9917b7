"""Regions of an image, and which person is followed."""

from __future__ import annotations

import math

import pytest

from skeleton_action_ros.core.following import (
    Region,
    could_be,
    is_same,
    nearest_to,
    region_around,
)


@pytest.mark.parametrize(
    ('rim', 'lean'),
    [
        ((300.0, 100.0), 0.0),  # straight above
        ((400.0, 200.0), math.pi / 2),  # head to the right of the image
        ((200.0, 200.0), -math.pi / 2),
        ((300.0, 300.0), math.pi),  # head down
    ],
)
def test_region_holds_the_circle_with_room_and_leans_with_the_person(
    rim: tuple[float, float], lean: float
) -> None:
    region = region_around((300.0, 200.0), rim)
    assert (region.x_px, region.y_px) == (300.0, 200.0)
    assert region.side_px == pytest.approx(250.0)  # radius 100, a quarter of room
    assert region.rotation == pytest.approx(lean)


def at(x_px: float, y_px: float = 200.0, side_px: float = 100.0) -> Region:
    return Region(x_px, y_px, side_px, 0.0)


def test_nearest_to_a_place_comes_first() -> None:
    assert nearest_to((310.0, 200.0), [at(100.0), at(320.0), at(290.0)]) == [
        at(320.0),
        at(290.0),
        at(100.0),
    ]


def test_somebody_can_be_half_a_region_away_and_no_farther() -> None:
    assert could_be(at(300.0), [at(351.0), at(349.0), at(260.0)]) == [at(260.0), at(349.0)]


def test_two_regions_show_one_person_where_their_middles_nearly_agree() -> None:
    assert is_same(at(300.0), at(320.0))
    assert not is_same(at(300.0), at(330.0))
