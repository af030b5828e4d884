"use strict";
// A film is one picture with the frames of a clip under one another, so that all methods show the same frame at the same time.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const state = { view: "all", clip: 0, frame: 0, playing: true, trial: 0 };
const films = data.clips.map((clip) => Object.fromEntries(Object.entries(clip.films).map(([name, source]) => {
  const film = new Image();
  film.src = source;
  film.onload = () => draw();
  return [name, film];
})));

function drawFrame(canvas, clip, name) {
  const { width, height, frames } = data.clips[clip];
  const film = films[clip][name];
  const isStill = name === "given-reference";
  if (!film || !film.complete || film.naturalWidth === 0) return;
  const tall = isStill ? film.naturalHeight : height;
  const wide = isStill ? film.naturalWidth : width;
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== tall) canvas.height = tall;
  const top = isStill ? 0 : (state.frame % frames) * height;
  canvas.getContext("2d").drawImage(film, 0, top, wide, tall, 0, 0, wide, tall);
}

// Side by side.
const cells = ["given-reference", ...data.rows].map((name) => {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption");
  caption.textContent = name === "given-reference" ? "character" : name;
  figure.append(canvas, caption);
  byId("all").append(figure);
  return { name, canvas };
});

function drawWipe() {
  const canvas = byId("wipe-canvas");
  const right = document.createElement("canvas");
  drawFrame(canvas, state.clip, byId("left").value);
  drawFrame(right, state.clip, byId("right").value);
  const from = Math.round(canvas.width * byId("divider").value / 1000);
  if (right.width !== canvas.width || from >= canvas.width) return;
  const context = canvas.getContext("2d");
  context.drawImage(right, from, 0, canvas.width - from, canvas.height, from, 0, canvas.width - from, canvas.height);
  context.fillStyle = "#fff";
  context.fillRect(from - 1, 0, 2, canvas.height);
}

// Blind A/B. The order of trials and sides is drawn from the heading, the same on every visit.
function randomNumbers(text) {
  let seed = 2166136261;
  for (const letter of text) seed = Math.imul(seed ^ letter.codePointAt(0), 16777619);
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function blindTrials() {
  const random = randomNumbers(data.heading + data.contenders.join());
  const trials = [];
  data.clips.forEach((clip, index) => data.contenders.forEach((first, place) => {
    for (const second of data.contenders.slice(place + 1)) {
      const [left, right] = random() < 0.5 ? [first, second] : [second, first];
      trials.push({ clip: index, name: clip.name, left, right });
    }
  }));
  for (let last = trials.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [trials[last], trials[other]] = [trials[other], trials[last]];
  }
  return trials;
}

const trials = blindTrials();
const storageKey = `stuntdouble votes: ${data.heading}`;
let votes = [];
try {
  votes = JSON.parse(localStorage.getItem(storageKey)) ?? [];
} catch {
  // A page from a file may have no storage; votes can still be saved as a file.
}
const isTrial = ({ name, left, right }) => trials.some((trial) => trial.name === name && trial.left === left && trial.right === right);
votes = Array.isArray(votes) ? votes.filter(isTrial) : [];
const isVoted = (trial) => votes.some((vote) => vote.name === trial.name && vote.left === trial.left && vote.right === trial.right);

function keep() {
  try {
    localStorage.setItem(storageKey, JSON.stringify(votes));
  } catch {
    byId("blind-progress").textContent += " (not kept by this browser: save them)";
  }
}

function nextTrial() {
  state.trial = trials.findIndex((trial) => !isVoted(trial));
  state.frame = 0;
  const open = trials.length - votes.length;
  byId("blind-progress").textContent = trials.length === 0
    ? "Nothing to compare: give at least two methods."
    : `${votes.length} of ${trials.length} pairs judged${open === 0 ? ": all done" : ""}`;
  for (const id of ["vote-left", "vote-equal", "vote-right"]) byId(id).disabled = state.trial < 0;
  showResults();
  draw();
}

function vote(choice) {
  const trial = trials[state.trial];
  if (state.view !== "blind" || !trial) return;
  const better = { left: trial.left, right: trial.right, equal: null }[choice];
  votes.push({ name: trial.name, left: trial.left, right: trial.right, better, time: new Date().toISOString() });
  nextTrial();
  keep();
}

function undo() {
  votes.pop();
  nextTrial();
  keep();
}

function counted() {
  const pairs = new Map();
  for (const { left, right, better } of votes) {
    const [first, second] = [left, right].sort();
    const key = `${first}\n${second}`;
    const pair = pairs.get(key) ?? { first, second, firstBetter: 0, secondBetter: 0, equal: 0 };
    if (better === null) pair.equal += 1;
    else if (better === first) pair.firstBetter += 1;
    else pair.secondBetter += 1;
    pairs.set(key, pair);
  }
  return [...pairs.values()];
}

function showResults() {
  const results = byId("results");
  results.hidden = byId("reveal").getAttribute("aria-pressed") !== "true";
  const table = document.createElement("table");
  const line = (kind, texts) => {
    const row = table.insertRow();
    for (const text of texts) row.append(Object.assign(document.createElement(kind), { textContent: text }));
  };
  line("th", ["A", "B", "A better", "B better", "no difference"]);
  for (const pair of counted()) line("td", [pair.first, pair.second, pair.firstBetter, pair.secondBetter, pair.equal]);
  results.replaceChildren(table);
}

function download() {
  const text = JSON.stringify({ heading: data.heading, protocol: data.protocol, votes, pairs: counted() }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "votes.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function draw() {
  if (state.view === "all") for (const { name, canvas } of cells) drawFrame(canvas, state.clip, name);
  if (state.view === "wipe") drawWipe();
  const trial = trials[state.trial];
  if (state.view === "blind" && trial) {
    drawFrame(byId("blind-reference"), trial.clip, "given-reference");
    drawFrame(byId("blind-driver"), trial.clip, "given-frame");
    drawFrame(byId("blind-left"), trial.clip, trial.left);
    drawFrame(byId("blind-right"), trial.clip, trial.right);
  }
  const { frames } = data.clips[state.view === "blind" && trial ? trial.clip : state.clip];
  byId("frame").max = frames - 1;
  byId("frame").value = state.frame % frames;
  byId("frame-number").textContent = `${state.frame % frames + 1} of ${frames}`;
}

function show(view) {
  state.view = view;
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== view;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === view);
  byId("clip").disabled = view === "blind";
  if (view === "blind") nextTrial();
  draw();
}

function choose(clip) {
  state.clip = (clip + data.clips.length) % data.clips.length;
  state.frame = 0;
  byId("clip").value = state.clip;
  draw();
}

function play(playing) {
  state.playing = playing;
  byId("play").textContent = playing ? "Pause" : "Play";
}

function step(frames) {
  play(false);
  const count = data.clips[state.view === "blind" && trials[state.trial] ? trials[state.trial].clip : state.clip].frames;
  state.frame = (state.frame + frames + count) % count;
  draw();
}

function reveal() {
  const button = byId("reveal");
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  showResults();
}

const keys = {
  " ": () => play(!state.playing), ",": () => step(-1), ".": () => step(1),
  n: () => state.view !== "blind" && choose(state.clip + 1), p: () => state.view !== "blind" && choose(state.clip - 1),
};
const blindKeys = {
  1: () => vote("left"), ArrowLeft: () => vote("left"), 2: () => vote("right"), ArrowRight: () => vote("right"),
  0: () => vote("equal"), ArrowDown: () => vote("equal"), Backspace: undo, r: reveal,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("select, input")) return;
  const action = (state.view === "blind" && blindKeys[event.key]) || keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

byId("heading").textContent = data.heading;
document.title = data.heading;
byId("warnings").hidden = data.warnings.length === 0;
byId("warnings").textContent = data.warnings.join("\n");
data.clips.forEach((clip, index) => byId("clip").add(new Option(clip.name, index)));
for (const id of ["left", "right"]) data.rows.forEach((row) => byId(id).add(new Option(row, row)));
byId("left").value = data.contenders.at(-1) ?? data.rows[0];
byId("right").value = data.rows.at(-1);
byId("clip").onchange = () => choose(Number(byId("clip").value));
byId("frame").oninput = () => { play(false); state.frame = Number(byId("frame").value); draw(); };
for (const id of ["left", "right", "divider"]) byId(id).oninput = draw;
for (const button of document.querySelectorAll("[data-view]")) button.onclick = () => { show(button.dataset.view); button.blur(); };
for (const choice of ["left", "equal", "right"]) byId(`vote-${choice}`).onclick = () => vote(choice);
byId("undo").onclick = undo;
byId("reveal").onclick = reveal;
byId("download").onclick = download;
byId("forget").onclick = () => { votes = []; nextTrial(); keep(); };
byId("play").onclick = () => { play(!state.playing); byId("play").blur(); };
setInterval(() => { if (state.playing) { state.frame += 1; draw(); } }, 1000 / data.rate);
show("all");
