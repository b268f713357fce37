"use strict";
// An ethogram on a canvas. The address keeps the moment: #f=<frame>&z=<from>-<to>&d=1&e=<entry>&who=<id>,<id>
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const canvas = by("ethogram"), posed = by("pose"), moment = by("moment");
const TITLE = 17, LANE = 26, GAP = 6, AXIS = 24, STEP = TITLE + LANE + GAP;
const tones = ["--tone1", "--tone2", "--tone3", "--tone4", "--tone5", "--tone6"];
const shown = data.classes.map((_, k) => k).filter((k) => k !== data.background);

const rows = data.rows.map((row) => {
  const states = new Int16Array(data.frames);
  let at = 0;
  row.states.forEach((state, k) => { states.fill(state, at, at += row.lengths[k]); });
  return { ...row, all: states };
});
const MOST = 3;
const lanes = (source) => rows.filter((row) => row.source === source);
const differing = (source) => {
  const one = lanes(0), other = lanes(source), apart = new Uint8Array(data.frames);
  one.forEach((row, k) => { for (let f = 0; f < data.frames; f++) apart[f] |= row.all[f] !== other[k].all[f]; });
  const known = lanes(0).length === 1 ? lanes(0)[0].all : null; // frames that nobody annotated differ from nothing
  if (known) for (let f = 0; f < data.frames; f++) if (known[f] < 0) apart[f] = 0;
  return apart;
};
const runs = (flags) => {
  const found = [];
  for (let f = 0; f < flags.length; f++) {
    if (!flags[f]) continue;
    const from = f;
    while (f < flags.length && flags[f]) f++;
    found.push([from, f]);
  }
  return found;
};

const asked = new URLSearchParams(location.hash.slice(1));
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const state = { frame: 0, from: 0, to: data.frames, only: false, entry: data.sources.length > 1 ? 1 : 0, playing: 0, who: [] };
const named = (asked.get("who") ?? "").split(",").map((id) => data.ids.indexOf(id)).filter((k) => k > 0);
const usual = data.sources.map((_, k) => k).slice(1, MOST + 1);
state.who = named.length ? [...new Set(named)].slice(0, MOST).sort((a, b) => a - b) : usual;
const drawn = () => rows.filter((row) => row.source === 0 || state.who.includes(row.source));
state.frame = within(Number.parseInt(asked.get("f") ?? "0", 10) || 0, 0, data.frames - 1);
const span = /^(\d+)-(\d+)$/.exec(asked.get("z") ?? "");
if (span && Number(span[1]) < Number(span[2])) { state.from = Number(span[1]); state.to = Math.min(Number(span[2]), data.frames); }
state.only = asked.get("d") === "1";
state.entry = Number.parseInt(asked.get("e") ?? "", 10);
if (!state.who.includes(state.entry)) state.entry = state.who[0] ?? 0;
let apart = state.entry ? differing(state.entry) : new Uint8Array(data.frames);
let disagreements = runs(apart);

const clock = (frame) => {
  const seconds = frame / data.fps, minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, "0")}`;
};
const nameOf = (value) => value < 0 ? "–" : data.classes[value];
const said = (source, frame) => {
  const names = lanes(source).map((row) => row.all[frame]).filter((value) => value >= 0).map(nameOf);
  return names.length ? names.join(", ") : "–";
};
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const tone = (value) => value === data.background ? colour("--rule") : colour(tones[shown.indexOf(value) % tones.length]);

const fit = (element, width, height) => {
  const scale = window.devicePixelRatio || 1;
  element.width = Math.round(width * scale);
  element.height = Math.round(height * scale);
  const pen = element.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
};

const draw = () => {
  const visible = drawn(), width = canvas.clientWidth, height = visible.length * STEP + AXIS;
  canvas.style.setProperty("height", `${height}px`);
  const pen = fit(canvas, width, height), per = width / (state.to - state.from);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  visible.forEach((row, k) => {
    const top = k * STEP + TITLE;
    for (const front of [false, true]) {
      let at = 0;
      row.states.forEach((value, n) => {
        const stop = at + row.lengths[n];
        if (value >= 0 && (value !== data.background) === front && stop > state.from && at < state.to) {
          const x = (at - state.from) * per, wide = Math.max((stop - at) * per, front ? 0.7 : 0);
          pen.fillStyle = tone(value);
          const thin = value === data.background ? LANE / 3 : 0; // what is not asked for is lower, not only paler
          pen.fillRect(x, top + thin, wide, LANE - 2 * thin);
        }
        at = stop;
      });
    }
    if (state.only && row.source === state.entry) {
      pen.fillStyle = colour("--page");
      pen.globalAlpha = 0.86;
      let f = Math.floor(state.from);
      while (f < state.to) {
        const same = !apart[f], from = f;
        while (f < state.to && !apart[f] === same) f++;
        if (same) pen.fillRect((from - state.from) * per, top, (f - from) * per, LANE);
      }
      pen.globalAlpha = 1;
    }
    pen.fillStyle = colour("--text");
    pen.fillText(row.title, 4, top - TITLE / 2 + 1);
  });
  const bottom = visible.length * STEP;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
  const seconds = (state.to - state.from) / data.fps;
  const step = steps.find((one) => seconds / one <= width / 90) ?? 7200;
  pen.fillStyle = colour("--quiet");
  for (let t = Math.ceil(state.from / data.fps / step) * step; t * data.fps < state.to; t += step) {
    const x = (t * data.fps - state.from) * per;
    pen.fillRect(x, bottom, 1, 5);
    if (x < width - 40) pen.fillText(step < 1 ? clock(t * data.fps) : clock(t * data.fps).slice(0, -3), x + 3, bottom + 12);
  }
  pen.fillStyle = colour("--text");
  pen.fillRect((state.frame - state.from) * per, 0, 1.5, bottom + 6);
};

let skeleton = null; // coordinate after coordinate
const unpack = async () => {
  const packed = Uint8Array.from(atob(data.poses.data), (one) => one.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Int16Array(await new Response(stream).arrayBuffer());
  for (let at = 0; at < values.length; at++) if (at % data.poses.moments) values[at] += values[at - 1];
  skeleton = values;
  pose();
};
const pose = () => {
  if (!skeleton) return;
  const { every, animals, keypoints, edges, image } = data.poses;
  const width = posed.clientWidth, height = width * image[1] / image[0];
  posed.style.setProperty("height", `${height}px`);
  const pen = fit(posed, width, height), scale = width / image[0];
  const place = Math.floor(state.frame / every), { moments } = data.poses;
  const point = (a, k) => {
    const column = (a * keypoints.length + k) * 2;
    const x = skeleton[column * moments + place], y = skeleton[(column + 1) * moments + place];
    return x === -32768 || y === -32768 ? null : [x * scale, y * scale];
  };
  animals.forEach((animal, a) => {
    pen.strokeStyle = pen.fillStyle = colour(tones[a % tones.length]);
    pen.lineWidth = 2;
    for (const [one, other] of edges) {
      const from = point(a, one), to = point(a, other);
      if (!from || !to) continue;
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(...to);
      pen.stroke();
    }
    keypoints.forEach((_, k) => {
      const at = point(a, k);
      if (!at) return;
      pen.beginPath();
      pen.arc(at[0], at[1], 3, 0, 7);
      pen.fill();
    });
    pen.font = "12px system-ui, sans-serif";
    pen.fillText(animal, 6, 14 + 15 * a);
  });
};

const tell = () => {
  const words = [0, ...state.who].map((k) => `${data.sources[k]}: ${said(k, state.frame)}`);
  moment.textContent = `frame ${state.frame}, ${clock(state.frame)}; ${words.join("; ")}`;
  canvas.setAttribute("aria-valuenow", state.frame);
  canvas.setAttribute("aria-valuetext", moment.textContent);
};
let waiting = 0;
const refresh = () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => { draw(); pose(); });
  tell();
  const fields = [`f=${state.frame}`];
  if (state.from > 0 || state.to < data.frames) fields.push(`z=${Math.round(state.from)}-${Math.round(state.to)}`);
  if (state.only) fields.push("d=1");
  if (state.entry && state.entry !== state.who[0]) fields.push(`e=${state.entry}`);
  if (String(state.who) !== String(usual)) fields.push(`who=${state.who.map((k) => data.ids[k]).join(",")}`);
  history.replaceState(null, "", `#${fields.join("&")}`);
};
const show = (from, to) => {
  const long = within(to - from, Math.min(20, data.frames), data.frames);
  state.from = within(from, 0, data.frames - long);
  state.to = state.from + long;
  refresh();
};
const zoom = (factor, at = state.frame) => {
  const share = (at - state.from) / (state.to - state.from), long = (state.to - state.from) * factor;
  show(at - share * long, at + (1 - share) * long);
};
const move = (frame) => {
  state.frame = within(Math.round(frame), 0, data.frames - 1);
  if (state.frame < state.from || state.frame >= state.to) {
    const half = (state.to - state.from) / 2;
    show(state.frame - half, state.frame + half);
  } else refresh();
};
const jump = ([from, to]) => {
  state.frame = from;
  const room = Math.max(3 * (to - from), 5 * data.fps);
  show((from + to) / 2 - room / 2, (from + to) / 2 + room / 2);
};
const step = (list, sign) => {
  const next = sign > 0 ? list.find(([from]) => from > state.frame) : list.findLast(([from]) => from < state.frame);
  if (next) jump(next);
};
const bouts = () => {
  const found = [];
  for (const row of lanes(0)) {
    let at = 0;
    row.states.forEach((value, k) => {
      if (value >= 0 && value !== data.background) found.push([at, at + row.lengths[k]]);
      at += row.lengths[k];
    });
  }
  return found.sort((a, b) => a[0] - b[0]);
};
const play = () => {
  if (state.playing) {
    cancelAnimationFrame(state.playing);
    state.playing = 0;
  } else {
    let before = performance.now(), exact = state.frame;
    const tick = (now) => {
      exact += (now - before) / 1000 * data.fps;
      before = now;
      if (exact >= data.frames - 1) { play(); return; }
      move(exact);
      state.playing = requestAnimationFrame(tick);
    };
    state.playing = requestAnimationFrame(tick);
  }
  by("play").textContent = state.playing ? "Stop" : "Play";
};
const only = (value) => {
  state.only = value;
  if (by("differing")) by("differing").checked = value;
  refresh();
};
const compare = (entry) => {
  state.entry = entry;
  apart = differing(entry);
  disagreements = runs(apart);
  const longest = [...disagreements].sort((a, b) => b[1] - b[0] - a[1] + a[0]).slice(0, 8);
  by("longest").replaceChildren(...longest.map((one) => {
    const line = document.createElement("tr"), button = document.createElement("button");
    button.type = "button";
    button.textContent = clock(one[0]);
    button.addEventListener("click", () => { jump(one); canvas.focus(); });
    const middle = Math.floor((one[0] + one[1]) / 2);
    const cells = [button, ((one[1] - one[0]) / data.fps).toFixed(2), said(0, middle), said(entry, middle)];
    cells.forEach((content, k) => {
      const cell = document.createElement("td");
      if (k === 1) cell.className = "n";
      cell.append(content);
      line.append(cell);
    });
    return line;
  }));
  refresh();
};

const choose = () => { // which entries are drawn, and which of them is compared
  if (!state.who.includes(state.entry)) state.entry = state.who[0];
  by("entry").replaceChildren(...state.who.map((k) => new Option(data.sources[k], String(k))));
  by("entry").value = String(state.entry);
  by("who")?.querySelectorAll("input").forEach((box) => {
    box.checked = state.who.includes(Number(box.value));
    box.disabled = box.checked ? state.who.length === 1 : state.who.length === MOST;
  });
};

shown.concat(data.background >= 0 ? [data.background] : []).forEach((value) => {
  const item = document.createElement("span");
  item.className = value === data.background ? "key base" : `key tone${shown.indexOf(value) % tones.length + 1}`;
  item.textContent = data.classes[value];
  by("legend").append(item, " ");
});
const frameAt = (event) => state.from + event.offsetX / canvas.clientWidth * (state.to - state.from);
let dragged = null;
canvas.addEventListener("pointerdown", (event) => {
  canvas.focus();
  dragged = { x: event.offsetX, from: state.from, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const frames = (dragged.x - event.offsetX) / canvas.clientWidth * (state.to - state.from);
  if (Math.abs(dragged.x - event.offsetX) > 4) dragged.moved = true;
  if (dragged.moved) show(dragged.from + frames, dragged.from + frames + state.to - state.from);
});
canvas.addEventListener("pointerup", (event) => {
  if (dragged && !dragged.moved) move(frameAt(event));
  dragged = null;
});
canvas.addEventListener("dblclick", (event) => {
  const at = frameAt(event), bout = bouts().find(([from, to]) => from <= at && at < to);
  if (bout) jump(bout);
});
canvas.addEventListener("wheel", (event) => {
  if (document.activeElement !== canvas && !event.ctrlKey) return; // else the page scrolls
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.25 : 0.8, frameAt(event));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const far = event.shiftKey ? data.fps : 1;
  const keys = {
    ArrowLeft: () => move(state.frame - far), ArrowRight: () => move(state.frame + far),
    Home: () => move(0), End: () => move(data.frames - 1),
    "+": () => zoom(0.5), "-": () => zoom(2), 0: () => show(0, data.frames),
    n: () => step(disagreements, 1), p: () => step(disagreements, -1),
    b: () => step(bouts(), 1), B: () => step(bouts(), -1),
    d: () => only(!state.only), " ": play,
  };
  const act = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});
by("next").addEventListener("click", () => step(disagreements, 1));
by("previous").addEventListener("click", () => step(disagreements, -1));
by("whole").addEventListener("click", () => show(0, data.frames));
by("play").addEventListener("click", play);
if (state.entry) {
  choose();
  by("entry").addEventListener("change", () => compare(Number(by("entry").value)));
  by("differing").checked = state.only;
  by("differing").addEventListener("change", () => only(by("differing").checked));
  compare(state.entry);
} else {
  by("next").hidden = by("previous").hidden = true;
  refresh();
}
by("who")?.addEventListener("change", () => {
  state.who = [...by("who").querySelectorAll("input")].filter((box) => box.checked).map((box) => Number(box.value));
  choose();
  compare(state.entry);
});
if (data.poses && window.DecompressionStream) unpack();
window.addEventListener("resize", refresh);
