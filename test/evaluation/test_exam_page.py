"""The page of an exam, as a browser sees it; and the map in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people import FakeModel, circling

from skeleton_action_ros.core.layouts import Common15 as Joint
from skeleton_action_ros.evaluation.exam import (
    CANONICAL,
    RAW,
    Examination,
    Item,
    Material,
    Skipped,
    examine,
    map_of,
    plan_exam,
    prepare_items,
)
from skeleton_action_ros.evaluation.exam.page import write_exam_page

HANDS = {
    'right <circle>': Joint.HAND_RIGHT,
    'left & circle': Joint.HAND_LEFT,
    'kick': Joint.FOOT_LEFT,
}


@pytest.fixture(scope='module')
def sat() -> tuple[Examination, Material]:
    """Two persons circle three limbs twice each, and a third file cannot be read."""
    model = FakeModel()
    items: list[Item | Skipped] = [Skipped('broken.npz', 'is <no> archive')]
    for person in ('ann', 'bob'):
        for label, limb in HANDS.items():
            for seed in range(2):
                clip = circling([(0.5, 1.5)], 2.0, hand=limb, noise_m=0.003, seed=seed)
                items.append(Item(f'{person} {seed}', replace(clip, label=label, subject=person)))
    material = prepare_items(items, [RAW, CANONICAL, model.preprocess])
    plan = plan_exam(material.labels, material.subjects)
    return (
        examine(model, material, plan, draws=6, seed=0, against={'other': FakeModel()}),
        material,
    )


def found_in(done: Examination) -> dict[str, object]:
    return {
        'model': 'fake',
        'model_sha256': 'abc123',
        'source': 'clips',
        'command': 'skeleton-action exam --clips clips',
        'shots': 1,
        'subjects': 2,
        'teachers': ['ann', 'bob'],
        'notes': ['bow: left out, one person alone shows it'],
        'skipped': [{'file': 'broken.npz', 'reason': 'is <no> archive'}],
        **done.to_json(),
    }


def test_the_page_draws_confusion_and_map_in_a_browser(
    sat: tuple[Examination, Material], tmp_path: Path, browser_dom: Callable[..., str]
) -> None:
    done, material = sat
    page = tmp_path / 'deep' / 'exam.html'

    write_exam_page(page, found_in(done), done, material)

    dom = browser_dom(page)
    assert '<h1>Exam of fake</h1>' in dom
    confusion = re.search(r'<div id="confusion".*?<section', dom, re.DOTALL)
    assert confusion is not None
    assert 'class="hm"' in confusion[0]
    assert all(name in confusion[0] for name in ('against other', 'canonical', 'dtw'))
    sure = re.search(r'<div id="reliability".*?<section', dom, re.DOTALL)
    assert sure is not None
    assert 'class="trace bars"' in sure[0]
    assert 'presumes 3 motions of no taught action' in sure[0]
    chart = re.search(r'<div id="map".*?<p class="hint"', dom, re.DOTALL)
    assert chart is not None
    assert chart[0].count('<path class="point ') == len(material)
    assert 'right &lt;circle&gt;' in dom
    assert '<circle>' not in dom
    assert 'Skipped broken.npz: is &lt;no&gt; archive' in dom
    assert 'bow: left out, one person alone shows it' in dom
    assert 'skeleton-action exam --clips clips' in dom


def test_the_page_is_one_file_that_replaces_an_older_one(
    sat: tuple[Examination, Material], tmp_path: Path
) -> None:
    done, material = sat
    page = tmp_path / 'exam.html'
    page.write_text('old')

    write_exam_page(page, found_in(done), done, material)

    text = page.read_text('utf-8')
    assert [path.name for path in tmp_path.iterdir()] == ['exam.html']
    assert not re.search(r'<(script|link|img)[^>]+(src|href)=', text)
    assert '100.0 %' in text


def test_every_method_answers_the_same_questions(sat: tuple[Examination, Material]) -> None:
    done, _ = sat

    both = done.to_json()

    assert both['accuracy_mean'] == 1.0
    assert both['against'] == {'other': done.model.to_json()}
    asked = done.model.confusion.sum(axis=1).tolist()
    assert asked == [12, 12, 12]  # 6 draws, two clips of the other person
    for figures in done.baselines.values():
        assert figures.confusion.sum(axis=1).tolist() == asked


def test_the_map_shows_the_plane_of_the_means() -> None:
    # The means lie in the plane of the second and third axis; along the first all is noise.
    corners = np.array([[0, 4, 0], [0, -4, 0], [0, 0, 3], [0, 0, -3]])
    class_of = np.repeat(np.arange(4), 2)
    noise = np.tile([[5.0, 0, 0], [-5.0, 0, 0]], (4, 1))
    vectors = (corners[class_of] + noise).astype(np.float32)

    places, share = map_of(vectors, class_of)

    assert share == pytest.approx(1.0)
    np.testing.assert_allclose(np.abs(places), np.abs(vectors[:, 1:]), atol=1e-9)


def test_two_classes_and_equal_embeddings_have_a_map() -> None:
    class_of = np.array([0, 0, 1, 1])

    places, share = map_of(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32), class_of)
    flat, flat_share = map_of(np.ones((4, 3), np.float32), class_of)

    assert share == pytest.approx(1.0)
    np.testing.assert_allclose(np.abs(places[:, 0]), np.sqrt(0.5))
    assert flat_share == 1.0
    np.testing.assert_allclose(flat, 0.0)
