// Small loops of the worst mistakes: what was done on the left, what it was compared with on the right.

const LOOP_PAUSE_S = 0.6;
const MINI_LIMB = 0.1;

function extentOf(track) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let at = 0; at < track.confidence.length; at += 1) {
    if (track.confidence[at] > 0) {
      for (let axis = 0; axis < 2; axis += 1) {
        low[axis] = Math.min(low[axis], track.joints[3 * at + axis] / 1000);
        high[axis] = Math.max(high[axis], track.joints[3 * at + axis] / 1000);
      }
    }
  }
  return { low, high };
}

function miniBody(pen, track, pose, place, colour) {
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineCap = 'round';
  const points = pose.joints.map(([x, y]) => [place.x + (x - place.cx) * place.scale, place.y + (y - place.cy) * place.scale]);
  for (const [parent, child] of track.layout.bones) {
    const sure = Math.min(pose.confidence[parent], pose.confidence[child]);
    if (sure > 0) {
      pen.globalAlpha = 0.2 + 0.8 * sure;
      pen.lineWidth = Math.max(MINI_LIMB * 0.6 * place.scale, 2);
      pen.beginPath();
      pen.moveTo(...points[parent]);
      pen.lineTo(...points[child]);
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  for (const joint of track.layout.head.slice(0, 1)) {
    if (pose.confidence[joint] > 0) {
      pen.beginPath();
      pen.arc(points[joint][0], points[joint][1], MINI_LIMB * place.scale, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}

function placeIn(track, left, width, height) {
  const { low, high } = extentOf(track);
  const scale = Math.min((width * 0.86) / Math.max(high[0] - low[0], 0.7), (height * 0.8) / Math.max(high[1] - low[1], 1.2));
  return { x: left + width / 2, y: height / 2 + 4, cx: (low[0] + high[0]) / 2, cy: (low[1] + high[1]) / 2, scale };
}

const minis = page.mistakes.map((mistake, index) => ({
  ...mistake,
  canvas: document.getElementById(`mistake-${index}`),
  tracks: mistake.tracks.map((track) => unpacked(track, mistake.layouts)),
}));

function drawMini(mini, seconds) {
  const { canvas: surface } = mini;
  const ratio = window.devicePixelRatio || 1;
  const width = surface.clientWidth;
  const height = surface.clientHeight;
  if (surface.width !== Math.round(width * ratio)) {
    surface.width = Math.round(width * ratio);
    surface.height = Math.round(height * ratio);
  }
  const brush = surface.getContext('2d');
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  const colours = [mini.colour, colourOf('--ghost')];
  mini.tracks.forEach((track, index) => {
    const length = track.times[track.times.length - 1] / 1000;
    const pose = poseAt(track, Math.min(seconds % (length + LOOP_PAUSE_S), length));
    const share = width / mini.tracks.length;
    if (pose) miniBody(brush, track, pose, placeIn(track, index * share, share, height), colours[index]);
  });
}

function tickMinis(stamp) {
  for (const mini of minis) {
    const box = mini.canvas.getBoundingClientRect();
    if (box.bottom > 0 && box.top < window.innerHeight) drawMini(mini, stamp / 1000);
  }
  requestAnimationFrame(tickMinis);
}

for (const mini of minis) {
  mini.canvas.parentElement.addEventListener('click', () => {
    goTo(mini.recording, Math.max(mini.start - 0.5, 0));
    document.getElementById('stage').scrollIntoView({ behavior: 'smooth', block: 'center' });
  });
}
// Still pictures first, so that a printed page shows them too.
for (const mini of minis) drawMini(mini, mini.middle);
if (!window.matchMedia('(prefers-reduced-motion: reduce)').matches) requestAnimationFrame(tickMinis);
