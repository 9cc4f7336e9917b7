"""Imports point down only: which layer may import what is written in the README."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = 'skeleton_action_ros'
LAYERS = {
    'core': set(),
    'adapters': {'core'},
    'evaluation': {'core', 'adapters'},
    'nodes': {'core', 'adapters', 'evaluation'},
    'demo': {'core', 'adapters', 'evaluation', 'nodes'},
    'cli': {'core', 'adapters', 'evaluation', 'nodes', 'demo'},
}
TRAINING = {'core', 'adapters', 'evaluation'}
MESSAGES = ('_msgs', '_srvs', '_interfaces')


def _imports(path: Path) -> set[str]:
    """Return the dotted names a module imports, `from a import b` as `a`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            names.add(node.module or '')
    return names


def _modules(folder: Path) -> list[Path]:
    found = sorted(folder.rglob('*.py'))
    assert found, f'{folder} holds no modules'
    return found


def _third_party(names: set[str]) -> set[str]:
    """Return the libraries behind imported names; the message packages of ROS are one."""
    tops = {name.partition('.')[0] for name in names}
    tops -= {*sys.stdlib_module_names, PACKAGE, 'numpy'}
    return {'ROS messages' if top.endswith(MESSAGES) else top for top in tops}


def test_every_folder_of_the_package_has_a_layer() -> None:
    folders = {path.parent.name for path in (ROOT / PACKAGE).glob('*/__init__.py')}
    assert folders <= set(LAYERS)


@pytest.mark.parametrize('layer', [layer for layer in LAYERS if (ROOT / PACKAGE / layer).exists()])
def test_no_module_imports_from_above(layer: str) -> None:
    for path in _modules(ROOT / PACKAGE / layer):
        for name in _imports(path):
            if name.startswith(f'{PACKAGE}.'):
                other = name.split('.')[1]
                assert other in LAYERS[layer] | {layer}, f'{path} imports {name}'


def test_core_needs_numpy_and_the_standard_library_only() -> None:
    for path in _modules(ROOT / PACKAGE / 'core'):
        assert not _third_party(_imports(path)), path


def test_core_reads_no_clock() -> None:
    for path in _modules(ROOT / PACKAGE / 'core'):
        assert not _imports(path) & {'time', 'datetime'}, path


def test_an_adapter_wraps_one_library() -> None:
    for path in _modules(ROOT / PACKAGE / 'adapters'):
        assert len(_third_party(_imports(path))) <= 1, (path, _third_party(_imports(path)))


def test_only_nodes_and_what_is_above_them_run_ros() -> None:
    for layer in ('core', 'adapters', 'evaluation'):
        for path in _modules(ROOT / PACKAGE / layer):
            assert 'rclpy' not in _third_party(_imports(path)), path


def test_training_knows_the_layers_up_to_evaluation_but_no_robot() -> None:
    for path in _modules(ROOT / 'training'):
        names = _imports(path)
        assert not _third_party(names) & {'rclpy', 'ROS messages'}, path
        inside = {name for name in names if name.startswith(f'{PACKAGE}.')}
        assert all(name.split('.')[1] in TRAINING for name in inside), path


def test_running_needs_no_torch() -> None:
    for path in _modules(ROOT / PACKAGE):
        assert not _third_party(_imports(path)) & {'torch', 'pytorch_metric_learning'}, path
