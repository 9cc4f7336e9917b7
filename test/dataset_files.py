"""Writes files of each data set, as its owners describe it: a person who faces the camera."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import savemat

UTD_ROWS = [
    'head',
    'shoulder_center',
    'spine',
    'hip_center',
    'shoulder_left',
    'elbow_left',
    'wrist_left',
    'hand_left',
    'shoulder_right',
    'elbow_right',
    'wrist_right',
    'hand_right',
    'hip_left',
    'knee_left',
    'ankle_left',
    'foot_left',
    'hip_right',
    'knee_right',
    'ankle_right',
    'foot_right',
]
MSR_ROWS = [
    'shoulder_left',
    'shoulder_right',
    'shoulder_center',
    'spine',
    'hip_left',
    'hip_right',
    'hip_center',
    'elbow_left',
    'elbow_right',
    'wrist_left',
    'wrist_right',
    'hand_left',
    'hand_right',
    'knee_left',
    'knee_right',
    'ankle_left',
    'ankle_right',
    'foot_left',
    'foot_right',
    'head',
]
SDK_ROWS = [
    'hip_center',
    'spine',
    'shoulder_center',
    'head',
    'shoulder_left',
    'elbow_left',
    'wrist_left',
    'hand_left',
    'shoulder_right',
    'elbow_right',
    'wrist_right',
    'hand_right',
    'hip_left',
    'knee_left',
    'ankle_left',
    'foot_left',
    'hip_right',
    'knee_right',
    'ankle_right',
    'foot_right',
]
FLORENCE_ROWS = [
    'head',
    'neck',
    'torso',
    'shoulder_left',
    'elbow_left',
    'hand_left',
    'shoulder_right',
    'elbow_right',
    'hand_right',
    'hip_left',
    'knee_left',
    'foot_left',
    'hip_right',
    'knee_right',
    'foot_right',
]
NTU_ROWS = [
    'spine_base',
    'spine_mid',
    'neck',
    'head',
    'shoulder_left',
    'elbow_left',
    'wrist_left',
    'hand_left',
    'shoulder_right',
    'elbow_right',
    'wrist_right',
    'hand_right',
    'hip_left',
    'knee_left',
    'ankle_left',
    'foot_left',
    'hip_right',
    'knee_right',
    'ankle_right',
    'foot_right',
    'spine_shoulder',
    'handtip_left',
    'thumb_left',
    'handtip_right',
    'thumb_right',
]
HEIGHT_M = {
    'head': 0.7, 'neck': 0.5, 'shoulder': 0.45, 'elbow': 0.2, 'wrist': 0.0, 'hand': -0.1,
    'handtip': -0.15, 'thumb': -0.12, 'spine': 0.2, 'torso': 0.2, 'hip': -0.1, 'knee': -0.5,
    'ankle': -0.9, 'foot': -0.95,
}  # fmt: skip
RAISED_BY_RIGHT_HAND_M = 0.6


def in_sdk_axes(joint: str, frame: int) -> tuple[float, float, float]:
    """Return where a joint is, y up, the person's right at +x, facing a camera 2.5 m away."""
    side = {'left': -0.2, 'right': 0.2}.get(joint.rsplit('_', 1)[-1], 0.01)
    y = HEIGHT_M[joint.split('_', 1)[0]] + 0.05
    if joint == 'hand_right':
        y += RAISED_BY_RIGHT_HAND_M * frame
    return side, y, 2.5 + 0.1 * frame


def rows(names: list[str], frames: int) -> np.ndarray:
    return np.array([[in_sdk_axes(name, frame) for name in names] for frame in range(frames)])


def write_utd(folder: Path, frames: int = 2, name: str = 'a3_s2_t4_skeleton.mat') -> Path:
    path = folder / name
    savemat(path, {'d_skel': rows(UTD_ROWS, frames).transpose(1, 2, 0)})
    return path


def write_msr(folder: Path, frames: int = 2, name: str = 'a01_s02_e03_skeleton3D.txt') -> Path:
    path = folder / name
    lines = [
        f'{x:.6f} {y:.6f} {z:.6f} 1.000000' for frame in rows(MSR_ROWS, frames) for x, y, z in frame
    ]
    path.write_text('\n'.join(lines) + '\n')
    return path


def write_utkinect(
    folder: Path,
    numbers: tuple[int, ...] = (60, 64),
    labels: str = 's01_e01\nwalk: 60 62\nsitDown: 63 70 \n',
) -> Path:
    path = folder / 'joints_s01_e01.txt'
    lines = [
        f'{number}   ' + '  '.join(f'{value:.6f}' for value in frame.ravel())
        for number, frame in zip(numbers, rows(SDK_ROWS, len(numbers)), strict=True)
    ]
    path.write_text('\n'.join(lines) + '\n')
    (folder / 'actionLabel_modified.txt').write_text(labels)
    return path


def write_ucla(
    folder: Path, frames: int = 2, name: str = 'a08_s03_e01_v02.json', label: int = 7
) -> Path:
    path = folder / name
    content = {'file_name': path.stem, 'skeletons': rows(SDK_ROWS, frames).tolist(), 'label': label}
    path.write_text(json.dumps(content))
    return path


def write_florence(folder: Path, frames: int = 2, action: int = 1, sequences: int = 2) -> Path:
    path = folder / 'skeletal_data.mat'
    table = np.empty((sequences, 1), dtype=object)
    for row in range(sequences):
        x_y_z = rows(FLORENCE_ROWS, frames).transpose(2, 1, 0)
        table[row, 0] = {
            'original_skeletal_data': x_y_z[[0, 2, 1]],
            'time_stamps': np.arange(1, frames + 1, dtype=np.uint8),
            'subject': np.uint8(row + 1),
            'action': np.uint8(action),
        }
    savemat(path, {'skeletal_data': table})
    return path


def write_ntu(
    folder: Path,
    bodies: tuple[tuple[str, ...], ...] = (('72057594037931691',), ('72057594037931691',)),
    name: str = 'S018C003P008R002A061.skeleton',
    state: int = 2,
) -> Path:
    """Write `.skeleton` text: for each frame the ids of the bodies in view."""
    lines = [str(len(bodies))]
    for frame, ids in enumerate(bodies):
        lines.append(str(len(ids)))
        for number, body in enumerate(ids):
            lines += [f'{body} 0 1 1 0 0 0 -0.0423 0.0812 2', '25']
            for joint in NTU_ROWS:
                x, y, z = in_sdk_axes(joint, frame)
                lines.append(
                    f'{x + number:.7f} {y:.7f} {z:.7f} 250.1 180.2 990.5 500.7 0 0 1 0 {state}'
                )
    path = folder / name
    path.write_text('\r\n'.join(lines) + '\r\n')
    return path


def write_sbu(folder: Path, frames: int = 2, place: str = 's03s02/08/001') -> Path:
    """Write two persons; the second stands 1 m to the side and was not seen in the first frame."""
    path = folder / place / 'skeleton_pos.txt'
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for frame, joints in enumerate(rows(FLORENCE_ROWS, frames)):
        normalised = []
        for person in range(2):
            for x, y, z in np.add(joints, (person, 0, 0)):
                seen = (frame, person) != (0, 1)
                normalised += [
                    (1280 - 1000 * x) / 2560 if seen else 0.0,
                    (960 - 1000 * y) / 1920 if seen else 0.0,
                    1000 * z * 7.8125 / 10000 if seen else 0.0,
                ]
        lines.append(','.join([str(55 + frame), *(f'{value:.9g}' for value in normalised)]))
    path.write_text('\n'.join(lines) + '\n')
    return path


WRITERS: dict[str, Callable[[Path], Path]] = {
    'utd-mhad': write_utd,
    'msr-action3d': write_msr,
    'utkinect': write_utkinect,
    'nw-ucla': write_ucla,
    'florence3d': write_florence,
    'ntu': write_ntu,
    'sbu': write_sbu,
}
