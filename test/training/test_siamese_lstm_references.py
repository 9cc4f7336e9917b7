from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from training_clips import standing_clip

from training.data import Sample
from training.siamese_lstm.references import reference_places, without_itself


def samples(counts: dict[tuple[str, str], int]) -> list[Sample]:
    """So many clips of each (action, person), one after another."""
    return [
        Sample(standing_clip(6, action, person), 'made')
        for (action, person), count in counts.items()
        for _ in range(count)
    ]


def taken(counts: dict[tuple[str, str], int], most: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """Count the references of each (action, person)."""
    every = samples(counts)
    places = reference_places(every, most, np.random.default_rng(seed))
    assert places.tolist() == sorted(set(places.tolist()))
    chosen = [every[place].clip for place in places]
    return Counter((clip.label, clip.subject) for clip in chosen)


def test_all_are_references_where_there_are_no_more() -> None:
    every = samples({('a', 's1'): 3, ('b', 's1'): 2})

    assert reference_places(every, 5, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    assert reference_places(every, 9, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]


def test_references_are_of_every_action_and_person_in_turn() -> None:
    # The first person has most of it, and comes first.
    counts = {('a', 's1'): 20, ('a', 's2'): 4, ('a', 's3'): 4, ('b', 's1'): 9, ('b', 's2'): 1}

    found = taken(counts, 12)

    assert found[('a', 's1')] == found[('a', 's2')] == found[('a', 's3')] == 2
    assert (found[('b', 's1')], found[('b', 's2')]) == (5, 1)


def test_which_of_a_persons_sequences_are_references_is_drawn() -> None:
    every = [replace(one, clip=replace(one.clip, subject='')) for one in samples({('a', ''): 30})]

    first, again, other = (
        reference_places(every, 10, np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)
    )

    assert first == again != other
    assert max(first) > 9


def test_match_with_itself_is_that_with_the_others_of_its_class() -> None:
    # Four sequences of the classes 0, 0, 0 and 1; all but the third are references.
    match = np.array([[1.0, 0.5, 0.1], [0.7, 1.0, 0.2], [0.6, 0.8, 0.3], [0.1, 0.2, 1.0]])
    matches = np.stack((match, 1.0 - match), axis=2).astype(np.float32)

    found = without_itself(matches, np.array([0, 1, 3]), np.array([0, 0, 0, 1]))

    # The only reference of class 1 keeps the match with itself; the third sequence has none.
    wanted = [[0.5, 0.5, 0.1], [0.7, 0.7, 0.2], [0.6, 0.8, 0.3], [0.1, 0.2, 1.0]]
    np.testing.assert_allclose(found[..., 0], wanted, rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, rtol=1e-6)


def test_match_with_itself_is_the_mean_of_several() -> None:
    match = np.array([[9.0, 0.2, 0.4], [0.1, 9.0, 0.5], [0.6, 0.0, 9.0]], np.float32)

    found = without_itself(match[..., None], np.arange(3), np.zeros(3, np.int64))

    np.testing.assert_allclose(np.diagonal(found[..., 0]), [0.3, 0.3, 0.3], rtol=1e-6)
