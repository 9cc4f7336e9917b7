from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_clips import lifting_samples, tiny_recipe

from skeleton_action_ros.adapters.onnx_bundle import load_bundle, read_card
from training.config import override
from training.export import TERMS, main
from training.recipes import RECIPES
from training.train import Trainer

RESULTS = {
    'system': 'tiny',
    'protocol': 'one-shot',
    'one_shot': {'set': {'embedder': {'accuracy_mean': 0.5}}},
    'invariances': {},
    'threshold': {'threshold': 0.7, 'true_accept': 0.4},
    'operating_curve': [{'threshold': 0.7}],
    'command': 'python -m training.measure out/checkpoint.pt',
    'machine': 'a machine',
    'measured_at_commit': 'abc',
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    recipe = override(tiny_recipe(), ["data.train=('simulated',)"])
    trainer = Trainer(recipe, lifting_samples())
    trainer.batches.close()
    trainer.save(tmp_path / 'checkpoint.pt')
    return tmp_path / 'checkpoint.pt'


def test_card_says_where_the_model_comes_from(checkpoint: Path, tmp_path: Path) -> None:
    results = tmp_path / 'results.json'
    results.write_text(json.dumps(RESULTS))

    status = main([str(checkpoint), '--results', str(results), '--out', str(tmp_path / 'made')])

    assert status == 0
    assert load_bundle(tmp_path / 'made').threshold == 0.7
    card = read_card(tmp_path / 'made')
    assert card['training']['command'] == 'python -m training.train tiny'
    assert card['training']['data'] == {'simulated': TERMS['simulated']}
    assert card['training']['recipe']['preprocess']['frames'] == 8
    assert len(card['training']['fingerprint']) == 64
    assert card['results']['one_shot'] == RESULTS['one_shot']
    assert card['limits']
    assert 'Apache-2.0' in card['licence_notes']


@pytest.mark.parametrize(
    ('results', 'message'),
    [
        (None, 'No such file'),
        ('{', 'Expecting'),
        (json.dumps({'system': 'x'}), 'has no threshold'),
    ],
)
def test_results_that_cannot_be_used_end_with_one_line(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    results: str | None,
    message: str,
) -> None:
    path = tmp_path / 'results.json'
    if results is not None:
        path.write_text(results)

    with pytest.raises(SystemExit) as ended:
        main([str(checkpoint), '--results', str(path), '--out', str(tmp_path / 'made')])

    error = capsys.readouterr().err
    assert ended.value.code == 1
    assert message in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'made').exists()


def test_every_data_set_of_a_recipe_has_its_terms() -> None:
    for make in RECIPES.values():
        assert set(make().data.train) <= set(TERMS)
