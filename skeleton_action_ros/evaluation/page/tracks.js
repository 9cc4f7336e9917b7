'use strict';

// Moving skeletons as pages carry them: milliseconds, millimetres and per cent in base64.

const LONGEST_GAP_MS = 400;

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}

function unpacked(track, layouts) {
  return {
    body: track.body,
    layout: layouts[track.layout],
    times: new Int32Array(bytes(track.times)),
    joints: new Int16Array(bytes(track.joints)),
    confidence: new Uint8Array(bytes(track.confidence)),
  };
}

// Returns {joints: [[x, y, z] in metres], confidence: [0 to 1]} at a time, or null when out of view.
function poseAt(track, seconds) {
  const ms = seconds * 1000;
  const { times, layout } = track;
  if (ms < times[0] - LONGEST_GAP_MS / 2 || ms > times[times.length - 1] + LONGEST_GAP_MS / 2) return null;
  let low = 0;
  let high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= ms) low = middle; else high = middle;
  }
  const gap = times[high] - times[low];
  if (gap > LONGEST_GAP_MS && ms - times[low] > 100 && times[high] - ms > 100) return null;
  const share = gap > 0 && gap <= LONGEST_GAP_MS ? Math.min(Math.max((ms - times[low]) / gap, 0), 1) : 0;
  const joints = [];
  const confidence = [];
  for (let joint = 0; joint < layout.joints; joint += 1) {
    const before = low * layout.joints + joint;
    const after = high * layout.joints + joint;
    const point = [];
    for (let axis = 0; axis < 3; axis += 1) {
      const from = track.joints[3 * before + axis];
      point.push((from + share * (track.joints[3 * after + axis] - from)) / 1000);
    }
    joints.push(point);
    confidence.push(Math.min(track.confidence[before], track.confidence[after]) / 100);
  }
  return { joints, confidence };
}
