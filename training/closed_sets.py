"""
Closed sets: every action is learned from some persons or views, and asked of others.

They are the protocols of the papers that name actions. Each is trained on its own data set alone,
unless a recipe names others as well, of which all may be learned.
Persons to select on are of the learned side; a recipe with `data.validation_stride=0` keeps none
back, so that nothing is selected and everybody is learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from training.data import VIDEOS, Sample
from training.depth_videos import has_depth
from training.questions import Ask, Protocol, Questions, first_clips, fixed_questions
from training.shots import has_video

Which = Callable[[Sample], bool]

FLORENCE_ACTORS = tuple(range(1, 11))
FILMED_ACTORS = (1, 2, 3)
"""The actors of Florence 3D of whom videos are published with the skeletons."""

NTU60_ACTIONS = 60
NTU60_LEARNED = frozenset(
    (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
)
"""The training persons of the data set's authors."""

NTU60_VALIDATION = frozenset((25, 27, 28, 31, 34, 35, 38))
"""Of these, the validation persons of the GRU thesis."""

KTH_PERSONS, KTH_LEARNED, KTH_DRAWS = 25, 16, 5


def everyone(sample: Sample) -> bool:
    """Leave nobody out."""
    return True


def nobody(sample: Sample) -> bool:
    """Keep nobody back."""
    return False


def ask_of(asked: Which, taught: Which, *, one_each: bool = False) -> Ask:
    """
    Ask about all clips of some persons or views; all clips of others are references.

    :param one_each: only the first clip of each action is a reference, where all are too many to
        be compared with: who names actions needs none.
    """

    def ask(samples: Sequence[Sample], rng: np.random.Generator) -> Questions:
        references = [place for place, sample in enumerate(samples) if taught(sample)]
        if one_each:
            references = first_clips(samples, references)
        queries = [place for place, sample in enumerate(samples) if asked(sample)]
        return fixed_questions(samples, references, queries, rng)

    return ask


def odd(sample: Sample) -> bool:
    """Say whether a person's number is odd."""
    return sample.person % 2 == 1


def even(sample: Sample) -> bool:
    """Say whether a person's number is even."""
    return sample.person % 2 == 0


def _persons_apart(
    dataset: str, about: str, paper: str, validation: int, *, asked: Which = even
) -> Protocol:
    """Learn from odd persons, one of whom may be kept back, and ask about even ones."""
    return Protocol(
        f'{dataset}: {about}',
        lambda sample: sample.dataset != dataset or odd(sample),
        (dataset,),
        asked_on=dataset,
        ask=ask_of(asked, odd),
        validation=lambda sample: sample.dataset == dataset and sample.person == validation,
        closed=True,
        paper=paper,
    )


def _views_apart() -> Protocol:
    return Protocol(
        'nw-ucla: all 10 actions, learned from views 1 and 2 and asked of view 3',
        lambda sample: sample.dataset != 'nw-ucla' or sample.view in {1, 2},
        ('nw-ucla',),
        asked_on='nw-ucla',
        ask=ask_of(lambda sample: sample.view == 3, lambda sample: sample.view in {1, 2}),
        validation=lambda sample: sample.dataset == 'nw-ucla' and sample.person in {9, 10},
        closed=True,
        paper='Northwestern-UCLA, cross-view',
    )


def _ntu60(about: str, paper: str, learned: Which) -> Protocol:
    """Learn 60 actions; too many clips to be references, so the first of each action is one."""

    def among(sample: Sample) -> bool:
        return 1 <= sample.number <= NTU60_ACTIONS

    def taught(sample: Sample) -> bool:
        return among(sample) and learned(sample)

    return Protocol(
        f'ntu: actions A1 to A60, {about}',
        lambda sample: sample.dataset != 'ntu' or taught(sample),
        ('ntu',),
        asked_on='ntu',
        ask=ask_of(lambda sample: among(sample) and not learned(sample), taught, one_each=True),
        validation=lambda sample: sample.dataset == 'ntu' and sample.person in NTU60_VALIDATION,
        closed=True,
        baselines=False,
        paper=paper,
    )


def _in_folds(
    dataset: str,
    about: str,
    paper: str,
    folds: Mapping[str, frozenset[int]],
    *,
    among: Which = everyone,
    joints: bool = True,
) -> dict[str, Protocol]:
    """
    Ask about some persons after the others, each time learning from everybody else.

    :param folds: persons asked about in each. Those of the next two folds may be kept back to
        select on, where a fold asks about one person and there are enough.
    :param among: clips that count at all.
    :param joints: whether the clips have joints.
    :return: the whole under '', which learns from everybody, and each fold by its name.
    """
    order = list(folds)
    # Both are of the same films: who is asked about in one is not learned from in the other.
    related = VIDEOS if dataset in VIDEOS else (dataset,)

    def one(name: str) -> Protocol:
        persons = folds[name]

        def taught(sample: Sample) -> bool:
            return among(sample) and sample.person not in persons

        def asked(sample: Sample) -> bool:
            return among(sample) and sample.person in persons

        place = order.index(name)
        after = [folds[order[(place + step) % len(order)]] for step in (1, 2)]
        kept = frozenset().union(*after) if len(persons) == 1 and len(order) > 3 else frozenset()
        return Protocol(
            f'{about}: asked about {", ".join(map(str, sorted(persons)))}',
            lambda sample: sample.dataset not in related or taught(sample),
            (dataset,),
            asked_on=dataset,
            ask=ask_of(asked, taught),
            validation=lambda sample: sample.dataset in related and sample.person in kept,
            closed=True,
            baselines=joints,
            paper=paper,
        )

    whole = Protocol(
        about,
        lambda sample: sample.dataset != dataset or among(sample),
        (dataset,),
        asked_on=dataset,
        validation=nobody,
        closed=True,
        baselines=joints,
        folds=tuple(folds),
        paper=paper,
    )
    return {'': whole, **{name: one(name) for name in folds}}


def _kth_folds() -> dict[str, frozenset[int]]:
    """Draw the nine persons asked about, five times; the paper does not tell which it drew."""
    rng = np.random.default_rng(0)
    return {
        str(draw): frozenset((1 + rng.permutation(KTH_PERSONS)[KTH_LEARNED:]).tolist())
        for draw in range(1, KTH_DRAWS + 1)
    }


_KTH = '6 actions in videos, 16 persons drawn to learn from and 9 to ask about, 5 times'
_KTH_PAPER = '3D-ConvNet and LSTM, Table 1'

IN_FOLDS: dict[str, dict[str, Protocol]] = {
    'florence3d-loao': _in_folds(
        'florence3d',
        'florence3d: all 9 actions, one actor after the other is asked about',
        'Siamese-LSTM; Florence 3D Actions, leave one actor out',
        {str(actor): frozenset((actor,)) for actor in FLORENCE_ACTORS},
    ),
    'florence3d-video': _in_folds(
        'florence3d',
        'florence3d: the videos of 3 actors, one actor after the other is asked about',
        '3D-ConvNet and LSTM, on the videos that are here',
        {str(actor): frozenset((actor,)) for actor in FILMED_ACTORS},
        among=has_video,
        joints=False,
    ),
    'kth1': _in_folds('kth1', f'kth1: {_KTH}', _KTH_PAPER, _kth_folds(), joints=False),
    'kth2': _in_folds(
        'kth2', f'kth2: {_KTH}; cut to one action each', _KTH_PAPER, _kth_folds(), joints=False
    ),
}
"""By the protocol, its whole under '' and its folds by their names."""

CLOSED_SETS: dict[str, Protocol] = {
    'utd-cross-subject': _persons_apart(
        'utd-mhad',
        'all 27 actions, learned from odd persons and asked of even ones',
        'TARM with CNN; UTD-MHAD, cross-subject',
        7,
    ),
    'utd-cross-subject-depth': _persons_apart(
        'utd-mhad',
        'the same, asked only about clips whose depth video is there',
        'TARM with CNN; UTD-MHAD, cross-subject',
        7,
        asked=lambda sample: even(sample) and has_depth(sample),
    ),
    'nw-ucla-cross-view': _views_apart(),
    'nw-ucla-cross-subject': _persons_apart(
        'nw-ucla',
        'all 10 actions, learned from odd persons and asked of even ones',
        "UTD-MHAD's division of persons",
        9,
    ),
    'ntu60-cross-subject': _ntu60(
        "learned from the authors' 20 training persons and asked of the others",
        'NTU RGB+D; GRU thesis',
        lambda sample: sample.person in NTU60_LEARNED,
    ),
    'ntu60-cross-view': _ntu60(
        'learned from cameras 2 and 3 and asked of camera 1',
        'NTU RGB+D; GRU thesis',
        lambda sample: sample.view in {2, 3},
    ),
    **{name: parts[''] for name, parts in IN_FOLDS.items()},
}
