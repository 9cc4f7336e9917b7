"""The same conversions with the classes of rclpy and of bags, where the first are installed."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeleton_action_ros.adapters.bags import bag_message_types
from skeleton_action_ros.adapters.msg_conversions import (
    MessageTypes,
    gallery_from_msg,
    gallery_to_msg,
    ros_message_types,
    scene_from_msg,
    scene_to_msg,
    span_from_msg,
    span_to_msgs,
    template_from_msg,
    time_from_msg,
    time_to_msg,
    window_from_msg,
    window_to_msg,
)
from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import BadSkeletonError, GalleryError, UnknownLayoutError
from skeleton_action_ros.core.gallery import Gallery, Template
from skeleton_action_ros.core.skeleton import ActionSpan, Clip, Scene, SkeletonFrame
from skeleton_action_ros.core.windows import Window

STAMP_NS = 5_000_000_007


@pytest.fixture(params=['rclpy', 'bag'])
def types(request: pytest.FixtureRequest) -> MessageTypes:
    if request.param == 'bag':
        return bag_message_types()
    try:
        return ros_message_types()
    except ImportError as error:
        pytest.skip(f'needs the built messages: {error}')


def frame(body_id: int = 7, stamp_ns: int = STAMP_NS) -> SkeletonFrame:
    joints = np.arange(1, 46, dtype=np.float32).reshape(15, 3) / 10
    confidence = np.linspace(0.25, 1.0, 15, dtype=np.float32)
    return SkeletonFrame(stamp_ns, body_id, 'common_15', joints, confidence)


def skeleton(types: MessageTypes, body_id: int = 7, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        'layout': 'common_15',
        'positions': np.arange(1, 46, dtype=np.float32) / 10,
        'confidences': np.ones(15, np.float32),
        **changes,
    }
    return types.skeleton(
        body_id=body_id,
        layout=fields['layout'],
        positions=types.floats(np.asarray(fields['positions'], np.float32)),
        confidences=types.floats(np.asarray(fields['confidences'], np.float32)),
    )


def array_of(types: MessageTypes, *skeletons: Any, stamp_ns: int = STAMP_NS) -> Any:
    header = types.header(stamp=time_to_msg(stamp_ns, types), frame_id='camera')
    return types.skeleton_array(header=header, skeletons=list(skeletons))


def clip(frames: int = 3) -> Clip:
    return Clip(
        joints_m=np.arange(frames * 45, dtype=np.float32).reshape(frames, 15, 3) / 100,
        confidence=np.linspace(0, 1, frames * 15, dtype=np.float32).reshape(frames, 15),
        stamps_ns=STAMP_NS + np.arange(frames, dtype=np.int64) * 40_000_001,
        layout='common_15',
        label='wave',
    )


def test_time_keeps_every_nanosecond(types: MessageTypes) -> None:
    message = time_to_msg(5_000_000_007, types)
    assert (message.sec, message.nanosec) == (5, 7)
    assert time_from_msg(message) == 5_000_000_007


def test_a_scene_becomes_the_message_that_is_documented(types: MessageTypes) -> None:
    message = scene_to_msg(Scene(STAMP_NS, (frame(),)), 'camera', types)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 7)
    assert message.header.frame_id == 'camera'
    [body] = message.skeletons
    assert (body.body_id, body.layout) == (7, 'common_15')
    np.testing.assert_allclose(body.positions, np.arange(1, 46) / 10, rtol=1e-6)
    assert list(body.confidences)[::14] == [0.25, 1.0]


def test_a_scene_comes_back_as_it_was(types: MessageTypes) -> None:
    scene = Scene(STAMP_NS, (frame(7), frame(9)))
    back, errors = scene_from_msg(scene_to_msg(scene, 'camera', types))
    assert errors == []
    assert back.stamp_ns == STAMP_NS
    assert [each.body_id for each in back.skeletons] == [7, 9]
    for each in back.skeletons:
        assert (each.stamp_ns, each.layout) == (STAMP_NS, 'common_15')
        np.testing.assert_array_equal(each.joints_m, frame().joints_m)
        np.testing.assert_array_equal(each.confidence, frame().confidence)


def test_what_is_read_does_not_share_memory_with_the_message(types: MessageTypes) -> None:
    message = array_of(types, skeleton(types))
    scene, _ = scene_from_msg(message)
    message.skeletons[0].positions[0] = 99.0
    assert scene.skeletons[0].joints_m[0, 0] == pytest.approx(0.1)


def test_nobody_in_view_is_an_empty_scene(types: MessageTypes) -> None:
    scene, errors = scene_from_msg(array_of(types))
    assert (scene, errors) == (Scene(STAMP_NS, ()), [])


def test_bad_bodies_do_not_hurt_the_others(types: MessageTypes) -> None:
    message = array_of(
        types,
        skeleton(types, 1, positions=np.ones(75)),
        skeleton(types, 2, layout='kinect_v3'),
        skeleton(types, 3),
        skeleton(types, 4, confidences=np.full(15, 1.5)),
        skeleton(types, 5, positions=np.full(45, np.nan)),
        skeleton(types, 6, positions=np.zeros(45)),
        skeleton(types, 7, confidences=np.ones(14)),
        skeleton(types, 8, positions=np.full(45, 1500.0)),
        skeleton(types, 3),
        skeleton(types, 9),
    )
    scene, errors = scene_from_msg(message)
    assert [each.body_id for each in scene.skeletons] == [3, 9]
    assert isinstance(errors[1], UnknownLayoutError)
    assert [error.reason for error in errors if isinstance(error, BadSkeletonError)] == [
        'joint_count',
        'confidence_range',
        'empty_body',
        'empty_body',
        'confidence_count',
        'not_metres',
        'duplicate_body',
    ]
    assert 'is it kinect_v2_25?' in str(errors[0])


@pytest.mark.parametrize('bodies', [0, 1])
def test_a_stamp_of_0_is_one_error_and_an_empty_scene(types: MessageTypes, bodies: int) -> None:
    message = array_of(types, *[skeleton(types)] * bodies, stamp_ns=0)
    scene, [error] = scene_from_msg(message)
    assert scene == Scene(0, ())
    assert isinstance(error, BadSkeletonError)
    assert error.reason == 'stamp'


def test_a_hundred_bodies_are_a_hundred_bodies(types: MessageTypes) -> None:
    message = array_of(types, *[skeleton(types, number) for number in range(100)])
    scene, errors = scene_from_msg(message)
    assert (len(scene.skeletons), errors) == (100, [])


def test_a_window_becomes_the_message_that_is_documented(types: MessageTypes) -> None:
    message = window_to_msg(Window(7, clip()), 'camera', types)
    assert time_from_msg(message.start) == STAMP_NS
    assert time_from_msg(message.header.stamp) == STAMP_NS + 80_000_002
    assert (message.body_id, message.layout, message.frames) == (7, 'common_15', 3)
    assert list(message.stamps) == [STAMP_NS, STAMP_NS + 40_000_001, STAMP_NS + 80_000_002]
    assert len(message.positions) == 135
    assert message.positions[46] == pytest.approx(0.46)
    assert len(message.confidences) == 45


def test_a_window_comes_back_as_it_was(types: MessageTypes) -> None:
    window = window_from_msg(window_to_msg(Window(7, clip()), 'camera', types))
    assert window.body_id == 7
    np.testing.assert_array_equal(window.clip.joints_m, clip().joints_m)
    np.testing.assert_array_equal(window.clip.confidence, clip().confidence)
    np.testing.assert_array_equal(window.clip.stamps_ns, clip().stamps_ns)


@pytest.mark.parametrize(
    ('field', 'values', 'complaint'),
    [
        ('stamps', [3, 2, 5], 'window of body 7: stamps must rise, got 3 then 2'),
        ('stamps', [], 'positions of the window of body 7 must be 0 x 15 x 3 = 0 numbers, got 135'),
        ('positions', [1.0] * 134, 'must be 3 x 15 x 3 = 135 numbers, got 134'),
        ('positions', [float('nan')] * 135, 'must be metres and finite, got up to nan'),
        ('positions', [2000.0] * 135, 'must be metres and finite, got up to 2000'),
        ('confidences', [1.0] * 44, 'confidences of the .* must be 3 x 15 = 45 numbers, got 44'),
        ('confidences', [2.0] * 45, 'confidence must be from 0 to 1'),
        ('stamps', [0, 1, 2], 'window of body 7: stamps must be positive, got 0 ns'),
        ('stamps', [-9, -5, 5_080_000_009], 'stamps must be positive, got -9 ns'),
        (
            'stamps',
            [5_000_000_007, 5_040_000_008, 6_000_000_000],
            'header.stamp is 5080000009 ns, but the last of its stamps is 6000000000 ns',
        ),
        ('stamps', [1, 2, 100_000_000_002], 'must last at most 100 s, got 100 s'),
        ('stamps', [1, 2, 2**62], 'must last at most 100 s, got 4.61169e\\+09 s'),
    ],
)
def test_a_bad_window_is_refused(
    types: MessageTypes, field: str, values: list[Any], complaint: str
) -> None:
    message = window_to_msg(Window(7, clip()), 'camera', types)
    flat = (
        types.integers(np.array(values, np.int64))
        if field == 'stamps'
        else types.floats(np.array(values, np.float32))
    )
    setattr(message, field, flat)
    with pytest.raises(BadSkeletonError, match=complaint) as caught:
        window_from_msg(message)
    assert caught.value.reason == 'window'


def test_a_window_that_counts_wrong_or_has_no_layout_is_refused(types: MessageTypes) -> None:
    message = window_to_msg(Window(7, clip()), 'camera', types)
    message.frames = 4
    with pytest.raises(BadSkeletonError, match='frames is 4, but there are 3 stamps'):
        window_from_msg(message)
    message.layout = 'stick_figure'
    with pytest.raises(UnknownLayoutError, match="'stick_figure'"):
        window_from_msg(message)


def test_a_span_is_two_events_and_comes_back(types: MessageTypes) -> None:
    span = ActionSpan('wave', 1_500_000_000, 2_000_000_001, 7)
    started, ended = span_to_msgs(span, 'camera', types)
    assert (started.kind, ended.kind) == (0, 1)
    assert time_from_msg(started.header.stamp) == time_from_msg(started.start) == 1_500_000_000
    assert time_from_msg(started.end) == 0
    assert time_from_msg(ended.header.stamp) == time_from_msg(ended.end) == 2_000_000_001
    assert time_from_msg(ended.start) == 1_500_000_000
    assert {event.confidence for event in (started, ended)} == {1.0}
    assert {event.latency for event in (started, ended)} == {0.0}
    assert span_from_msg(started) is None
    assert span_from_msg(ended) == span


def gallery() -> Gallery:
    return Gallery(
        tuple(
            Template(f'id{number}', 'wave', clip(number + 1), 0.5, STAMP_NS, 'body 7, LAST_MOTION')
            for number in range(2)
        ),
        revision=2**40,
    )


def test_a_gallery_comes_back_as_it_was(types: MessageTypes) -> None:
    message = gallery_to_msg(gallery(), STAMP_NS, types)
    assert time_from_msg(message.header.stamp) == STAMP_NS
    assert message.templates[1].stamps[1] == STAMP_NS + 40_000_001
    back, errors = gallery_from_msg(message)
    assert errors == []
    assert back.revision == 2**40
    assert back.templates == gallery().templates
    for got, expected in zip(back.templates, gallery().templates, strict=True):
        np.testing.assert_array_equal(got.clip.joints_m, expected.clip.joints_m)
        np.testing.assert_array_equal(got.clip.confidence, expected.clip.confidence)
        np.testing.assert_array_equal(got.clip.stamps_ns, expected.clip.stamps_ns)
        assert got.clip.label == 'wave'


def test_a_bad_template_does_not_hurt_the_others(types: MessageTypes) -> None:
    message = gallery_to_msg(gallery(), STAMP_NS, types)
    message.templates.append(message.templates[0])
    message.templates[1].positions = types.floats(np.ones(7, np.float32))
    back, errors = gallery_from_msg(message)
    assert [template.id for template in back.templates] == ['id0']
    assert "template 'id1' of 'wave' must be 2 x 15 x 3" in str(errors[0])
    assert "'id0' of 'wave' comes twice" in str(errors[1])
    message.templates[0].threshold = 1.5
    with pytest.raises(GalleryError, match=r'threshold must be from 0 to 1, got 1\.5'):
        template_from_msg(message.templates[0])
    message.templates[0].layout = 'x'
    with pytest.raises(GalleryError, match="unknown skeleton layout 'x'"):
        template_from_msg(message.templates[0])


@pytest.mark.parametrize(
    ('field', 'value', 'complaint'),
    [
        ('label', '', "a label must not be empty, got ''"),
        ('label', 'idle', "the label 'idle' is reserved"),
        ('label', 'a\nb', r"no control characters, got '\\n'"),
        ('label', 'x' * 257, 'at most 256 characters, got 257'),
        ('id', '', "template '' of 'wave': the id must not be empty"),
        ('stamps', array.array('q', [1, 10**18]), 'must last at most 100 s, got 1e\\+09 s'),
    ],
)
def test_a_template_that_no_enroller_would_teach_is_refused(
    types: MessageTypes, field: str, value: Any, complaint: str
) -> None:
    message = gallery_to_msg(gallery(), STAMP_NS, types).templates[1]
    setattr(message, field, value)
    with pytest.raises(GalleryError, match=complaint):
        template_from_msg(message)


MEASURED = Calibration('wave', 0.75, 'model 1', 'by hand', 0.5, 8, 0.25, 4, 0.5, 2, 0.75, 9, 1.0)


def test_what_was_measured_comes_back_as_it_was(types: MessageTypes) -> None:
    message = gallery_to_msg(gallery().calibrated([MEASURED]), STAMP_NS, types)
    found, errors = gallery_from_msg(message)
    assert (found.calibrations, errors) == ((MEASURED,), [])


@pytest.mark.parametrize('threshold', [-0.1, 1.5, float('nan')])
def test_bad_measurement_does_not_hurt_what_is_taught(
    types: MessageTypes, threshold: float
) -> None:
    message = gallery_to_msg(gallery().calibrated([MEASURED]), STAMP_NS, types)
    message.calibrations[0].threshold = threshold
    found, errors = gallery_from_msg(message)
    assert found.calibrations == ()
    assert len(found) == len(gallery())
    assert "calibration of 'wave'" in str(errors[0])


class Anything:
    """A message of any content: only its fields count."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


floats = st.lists(st.floats(width=32), max_size=100) | st.just([1.0] * 45) | st.just([1.0] * 15)
layouts = st.sampled_from(('common_15', 'openni_15', 'coco_17', '')) | st.text(max_size=5)
bodies = st.builds(
    lambda body_id, layout, positions, confidences: Anything(
        body_id=body_id,
        layout=layout,
        positions=array.array('f', positions),
        confidences=array.array('f', confidences),
    ),
    st.integers(0, 2**32 - 1),
    layouts,
    floats,
    floats,
)


@settings(max_examples=150, deadline=None)
@given(
    skeletons=st.lists(bodies, max_size=5),
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 2**32 - 1),
)
def test_every_body_is_used_whole_or_refused(
    skeletons: list[Anything], sec: int, nanosec: int
) -> None:
    header = Anything(stamp=Anything(sec=sec, nanosec=nanosec), frame_id='')
    scene, errors = scene_from_msg(Anything(header=header, skeletons=skeletons))
    if sec * 10**9 + nanosec <= 0:
        assert (scene.skeletons, len(errors)) == ((), 1)
    else:
        assert len(scene.skeletons) + len(errors) == len(skeletons)
    for each in scene.skeletons:
        assert np.isfinite(each.joints_m).all()
        assert each.joints_m.shape == (len(each.confidence), 3)


@settings(max_examples=150, deadline=None)
@given(
    layout=layouts,
    stamps=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    positions=floats,
    confidences=floats,
    frames=st.integers(0, 3),
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 2**32 - 1),
    fitting=st.booleans(),
)
def test_every_window_is_used_whole_or_refused(
    layout: str,
    stamps: list[int],
    positions: list[float],
    confidences: list[float],
    frames: int,
    sec: int,
    nanosec: int,
    fitting: bool,
) -> None:
    if fitting and stamps:
        stamps[-1] = sec * 10**9 + nanosec
    message = Anything(
        body_id=1,
        layout=layout,
        frames=frames,
        stamps=array.array('q', stamps),
        positions=array.array('f', positions),
        confidences=array.array('f', confidences),
        header=Anything(stamp=Anything(sec=sec, nanosec=nanosec)),
    )
    try:
        window = window_from_msg(message)
    except (BadSkeletonError, UnknownLayoutError):
        return
    assert len(window.clip) == frames == len(stamps)
    assert 0 < stamps[0] <= stamps[-1] == sec * 10**9 + nanosec
    assert window.clip.duration_s <= 100.0
    assert np.isfinite(window.clip.joints_m).all()


@settings(max_examples=150, deadline=None)
@given(
    texts=st.tuples(st.text(max_size=3), st.text(max_size=3) | st.just('wave'), layouts),
    stamps=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3) | st.just([5]),
    positions=floats,
    confidences=floats,
    threshold=st.floats(width=32) | st.just(0.5),
)
def test_every_template_is_used_whole_or_refused(
    texts: tuple[str, str, str],
    stamps: list[int],
    positions: list[float],
    confidences: list[float],
    threshold: float,
) -> None:
    identity, label, layout = texts
    message = Anything(
        id=identity,
        label=label,
        layout=layout,
        stamps=array.array('q', stamps),
        positions=array.array('f', positions),
        confidences=array.array('f', confidences),
        threshold=threshold,
        taught=Anything(sec=1, nanosec=2),
        source='',
    )
    found, errors = gallery_from_msg(Anything(revision=3, templates=[message], calibrations=[]))
    assert len(found) + len(errors) == 1
    for template in found.templates:
        assert template.id
        assert template.label.strip() == template.label != ''
        assert 0.0 <= template.threshold <= 1.0
        assert len(template.clip) == len(stamps)
        assert np.isfinite(template.clip.joints_m).all()
        assert template.clip.duration_s <= 100.0
