"""The named splits on the recordings themselves; counts are by the files that there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.data import Sample, load_samples
from training.protocols import PROTOCOLS


@pytest.fixture(autouse=True)
def root(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SKELETON_ACTION_DATA', str(recordings))


def first_question(name: str) -> tuple[list[Sample], list[Sample]]:
    protocol = PROTOCOLS[name]
    assert protocol.ask is not None
    samples = load_samples([protocol.asked_on])
    draw = protocol.ask(samples, np.random.default_rng(0)).draws[0]
    return [samples[place] for place in draw.references], [samples[place] for place in draw.queries]


@pytest.mark.parametrize(
    ('name', 'actions', 'queries'),
    [
        # 8 persons of 4 trials; of a23_s6 and a27_s8 three were published.
        ('utd-15', 12, 12 * 32 - 2 - 12),
        ('utd-11', 16, 16 * 32 - 2 - 16),
        ('utd-sd-15', 12, 12 * 16 - 2),
        # 290 files of actions 11 to 20, of which a13_s09_e02 shows nobody.
        ('msr-10', 10, 290 - 1 - 10),
    ],
)
def test_novel_actions_have_their_first_clip_as_reference(
    name: str, actions: int, queries: int
) -> None:
    references, asked = first_question(name)

    assert len(references) == actions
    assert {(one.person, one.trial) for one in references} == {(1, '1')}
    assert len(asked) == queries


def test_closed_set_is_odd_against_even_persons() -> None:
    references, asked = first_question('utd-closed')

    # Of the three clips that were never published one is of an odd person: of a8_s1.
    assert len(references) == 27 * 16 - 1
    assert len(asked) == 27 * 16 - 2


@pytest.mark.parametrize('name', [name for name in PROTOCOLS if name.startswith('lodo-')])
def test_every_action_of_a_data_set_left_out_is_asked(name: str) -> None:
    references, asked = first_question(name)

    labels = {one.clip.label for one in references}
    expected = {'utd-mhad': 27, 'msr-action3d': 20, 'florence3d': 9, 'g3d-clips': 22}
    assert len(references) == len(labels) == expected.get(PROTOCOLS[name].asked_on, 10)
    assert len({one.clip.subject for one in references}) == 1
    assert {one.clip.label for one in asked} == labels
