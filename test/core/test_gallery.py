from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skeleton_action_ros.core.calibration import Calibration
from skeleton_action_ros.core.errors import GalleryError
from skeleton_action_ros.core.gallery import (
    Gallery,
    GalleryConfig,
    Template,
    checked_label,
    template_id,
)
from skeleton_action_ros.core.skeleton import ActionSpan, Clip


def make_clip(first_stamp_ns: int = 1_000, label: str = '') -> Clip:
    return Clip(
        joints_m=np.full((2, 15, 3), 0.5, np.float32),
        confidence=np.ones((2, 15), np.float32),
        stamps_ns=np.array([first_stamp_ns, first_stamp_ns + 10], np.int64),
        layout='common_15',
        label=label,
        subject='s1',
        annotations=(ActionSpan('other', 1, 2),),
    )


def make_template(identity: str, label: str, threshold: float = 0.0) -> Template:
    return Template(identity, label, make_clip(), threshold, 77, 'test')


def gallery_of(*pairs: tuple[str, str], config: GalleryConfig | None = None) -> Gallery:
    gallery = Gallery(config=config or GalleryConfig())
    for identity, label in pairs:
        gallery = gallery.add(make_template(identity, label))
    return gallery


def contents(gallery: Gallery) -> list[tuple[str, str]]:
    return [(template.id, template.label) for template in gallery.templates]


@pytest.mark.parametrize(
    ('label', 'stored'),
    [
        ('wave', 'wave'),
        ('  wave right ', 'wave right'),
        ('e\u0301lan', '\u00e9lan'),
        ('招手', '招手'),
        ('x' * 64, 'x' * 64),
        ('\u0645\u06cc\u200c\u062e', '\u0645\u06cc\u200c\u062e'),
    ],
)
def test_label_is_stripped_and_composed(label: str, stored: str) -> None:
    assert checked_label(label) == stored


@pytest.mark.parametrize(
    ('label', 'why'),
    [
        ('', 'empty'),
        ('   ', 'empty'),
        ('x' * 65, '65'),
        ('wave\n', 'control'),
        ('wa\x00ve', 'control'),
        ('wa\x7fve', 'control'),
        ('evil\u202etxt', 'control'),
        ('line\u2028break', 'control'),
        ('half\ud800', 'control'),
        ('unknown', 'reserved'),
        (' Idle ', 'reserved'),
    ],
)
def test_unfit_label_is_refused_with_what_arrived(label: str, why: str) -> None:
    with pytest.raises(GalleryError, match=why) as caught:
        checked_label(label)
    assert repr(label)[1:10] in str(caught.value) or repr(label.strip())[1:10] in str(caught.value)


def test_long_label_is_not_quoted_whole() -> None:
    with pytest.raises(GalleryError) as caught:
        checked_label('y' * 100_000)
    assert len(str(caught.value)) < 200


def test_shots_of_a_label_accumulate_in_the_order_taught() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'), ('c', 'wave'))
    assert contents(gallery) == [('a', 'wave'), ('b', 'bow'), ('c', 'wave')]
    assert gallery.labels == ('wave', 'bow')
    assert [shot.id for shot in gallery.shots(' wave ')] == ['a', 'c']
    assert gallery.shots('jump') == ()
    assert gallery.revision == 3


def test_a_change_leaves_the_old_gallery_as_it_was() -> None:
    old = gallery_of(('a', 'wave'))
    old.add(make_template('b', 'bow'))
    old.remove('wave')
    assert contents(old) == [('a', 'wave')]
    assert old.revision == 1


def test_replace_forgets_the_earlier_shots_of_that_label_only() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'), ('c', 'wave'))
    gallery = gallery.add(make_template('d', 'wave'), replace=True)
    assert contents(gallery) == [('b', 'bow'), ('d', 'wave')]
    assert gallery.revision == 4


def test_replace_may_reuse_the_id_it_replaces() -> None:
    gallery = gallery_of(('a', 'wave')).add(make_template('a', 'wave'), replace=True)
    assert contents(gallery) == [('a', 'wave')]


def test_clip_in_the_gallery_carries_the_label_and_no_annotations() -> None:
    gallery = gallery_of(('a', ' wave '))
    assert gallery.templates[0].clip.label == 'wave'
    assert gallery.templates[0].clip.annotations == ()
    assert gallery.templates[0].clip.subject == 's1'
    assert gallery.rename('wave', 'hello').templates[0].clip.label == 'hello'


def test_id_that_is_empty_or_taken_is_refused() -> None:
    gallery = gallery_of(('a', 'wave'))
    with pytest.raises(GalleryError, match=r"'a'.*already"):
        gallery.add(make_template('a', 'bow'))
    with pytest.raises(GalleryError, match='id of its own'):
        gallery.add(make_template('', 'bow'))


@pytest.mark.parametrize('threshold', [-0.1, 1.1, float('nan')])
def test_threshold_outside_zero_to_one_is_refused(threshold: float) -> None:
    with pytest.raises(GalleryError, match='threshold'):
        Gallery().add(make_template('a', 'wave', threshold))


def test_demonstration_of_minutes_is_refused() -> None:
    good = make_template('a', 'wave')
    stamps_ns = good.clip.stamps_ns.copy()
    stamps_ns[-1] = stamps_ns[0] + 120 * 10**9
    endless = replace(good, clip=replace(good.clip, stamps_ns=stamps_ns))
    with pytest.raises(GalleryError, match='at most 100 s, got 120 s'):
        Gallery().add(endless)


def test_full_gallery_takes_no_more_but_replaces() -> None:
    config = GalleryConfig(max_templates=2)
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'), config=config)
    with pytest.raises(GalleryError, match=r'full.*holds 2.*max_templates is 2'):
        gallery.add(make_template('c', 'jump'))
    with pytest.raises(GalleryError, match='full'):
        gallery.add(make_template('c', 'jump'), replace=True)
    replaced = gallery.add(make_template('c', 'wave'), replace=True)
    assert contents(replaced) == [('b', 'bow'), ('c', 'wave')]


def test_full_label_takes_no_more_but_others_do() -> None:
    config = GalleryConfig(max_shots_per_label=1)
    gallery = gallery_of(('a', 'wave'), config=config)
    with pytest.raises(GalleryError, match=r"full for 'wave'.*holds 1"):
        gallery.add(make_template('b', 'wave'))
    assert contents(gallery.add(make_template('b', 'bow'))) == [('a', 'wave'), ('b', 'bow')]


def test_rename_keeps_order_and_ids() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'), ('c', 'wave')).rename('wave', ' hello ')
    assert contents(gallery) == [('a', 'hello'), ('b', 'bow'), ('c', 'hello')]
    assert gallery.revision == 4


@pytest.mark.parametrize(
    ('label', 'new_label', 'why'),
    [
        ('jump', 'hop', "'jump'.*there are wave, bow"),
        ('wave', 'bow', "'bow' is already taught"),
        ('wave', 'wave', "'wave' is already taught"),
        ('wave', 'idle', 'reserved'),
        ('wave', '', 'empty'),
    ],
)
def test_rename_refuses(label: str, new_label: str, why: str) -> None:
    with pytest.raises(GalleryError, match=why):
        gallery_of(('a', 'wave'), ('b', 'bow')).rename(label, new_label)


def test_remove_one_shot_or_all() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'), ('c', 'wave'))
    assert contents(gallery.remove('wave', 'a')) == [('b', 'bow'), ('c', 'wave')]
    assert contents(gallery.remove('wave')) == [('b', 'bow')]
    with pytest.raises(GalleryError, match="'wave' has no demonstration 'b': it has a, c"):
        gallery.remove('wave', 'b')
    with pytest.raises(GalleryError, match="no action 'x' is taught: there is none yet"):
        Gallery().remove('x')


def test_merge_keep_takes_only_actions_and_demonstrations_that_are_new() -> None:
    mine = gallery_of(('a', 'wave'), ('b', 'bow'))
    theirs = gallery_of(('x', 'wave'), ('b', 'nod'), ('y', 'jump'), ('z', 'jump'))
    merge = mine.merge(theirs)
    assert contents(merge.gallery) == [('a', 'wave'), ('b', 'bow'), ('y', 'jump'), ('z', 'jump')]
    assert (merge.counts.added, merge.counts.skipped, merge.counts.removed) == (2, 2, 0)
    assert merge.gallery.revision == 3


def test_merge_replace_gives_up_what_both_have() -> None:
    mine = gallery_of(('a', 'wave'), ('b', 'bow'), ('c', 'clap'))
    theirs = gallery_of(('x', 'wave'), ('b', 'nod'))
    merge = mine.merge(theirs, 'replace')
    assert contents(merge.gallery) == [('c', 'clap'), ('x', 'wave'), ('b', 'nod')]
    assert [own.id for own in merge.removed] == ['a', 'b']
    assert [new.id for new in merge.added] == ['x', 'b']
    assert (merge.counts.added, merge.counts.skipped, merge.counts.removed) == (2, 0, 2)


def test_merge_that_brings_nothing_new_is_no_change() -> None:
    mine = gallery_of(('a', 'wave'))
    assert mine.merge(gallery_of(('x', 'wave'))).gallery is mine
    assert mine.merge(Gallery(), 'replace').gallery is mine


def test_merge_beyond_a_limit_or_with_an_unknown_policy_is_refused() -> None:
    mine = gallery_of(('a', 'wave'), config=GalleryConfig(max_templates=2))
    with pytest.raises(GalleryError, match='full'):
        mine.merge(gallery_of(('x', 'bow'), ('y', 'jump')))
    with pytest.raises(GalleryError, match="got 'ask'"):
        mine.merge(Gallery(), 'ask')


def test_template_id_depends_on_label_time_and_clip_only() -> None:
    identity = template_id('wave', make_clip(), 5)
    assert len(identity) == 16
    assert identity == template_id('wave', make_clip(label='other'), 5)
    others = {
        template_id('bow', make_clip(), 5),
        template_id('wave', make_clip(), 6),
        template_id('wave', make_clip(first_stamp_ns=1_001), 5),
    }
    assert len(others | {identity}) == 4


def measured(label: str, threshold: float = 0.8) -> Calibration:
    return Calibration(label, threshold, 'model 1', 'by hand', 0.84)


def test_what_was_measured_is_of_one_action() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow'))
    calibrated = gallery.calibrated([measured('wave')])
    assert calibrated.revision == gallery.revision
    assert calibrated.calibration(' wave ') == measured('wave')
    assert calibrated.calibration('bow') is None


def test_every_change_drops_what_was_measured_before() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'bow')).calibrated([measured('wave')])
    changes = (
        gallery.add(make_template('c', 'bow')),
        gallery.rename('bow', 'nod'),
        gallery.remove('bow'),
        gallery.with_threshold('bow', 0.5),
        gallery.merge(gallery_of(('d', 'jump'))).gallery,
    )
    assert [one.calibrations for one in changes] == [()] * len(changes)
    assert gallery.merge(Gallery()).gallery.calibrations == (measured('wave'),)


def test_own_threshold_is_set_for_all_shots_and_given_back() -> None:
    gallery = gallery_of(('a', 'wave'), ('b', 'wave'), ('c', 'bow'))
    own = gallery.with_threshold('wave', 0.9)
    assert [one.threshold for one in own.templates] == [0.9, 0.9, 0.0]
    assert (own.own_threshold('wave'), own.own_threshold('bow')) == (0.9, 0.0)
    assert own.revision == gallery.revision + 1
    assert own.with_threshold('wave', 0.0).own_threshold('wave') == 0.0


def test_own_threshold_is_the_least_of_those_that_shots_bring() -> None:
    gallery = Gallery()
    for identity, threshold in (('a', 0.9), ('b', 0.0), ('c', 0.7)):
        gallery = gallery.add(make_template(identity, 'wave', threshold))
    assert gallery.own_threshold('wave') == 0.7


@pytest.mark.parametrize('threshold', [-0.1, 1.1, float('nan')])
def test_unfit_own_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(GalleryError, match=f'from 0 to 1, got {threshold}'):
        gallery_of(('a', 'wave')).with_threshold('wave', threshold)
    with pytest.raises(GalleryError, match="no action 'bow'"):
        gallery_of(('a', 'wave')).with_threshold('bow', 0.5)


@pytest.mark.parametrize(('brought', 'kept'), [(0.0, 0.9), (0.6, 0.6)])
def test_demonstration_that_replaces_takes_the_own_threshold_over(
    brought: float, kept: float
) -> None:
    gallery = gallery_of(('a', 'wave')).with_threshold('wave', 0.9)
    replaced = gallery.add(make_template('b', 'wave', brought), replace=True)
    assert contents(replaced) == [('b', 'wave')]
    assert replaced.own_threshold('wave') == kept
