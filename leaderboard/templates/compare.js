"use strict";
// Compares two entries by the numbers in the page. The address names them: #first=<id>&second=<id>.
// The interval is that of the jackknife: difference +- t * sqrt((G - 1) / G * sum of (d_g - mean d)^2), where
// d_g is the difference without group g. Undefined numbers are null, and give no interval.
const held = JSON.parse(document.getElementById("data").textContent);
const first = document.getElementById("first");
const second = document.getElementById("second");
const MINUS = "\u2212";
const number = (value) => value === null ? "–" : value.toFixed(3).replace(/^-(?=.*[1-9])/, MINUS).replace(/^-/, "");
const signed = (value) => value === null ? "–" : (value > 0 ? "+" : "") + number(value);

const make = (tag, attributes = {}, ...children) => {
  const element = tag === "svg" || tag === "line" || tag === "circle"
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const minus = (one, other) => one === null || other === null || one === undefined || other === undefined ? null : one - other;

const tested = (one, other, k) => {
  const difference = minus(one.values[k] ?? null, other.values[k] ?? null);
  const without = (one.left[k] ?? []).map((value, g) => minus(value, other.left[k]?.[g]));
  const groups = without.length;
  if (difference === null || held.t === null || groups < 2 || without.includes(null)) return { difference, half: null };
  const mean = without.reduce((sum, value) => sum + value, 0) / groups;
  const spread = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { difference, half: held.t * Math.sqrt((groups - 1) / groups * spread) };
};

const words = (card, { difference, half }) => {
  if (difference === null) return "undefined";
  if (half === null) return "not tested";
  if (Math.abs(difference) <= half) return "not told apart";
  if (card.sign === 0) return "they differ";
  return (difference > 0) === (card.sign > 0) ? "first is better" : "second is better";
};

const fill = (id, rows) => {
  const body = document.querySelector(`#${id} tbody`);
  body.replaceChildren(...rows);
  body.closest("section").hidden = rows.length === 0;
};

const metricRow = (card, one, other, k) => {
  const found = tested(one, other, k);
  const { difference, half } = found;
  const sure = half !== null && Math.abs(difference) > half;
  const interval = half === null ? "–" : `[${signed(difference - half)}, ${signed(difference + half)}]`;
  const title = make("th", { scope: "row" }, card.title);
  if (card.unit) title.append(" ", make("span", { class: "unit" }, card.unit));
  return make("tr", {}, title,
    make("td", { class: "n" }, number(one.values[k] ?? null)), make("td", { class: "n" }, number(other.values[k] ?? null)),
    make("td", { class: sure ? "n strong" : "n", "data-value": String(difference ?? "") }, signed(difference)),
    make("td", { "data-half": String(half ?? "") }, interval), make("td", {}, words(card, found)));
};

const recordingRows = (one, other) => {
  const rows = held.recordings.map((name, k) => ({ name, k, by: minus(one.recordings[k] ?? null, other.recordings[k] ?? null) }));
  rows.sort((a, b) => (b.by ?? -Infinity) - (a.by ?? -Infinity));
  const most = Math.max(...rows.map(({ by }) => Math.abs(by ?? 0)), 0.01);
  return rows.map(({ name, k, by }) => {
    const end = `${50 + 48 * (by ?? 0) / most}%`;
    const drawn = make("svg", { class: "plot", width: "100%", height: "20", "aria-hidden": "true" },
      make("line", { class: "grid", x1: "50%", x2: "50%", y1: 0, y2: 20 }),
      make("line", { class: "range", x1: "50%", x2: end, y1: 10, y2: 10 }), make("circle", { class: "dot", cx: end, cy: 10, r: 4.5 }));
    const page = held.ethograms[k];
    const href = `${page}#who=${first.value},${second.value}`;
    return make("tr", {}, make("th", { scope: "row" }, page ? make("a", { href, title: "Both ethograms, side by side" }, name) : name),
      make("td", { class: "n" }, number(one.recordings[k] ?? null)), make("td", { class: "n" }, number(other.recordings[k] ?? null)),
      make("td", { class: "n" }, signed(by)), make("td", { class: "bar" }, by === null ? "–" : drawn));
  });
};

const draw = () => {
  const [one, other] = [held.entries[first.value], held.entries[second.value]];
  const rows = held.numbers.map((card, k) => [card, metricRow(card, one, other, k)]);
  fill("by-metric", rows.filter(([card]) => !card.class).map(([, row]) => row));
  fill("by-class", rows.filter(([card]) => card.class).map(([, row]) => row));
  fill("by-recording", recordingRows(one, other));
  const found = tested(one, other, 0);
  const names = `${held.names[first.value]} against ${held.names[second.value]}`;
  document.getElementById("verdict").textContent = first.value === second.value ? "Choose two different entries."
    : `${names}: ${held.numbers[0].title} ${signed(found.difference)}, ${words(held.numbers[0], found)}.`;
  const head = document.querySelector("#by-recording caption span");
  head.textContent = `${held.measure} of each recording alone, the greatest difference in favour of the first at the top`;
};

const remember = () => history.replaceState(null, "", `#first=${first.value}&second=${second.value}`);

const restore = () => {
  const address = new URLSearchParams(location.hash.slice(1));
  const known = (id, otherwise) => Object.hasOwn(held.entries, id ?? "") ? id : otherwise;
  first.value = known(address.get("first"), first.options[0].value);
  second.value = known(address.get("second"), second.options[1].value);
  draw();
};

for (const box of [first, second]) box.addEventListener("change", () => { draw(); remember(); });
document.getElementById("swap").addEventListener("click", () => {
  [first.value, second.value] = [second.value, first.value];
  draw();
  remember();
});
addEventListener("hashchange", restore);
restore();
