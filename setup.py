"""The ament_python package. Pins live in requirements/, one file per extra, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'skeleton_action_ros'
ROOT = Path(__file__).resolve().parent


def pins(path: Path) -> list[str]:
    """Requirements of one file, comments stripped."""
    lines = (line.split('#', 1)[0].strip() for line in path.read_text('utf-8').splitlines())
    return [line for line in lines if line]


def installed_under(share: str, folder: str) -> list[tuple[str, list[str]]]:
    """data_files entries that copy a folder of the checkout, at any depth, below share/."""
    entries = []
    for directory in sorted({path.parent for path in (ROOT / folder).rglob('*') if path.is_file()}):
        if directory.name != '__pycache__':
            relative = directory.relative_to(ROOT)
            files = [str(relative / path.name) for path in directory.iterdir() if path.is_file()]
            entries.append((f'{share}/{relative}', sorted(files)))
    return entries


SHARE = f'share/{PACKAGE}'

setup(
    name=PACKAGE,
    version='0.1.0',
    description='A robot learns an action from one demonstration and recognises it from skeletons.',
    license='Apache-2.0',
    maintainer='skeleton_action_ros developers',
    maintainer_email='maintainers@example.org',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={
        f'{PACKAGE}.evaluation.page': ['*.html', '*.css', '*.js'],
        f'{PACKAGE}.evaluation.exam': ['*.html', '*.css', '*.js'],
        f'{PACKAGE}.evaluation.report': ['*.html', '*.css', '*.js'],
    },
    python_requires='>=3.10',
    # A range, because on a robot numpy is the distribution's; requirements/run.txt has the pin.
    install_requires=['numpy>=1.26,<3'],
    extras_require={
        path.stem: pins(path)
        for path in sorted((ROOT / 'requirements').glob('*.txt'))
        if path.stem != 'constraints'
    },
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        *installed_under(SHARE, 'launch'),
        *installed_under(SHARE, 'config'),
        *installed_under(SHARE, 'models'),
    ],
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'skeleton-action = skeleton_action_ros.cli.main:main',
            'skeleton_source = skeleton_action_ros.nodes.skeleton_source:main',
            'window_buffer = skeleton_action_ros.nodes.window_buffer:main',
            'action_recognizer = skeleton_action_ros.nodes.action_recognizer:main',
            'action_enroller = skeleton_action_ros.nodes.action_enroller:main',
            'recognize = skeleton_action_ros.nodes.composed:main',
        ],
    },
)
