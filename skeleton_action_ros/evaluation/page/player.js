// The page's player: skeletons on a canvas, and the timeline that follows it.
// #t=12.5 in the address opens the page at 12.5 seconds, #r=2&t=12.5 its third recording there.

const page = JSON.parse(document.getElementById('data').textContent);
const recordings = page.recordings || [page];
let data;
let tracks;
const canvas = document.getElementById('stage');
const pen = canvas.getContext('2d');
const play = document.getElementById('play');
const scrub = document.getElementById('scrub');
const clock = document.getElementById('clock');
const speed = document.getElementById('speed');
const truth = document.getElementById('truth');
const chosen = document.getElementById('recording');
const dark = window.matchMedia('(prefers-color-scheme: dark)');

const PERSON_COLOURS = ['#5f7fb8', '#7d6db3', '#3f8f9b', '#a07f4e', '#6f8a5a', '#8f6a7c'];
const HEAD_RADIUS_M = 0.1;
const LIMB_M = 0.045;
const FOCAL = 1.25;

function extent() {
  const axes = [[], [], []];
  for (const track of tracks) {
    for (let frame = 0; frame < track.times.length; frame += 5) {
      for (let joint = 0; joint < track.layout.joints; joint += 1) {
        const at = frame * track.layout.joints + joint;
        if (track.confidence[at] > 50) {
          for (let axis = 0; axis < 3; axis += 1) axes[axis].push(track.joints[3 * at + axis] / 1000);
        }
      }
    }
  }
  return axes.map((values) => {
    if (values.length === 0) return { low: -1, high: 1 };
    values.sort((a, b) => a - b);
    return { low: values[Math.floor(0.01 * values.length)], high: values[Math.floor(0.99 * (values.length - 1))] };
  });
}

let across, down, away, centre, wide, tall, deep;

function openRecording(index) {
  data = recordings[index];
  tracks = data.tracks.map((track) => unpacked(track, data.layouts));
  [across, down, away] = extent();
  centre = [across, down, away].map((axis) => (axis.low + axis.high) / 2);
  wide = Math.max(across.high - across.low, 1);
  tall = Math.max(down.high - down.low, 1);
  deep = Math.max(away.high - away.low, 0.5);
  scrub.max = String(data.seconds);
  chosen.value = String(index);
  playing = false;
  play.textContent = 'Play';
  now = 0;
}

// ---------------------------------------------------------------- the view

const START = { yaw: 0.0, tilt: 0.2 };
const view = { ...START };

// Returns [x, y, pixels per metre there] on the canvas for a point in metres; y down, z away.
function project(point) {
  const [x, y, z] = point.map((value, axis) => value - centre[axis]);
  const turned = [
    x * Math.cos(view.yaw) + z * Math.sin(view.yaw),
    y,
    z * Math.cos(view.yaw) - x * Math.sin(view.yaw),
  ];
  const height = turned[1] * Math.cos(view.tilt) - turned[2] * Math.sin(view.tilt);
  const depth = turned[2] * Math.cos(view.tilt) + turned[1] * Math.sin(view.tilt);
  const aspect = canvas.clientWidth / canvas.clientHeight;
  const distance = FOCAL * Math.max(tall + 0.6, (wide + 0.6) / aspect) + deep / 2;
  const scale = (FOCAL * canvas.clientHeight) / Math.max(depth + distance, 0.3);
  return [canvas.clientWidth / 2 + turned[0] * scale, canvas.clientHeight * 0.5 + height * scale, scale];
}

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawFloor() {
  const level = down.high;
  const step = 0.5;
  const reach = 0.75;
  const left = Math.floor((across.low - reach) / step) * step;
  const right = Math.ceil((across.high + reach) / step) * step;
  const near = Math.floor((away.low - reach) / step) * step;
  const far = Math.ceil((away.high + reach) / step) * step;
  pen.strokeStyle = colourOf('--grid');
  pen.lineWidth = 1;
  pen.beginPath();
  for (let x = left; x <= right + 1e-6; x += step) {
    pen.moveTo(...project([x, level, near]).slice(0, 2));
    pen.lineTo(...project([x, level, far]).slice(0, 2));
  }
  for (let z = near; z <= far + 1e-6; z += step) {
    pen.moveTo(...project([left, level, z]).slice(0, 2));
    pen.lineTo(...project([right, level, z]).slice(0, 2));
  }
  pen.stroke();
}

function drawBody(track, pose, colour) {
  const points = pose.joints.map(project);
  pen.lineCap = 'round';
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  for (const [parent, child] of track.layout.bones) {
    const sure = Math.min(pose.confidence[parent], pose.confidence[child]);
    if (sure > 0) {
      pen.globalAlpha = 0.15 + 0.85 * sure;
      pen.lineWidth = Math.max(LIMB_M * points[child][2] * (sure > 0.5 ? 1 : 0.5), 1);
      pen.beginPath();
      pen.moveTo(points[parent][0], points[parent][1]);
      pen.lineTo(points[child][0], points[child][1]);
      pen.stroke();
    }
  }
  const head = track.layout.head.filter((joint) => pose.confidence[joint] > 0);
  pen.globalAlpha = 1;
  if (head.length === 0) return;
  const at = [0, 1, 2].map((axis) => head.reduce((sum, joint) => sum + points[joint][axis], 0) / head.length);
  pen.beginPath();
  pen.arc(at[0], at[1], HEAD_RADIUS_M * at[2], 0, 2 * Math.PI);
  pen.fill();
}

function placeOf(track, pose) {
  const seen = pose.joints.filter((_, joint) => pose.confidence[joint] > 0);
  if (seen.length === 0) return null;
  const highest = Math.min(...seen.map((point) => point[1]));
  const middle = [0, 2].map((axis) => seen.reduce((sum, point) => sum + point[axis], 0) / seen.length);
  const heads = track.layout.head.filter((joint) => pose.confidence[joint] > 0).map((joint) => pose.joints[joint]);
  const head = heads.length > 0 ? heads[0] : [middle[0], highest, middle[1]];
  return {
    above: project([head[0], Math.min(head[1], highest) - 0.16, head[2]]),
    below: project([middle[0], down.high + 0.06, middle[1]]),
    depth: middle[1] * Math.cos(view.yaw) - middle[0] * Math.sin(view.yaw),
  };
}

function drawPill(text, x, y, background) {
  pen.font = '600 14px system-ui, sans-serif';
  const width = pen.measureText(text).width + 20;
  pen.fillStyle = background;
  pen.beginPath();
  pen.roundRect(x - width / 2, y - 26, width, 26, 13);
  pen.fill();
  pen.fillStyle = '#ffffff';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(text, x, y - 12);
}

function drawCaption(name, shown, x, y, colour) {
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  pen.font = '600 13px system-ui, sans-serif';
  pen.fillStyle = colour;
  pen.fillText(name, x, y);
  if (shown) {
    pen.font = '12px system-ui, sans-serif';
    pen.fillStyle = colourOf('--faint');
    pen.fillText(shown, x, y + 17);
  }
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  drawFloor();
  const seen = [];
  for (const track of tracks) {
    const pose = poseAt(track, now);
    const place = pose && placeOf(track, pose);
    if (place) seen.push({ track, pose, place });
  }
  seen.sort((a, b) => b.place.depth - a.place.depth);
  for (const { track, pose, place } of seen) {
    const index = data.people.findIndex((person) => person.body === track.body);
    const colour = PERSON_COLOURS[index % PERSON_COLOURS.length];
    const during = (bar) => bar.body === track.body && bar.start <= now && now <= bar.end;
    const shown = truth.checked && data.shown.find(during);
    const open = data.events.find((bar) => bar.body === track.body && bar.open && bar.open[0] <= now && now <= bar.open[1]);
    drawBody(track, pose, colour);
    drawCaption(data.people[index].name, shown ? shown.label : '', place.below[0], place.below[1], colour);
    if (open) drawPill(open.label, place.above[0], Math.max(place.above[1], 30), open.colour);
  }
}

// ---------------------------------------------------------------- time

let now = 0;
let playing = false;
let last = 0;
let headMoved = 0;

function timelineHead() {
  return [{ type: 'line', yref: 'paper', y0: 0, y1: 1, x0: now, x1: now, line: { width: 2, color: colourOf('--ink') } }];
}

function show(seconds) {
  now = Math.min(Math.max(seconds, 0), data.seconds);
  scrub.value = String(now);
  clock.textContent = `${now.toFixed(1)} s`;
  draw();
}

function showHead() {
  Plotly.relayout('timeline', { shapes: timelineHead() });
}

function tick(stamp) {
  if (!playing) return;
  const passed = last ? Math.min((stamp - last) / 1000, 0.1) : 0;
  last = stamp;
  show(now + passed * Number(speed.value));
  if (stamp - headMoved > 120) {
    headMoved = stamp;
    showHead();
  }
  if (now >= data.seconds) setPlaying(false);
  else requestAnimationFrame(tick);
}

function setPlaying(wanted) {
  if (wanted && now >= data.seconds) now = 0;
  playing = wanted;
  last = 0;
  play.textContent = playing ? 'Pause' : 'Play';
  if (playing) requestAnimationFrame(tick);
  else showHead();
}

// ---------------------------------------------------------------- plots and controls

function themed(layout) {
  const axis = { gridcolor: colourOf('--line'), linecolor: colourOf('--line'), zeroline: false };
  return {
    ...layout,
    font: { ...layout.font, color: colourOf('--faint') },
    xaxis: { ...layout.xaxis, ...axis },
    yaxis: { ...layout.yaxis, ...axis },
  };
}

function drawTimeline() {
  const options = { responsive: true, displayModeBar: false, scrollZoom: true };
  Plotly.react('timeline', data.timeline.data, { ...themed(data.timeline.layout), shapes: timelineHead() }, options);
}

function drawPlots() {
  for (const [name, plot] of Object.entries(page.plots)) {
    Plotly.react(name, plot.data, themed(plot.layout), { responsive: true, displayModeBar: false });
  }
  drawTimeline();
}

function timeInAddress() {
  const match = /[#&]t=([0-9.]+)$/.exec(window.location.hash);
  return match ? Number(match[1]) : null;
}

function recordingInAddress() {
  const match = /^#r=([0-9]+)/.exec(window.location.hash);
  return match ? Math.min(Number(match[1]), recordings.length - 1) : null;
}

function followAddress() {
  const wanted = recordingInAddress();
  if (wanted !== null && data !== recordings[wanted]) goTo(wanted, 0);
  show(timeInAddress() ?? now);
  showHead();
}

function goTo(index, seconds) {
  if (data !== recordings[index]) {
    openRecording(index);
    drawTimeline();
  }
  show(seconds);
  showHead();
}

if (recordings.length > 1) {
  recordings.forEach((recording, index) => chosen.add(new Option(recording.name, String(index))));
  chosen.hidden = false;
}
chosen.addEventListener('change', () => goTo(Number(chosen.value), 0));
scrub.addEventListener('input', () => { show(Number(scrub.value)); showHead(); });
play.addEventListener('click', () => setPlaying(!playing));
truth.addEventListener('change', draw);
dark.addEventListener('change', () => { drawPlots(); draw(); });
window.addEventListener('resize', draw);
window.addEventListener('hashchange', followAddress);
document.addEventListener('keydown', (event) => {
  if (['INPUT', 'SELECT', 'BUTTON'].includes(event.target.tagName)) return;
  if (event.key === ' ') { event.preventDefault(); setPlaying(!playing); }
  if (event.key === 'ArrowLeft') { show(now - 1); showHead(); }
  if (event.key === 'ArrowRight') { show(now + 1); showHead(); }
});
canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener('pointermove', (event) => {
  if (!canvas.hasPointerCapture(event.pointerId)) return;
  view.yaw -= event.movementX * 0.008;
  view.tilt = Math.min(Math.max(view.tilt + event.movementY * 0.006, -0.2), 1.4);
  draw();
});
canvas.addEventListener('dblclick', () => { Object.assign(view, START); draw(); });

openRecording(recordingInAddress() ?? 0);
drawPlots();
document.getElementById('timeline').on('plotly_click', (event) => {
  const [, start] = event.points[0].customdata;
  show(start);
  showHead();
});
show(timeInAddress() ?? 0);
showHead();
