from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skeleton_action_ros.adapters.bags import write_bag
from skeleton_action_ros.adapters.clips import save_clip
from skeleton_action_ros.adapters.sources.bag import BagSource
from skeleton_action_ros.adapters.sources.clips import ClipsSource
from skeleton_action_ros.adapters.sources.joining import Joining, attach_spans, join_clips
from skeleton_action_ros.core.errors import BadClipError, BagError, ConfigError, SourceError
from skeleton_action_ros.core.skeleton import ActionSpan, Clip, Scene, SkeletonFrame
from skeleton_action_ros.core.source import SkeletonSource

STEP_NS = 100_000_000
START_NS = 1_000_000_000


def clip(label: str, subject: str = 's1', frames: int = 3, at_m: float = 1.0) -> Clip:
    """Return a clip at 10 Hz, not from 0, whose first joint moves 0.1 m a frame in x."""
    joints = np.full((frames, 15, 3), at_m, np.float32)
    joints[:, 0, 0] += np.arange(frames) * 0.1
    return Clip(
        joints_m=joints,
        confidence=np.full((frames, 15), 0.8, np.float32),
        stamps_ns=777 + STEP_NS * np.arange(frames, dtype=np.int64),
        layout='common_15',
        label=label,
        subject=subject,
    )


def bodies(scenes: list[Scene]) -> list[tuple[int, ...]]:
    return [tuple(frame.body_id for frame in scene.skeletons) for scene in scenes]


def read_until_error(source: SkeletonSource) -> tuple[list[int], str]:
    """Return the stamps of the scenes that come, and what the SourceError after them says."""
    stamps = []
    try:
        for scene in source.scenes():
            stamps.append(scene.stamp_ns)
    except SourceError as error:
        return stamps, str(error)
    return stamps, ''


class TestJoinClips:
    def test_clips_follow_each_other_after_a_gap_with_nobody_in_view(self) -> None:
        scenes = list(join_clips([clip('wave'), clip('clap')], Joining(gap_s=0.3)))
        steps = [(scene.stamp_ns - START_NS) / STEP_NS for scene in scenes]
        assert steps == [0, 1, 2, 3, 4, 5, 6, 7]
        assert bodies(scenes) == [(1,), (1,), (1,), (), (), (1,), (1,), (1,)]

    def test_labels_are_ground_truth_from_the_first_to_the_last_frame(self) -> None:
        scenes = list(join_clips([clip('wave'), clip('clap')], Joining(gap_s=0.3)))
        finished = {number: scene.finished for number, scene in enumerate(scenes) if scene.finished}
        assert finished == {
            2: (ActionSpan('wave', START_NS, START_NS + 2 * STEP_NS, 1),),
            7: (ActionSpan('clap', START_NS + 5 * STEP_NS, START_NS + 7 * STEP_NS, 1),),
        }

    def test_annotations_of_a_recording_are_moved_along_with_its_frames(self) -> None:
        recording = clip('', frames=5)
        spans = (ActionSpan('a', 777 + STEP_NS, 777 + 3 * STEP_NS), ActionSpan('b', 777, 900))
        recording = Clip(
            recording.joints_m,
            recording.confidence,
            recording.stamps_ns,
            'common_15',
            annotations=spans,
        )
        scenes = list(join_clips([recording], Joining()))
        assert [scene.finished for scene in scenes] == [
            (),
            (ActionSpan('b', START_NS, START_NS + 123, 1),),
            (),
            (ActionSpan('a', START_NS + STEP_NS, START_NS + 3 * STEP_NS, 1),),
            (),
        ]

    def test_an_unlabelled_clip_has_no_ground_truth(self) -> None:
        assert not any(scene.finished for scene in join_clips([clip('')], Joining()))

    def test_each_subject_is_a_body_of_its_own(self) -> None:
        clips = [clip('a', 'Ann'), clip('b', 'Bob'), clip('c', 'Ann')]
        scenes = [scene for scene in join_clips(clips, Joining()) if scene.skeletons]
        assert [ids[0] for ids in bodies(scenes)] == [1] * 3 + [2] * 3 + [1] * 3

    def test_a_frame_with_no_joint_is_nobody_in_view(self) -> None:
        lost = clip('wave')
        lost.confidence[1] = 0.0
        assert bodies(list(join_clips([lost], Joining()))) == [(1,), (), (1,)]

    def test_blending_goes_smoothly_from_pose_to_pose(self) -> None:
        joining = Joining(gap_s=0.4, between='blend')
        scenes = list(join_clips([clip('a', at_m=1.0), clip('b', at_m=2.0)], joining))
        assert bodies(scenes) == [(1,)] * 9
        y = [float(scene.skeletons[0].joints_m[5, 1]) for scene in scenes[2:7]]
        # 3 t^2 - 2 t^3 at t = 0, 1/4, 1/2, 3/4, 1
        assert y == pytest.approx([1.0, 1.0 + 5 / 32, 1.5, 2.0 - 5 / 32, 2.0])
        sure = [float(scene.skeletons[0].confidence[0]) for scene in scenes[2:7]]
        assert sure == pytest.approx([0.8, 0.4, 0.4, 0.4, 0.8])

    def test_another_person_is_never_blended_into(self) -> None:
        joining = Joining(gap_s=0.3, between='blend')
        scenes = list(join_clips([clip('a', 'Ann'), clip('b', 'Bob')], joining))
        assert bodies(scenes)[3:5] == [(), ()]

    @pytest.mark.parametrize(
        ('values', 'message'),
        [
            ({'gap_s': 0.0}, r'gap_s must be above 0 .* got 0\.0'),
            ({'between': 'magic'}, r"one of \['away', 'blend'\], got 'magic'"),
            ({'start_ns': 0}, 'start_ns must be positive, got 0'),
        ],
    )
    def test_impossible_values_are_refused(self, values: dict[str, object], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Joining(**values)


def test_a_span_that_ends_after_the_last_scene_finishes_with_it() -> None:
    late = ActionSpan('late', 1, 99)
    scenes = list(attach_spans([Scene(1, ()), Scene(2, ())], [late]))
    assert [scene.finished for scene in scenes] == [(), (late,)]
    assert list(attach_spans([], [late])) == []


class TestClipsSource:
    def test_it_plays_a_folder_in_the_order_of_paths(self, tmp_path: Path) -> None:
        for name, label in (('2', 'clap'), ('1', 'wave')):
            save_clip(tmp_path / f'{name}.npz', clip(label))
        source: SkeletonSource = ClipsSource(tmp_path)
        labels = [span.label for scene in source.scenes() for span in scene.finished]
        assert labels == ['wave', 'clap']
        assert not source.live
        assert '(2)' in source.name

    def test_each_reading_starts_again(self, tmp_path: Path) -> None:
        save_clip(tmp_path / '1.npz', clip('wave'))
        source = ClipsSource(tmp_path / '1.npz')
        first = [scene.stamp_ns for scene in source.scenes()]
        assert first == [scene.stamp_ns for scene in source.scenes()] == [
            START_NS, START_NS + STEP_NS, START_NS + 2 * STEP_NS
        ]  # fmt: skip

    def test_closing_ends_the_reading(self, tmp_path: Path) -> None:
        save_clip(tmp_path / '1.npz', clip('wave'))
        source = ClipsSource(tmp_path)
        reading = source.scenes()
        next(reading)
        source.close()
        source.close()
        assert list(reading) == []

    def test_bad_clips_among_good_ones_are_left_out_and_counted(self, tmp_path: Path) -> None:
        save_clip(tmp_path / '1.npz', clip('wave'))
        (tmp_path / '2.npz').write_bytes(b'no clip')
        (tmp_path / '3.npz').write_bytes(b'no clip either')
        save_clip(tmp_path / '4.npz', clip('clap'))
        source = ClipsSource(tmp_path)
        spans = [span.label for scene in source.scenes() for span in scene.finished]
        assert spans == ['wave', 'clap']
        assert sum(source.refused.values()) == 2
        [why] = source.why_refused.values()
        assert '3.npz' in why

    def test_nothing_but_bad_clips_is_an_error_that_names_one(self, tmp_path: Path) -> None:
        (tmp_path / '2.npz').write_bytes(b'no clip')
        with pytest.raises(SourceError, match=r'2\.npz'):
            next(ClipsSource(tmp_path).scenes())

    def test_a_folder_without_clips_is_refused_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(BadClipError, match='found none'):
            ClipsSource(tmp_path)


class TestBagSource:
    def test_it_plays_scenes_with_their_ground_truth(self, tmp_path: Path) -> None:
        written = list(join_clips([clip('wave'), clip('clap')], Joining(gap_s=0.3)))
        write_bag(tmp_path / 'bag', written)
        source: SkeletonSource = BagSource(tmp_path / 'bag')
        read = list(source.scenes())
        assert [scene.stamp_ns for scene in read] == [scene.stamp_ns for scene in written]
        assert [scene.finished for scene in read] == [scene.finished for scene in written]
        assert bodies(read) == bodies(written)
        assert not source.live
        assert source.name == f'bag {tmp_path / "bag"}'

    def test_without_ground_truth_it_plays_the_scenes(self, tmp_path: Path) -> None:
        write_bag(
            tmp_path / 'bag', join_clips([clip('wave')], Joining()), annotations_topic='/elsewhere'
        )
        assert [scene.finished for scene in BagSource(tmp_path / 'bag').scenes()] == [()] * 3

    def test_a_missing_bag_or_topic_is_refused_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(BagError, match='found nothing there'):
            BagSource(tmp_path / 'bag')
        write_bag(tmp_path / 'bag', [Scene(5, ())], skeletons_topic='/people')
        with pytest.raises(BagError, match="expected a topic 'skeletons', found none"):
            BagSource(tmp_path / 'bag')

    def test_a_damaged_bag_is_played_up_to_the_damage(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'bag', join_clips([clip('wave', frames=300)], Joining()))
        [file] = (tmp_path / 'bag').glob('*.mcap')
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        read, message = read_until_error(BagSource(tmp_path / 'bag'))
        assert 'is cut off or damaged' in message
        assert 100 < len(read) < 200

    def test_bodies_that_are_left_out_are_counted(self, tmp_path: Path) -> None:
        [good, *_] = join_clips([clip('wave')], Joining())
        frame = good.skeletons[0]
        bad = SkeletonFrame(frame.stamp_ns, 2, 'x', frame.joints_m, frame.confidence)
        zero = SkeletonFrame(frame.stamp_ns, 3, 'common_15', frame.joints_m * 0, frame.confidence)
        write_bag(tmp_path / 'bag', [Scene(good.stamp_ns, (bad, frame, zero))])
        source = BagSource(tmp_path / 'bag')
        assert bodies(list(source.scenes())) == [(1,)]
        assert source.refused == {'unknown_layout': 1, 'empty_body': 1}

    def test_closing_ends_the_reading(self, tmp_path: Path) -> None:
        write_bag(tmp_path / 'bag', join_clips([clip('wave')], Joining()))
        source = BagSource(tmp_path / 'bag')
        reading = source.scenes()
        next(reading)
        source.close()
        assert list(reading) == []

    def test_stamps_out_of_order_are_counted_and_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Log times rise in a bag; the stamps of its messages need not."""
        write_bag(tmp_path / 'bag', [Scene(5, ())])
        stamps = [10, 30, 20, 30, 40]
        monkeypatch.setattr(
            'skeleton_action_ros.adapters.sources.bag.read_scenes',
            lambda *_: (Scene(stamp, ()) for stamp in stamps),
        )
        source = BagSource(tmp_path / 'bag')
        assert [scene.stamp_ns for scene in source.scenes()] == [10, 30, 40]
        assert source.refused == {'out_of_order': 2}

    def test_a_second_run_in_the_bag_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_bag(tmp_path / 'bag', [Scene(5, ())])
        stamps = [100, 200, 10, 20, 30, 40]
        monkeypatch.setattr(
            'skeleton_action_ros.adapters.sources.bag.read_scenes',
            lambda *_: (Scene(stamp, ()) for stamp in stamps),
        )
        read, message = read_until_error(BagSource(tmp_path / 'bag'))
        assert 'jumps back from 200 to 30 ns' in message
        assert read == [100, 200]
