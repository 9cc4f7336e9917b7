from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = 'skeleton_action_ros'
# Where a module's rosdep key is not its own name.
KEYS = {
    'cv2': 'python3-opencv',
    'numpy': 'python3-numpy',
    'scipy': 'python3-scipy',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
# In no distribution of Ubuntu 24.04: the README says how to install them.
FROM_PIP = {'dtaidistance', 'mediapipe', 'onnxruntime', 'plotly', 'pyk4a', 'rosbags'}


def _depends(manifest: Path) -> set[str]:
    tags = ('depend', 'build_depend', 'buildtool_depend', 'exec_depend')
    return {tag.text or '' for tag in ET.parse(manifest).getroot() if tag.tag in tags}


def _third_party(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules.add(node.module.split('.')[0])
    return modules - sys.stdlib_module_names - {OWN}


def test_the_manifest_lists_what_the_package_imports_and_nothing_else() -> None:
    sources = [*(ROOT / OWN).rglob('*.py'), *(ROOT / 'launch').rglob('*.py')]
    imported = set().union(*map(_third_party, sources))
    assert {'rclpy', 'skeleton_action_msgs', 'numpy'} <= imported
    needed = {KEYS.get(module, module) for module in imported - FROM_PIP}
    assert _depends(ROOT / 'package.xml') == needed


def test_the_nodes_need_no_pip_package_that_the_readme_does_not_name() -> None:
    readme = (ROOT / 'README.md').read_text()
    assert {module for module in FROM_PIP if module not in readme} == set()


def test_versions_and_licences_agree() -> None:
    manifests = [
        ET.parse(path).getroot()
        for path in (ROOT / 'package.xml', ROOT / 'skeleton_action_msgs' / 'package.xml')
    ]
    assert [manifest.findtext('name') for manifest in manifests] == [OWN, 'skeleton_action_msgs']
    assert len({manifest.findtext('version') for manifest in manifests}) == 1
    assert {manifest.findtext('license') for manifest in manifests} == {'Apache-2.0'}
    assert 'Apache License' in (ROOT / 'LICENSE').read_text().splitlines()[1]


def test_colcon_builds_both_packages_at_the_root() -> None:
    text = (ROOT / 'colcon_defaults.yaml').read_text()
    assert 'build:\n  base-paths: [., skeleton_action_msgs]\n' in text
