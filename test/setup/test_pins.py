from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parents[2]
EXTRAS = {
    *('azure-kinect', 'build', 'cpu', 'datasets', 'gpu', 'lint', 'report', 'rgb', 'ros', 'run'),
    *('test', 'train'),
}
EXACT = re.compile(r'(?P<name>[A-Za-z0-9][\w.-]*)==[\w.+]+(; python_version [<>=]+ "3\.\d+")?')

FROM_ROS = re.compile(r'.*_(msgs|srvs|interfaces)|rclpy|ament_index_python|launch|launch_ros')
DISTRIBUTIONS = {
    'yaml': 'pyyaml',
    'cv2': 'opencv-contrib-python',
    'pyk4a': 'pyk4a-bundle',
    'sklearn': 'scikit-learn',
    'umap': 'umap-learn',
}


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py hands to setuptools."""
    arguments: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **given: arguments.update(given))
    runpy.run_path(str(ROOT / 'setup.py'))
    return arguments


def _names(lines: list[str]) -> set[str]:
    return {re.split(r'[=;<>]', line)[0].lower().replace('_', '-') for line in lines}


def test_there_is_an_extra_for_each_use(declared: dict[str, Any]) -> None:
    assert set(declared['extras_require']) == EXTRAS


def test_every_pin_of_setup_py_is_exact(declared: dict[str, Any]) -> None:
    for extra, lines in declared['extras_require'].items():
        assert lines, extra
        for line in lines:
            assert EXACT.fullmatch(line), f'{extra}: {line}'


def test_no_package_is_pinned_in_two_extras(declared: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    for extra, lines in declared['extras_require'].items():
        for name in _names(lines):
            assert name not in seen, f'{name} is in {seen[name]} and in {extra}'
            seen[name] = extra


def test_constraints_are_exact_and_repeat_no_pin(declared: dict[str, Any]) -> None:
    text = (ROOT / 'requirements' / 'constraints.txt').read_text()
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    assert lines
    for line in lines:
        assert EXACT.fullmatch(line), line
    pinned = set().union(*map(_names, declared['extras_require'].values()))
    assert not pinned & _names(lines)


def test_every_pin_says_what_it_is_for() -> None:
    for path in (ROOT / 'requirements').glob('*.txt'):
        if path.stem != 'constraints':
            for line in path.read_text().splitlines():
                assert line.startswith('#') or re.search(r' {2,}# \S', line), f'{path.name}: {line}'


def test_running_needs_neither_torch_nor_a_second_onnx_runtime(declared: dict[str, Any]) -> None:
    extras = declared['extras_require']
    running = _names(extras['run'] + extras['cpu'] + extras['report'])
    assert running == {
        'dtaidistance',
        'numpy',
        'onnxruntime',
        'plotly',
        'pyyaml',
        'rosbags',
        'tqdm',
    }


def test_all_that_is_imported_anywhere_is_pinned(declared: dict[str, Any]) -> None:
    folders = ('skeleton_action_ros', 'training', 'benchmarks', 'test', 'scripts')
    sources = [path for folder in folders for path in (ROOT / folder).rglob('*.py')]
    imported = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                imported.add(node.module.split('.')[0])
    own = {path.stem for path in sources} | set(folders)
    foreign = {name for name in imported - own if not FROM_ROS.fullmatch(name)}
    foreign -= sys.stdlib_module_names
    assert 'torch' in foreign
    pinned = set().union(*map(_names, declared['extras_require'].values()))
    distributions = {DISTRIBUTIONS.get(name, name.replace('_', '-')) for name in foreign}
    assert distributions - pinned == set()


def test_every_executable_is_a_main_function_of_the_package(declared: dict[str, Any]) -> None:
    scripts = declared['entry_points']['console_scripts']
    names = {script.split(' = ')[0] for script in scripts}
    assert names == {
        'skeleton-action',
        'skeleton_source',
        'window_buffer',
        'action_recognizer',
        'action_enroller',
        'recognize',
    }
    for script in scripts:
        module, function = script.split(' = ')[1].split(':')
        source = (ROOT / module.replace('.', '/')).with_suffix('.py').read_text()
        assert re.search(rf'^def {function}\(', source, re.MULTILINE), script


def test_share_holds_package_index_manifest_launch_files_and_parameters(
    declared: dict[str, Any],
) -> None:
    installed = dict(declared['data_files'])
    index = 'share/ament_index/resource_index/packages'
    assert installed[index] == ['resource/skeleton_action_ros']
    assert installed['share/skeleton_action_ros'] == ['package.xml']
    assert 'launch/recognize.launch.py' in installed['share/skeleton_action_ros/launch']
    assert any(name.endswith('.yaml') for name in installed['share/skeleton_action_ros/config'])
    for files in installed.values():
        for name in files:
            assert (ROOT / name).is_file(), name
            assert '__pycache__' not in name
