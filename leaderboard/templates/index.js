"use strict";
// Cards can be searched and filtered; the address keeps both: #q=<words>&only=<what a card must have>
const cards = Array.from(document.querySelectorAll(".cards > li"));
const address = new URLSearchParams(location.hash.slice(1));
const chosen = new Set((address.get("only") ?? "").split(",").filter(Boolean));
const plain = (text) => text.replace(/\s+/g, " ").trim().toLocaleLowerCase("en");
const texts = new Map(cards.map((card) => [card, plain(card.textContent)]));
const line = document.createElement("p");
const label = document.createElement("label");
const box = document.createElement("input");
const count = document.createElement("span");

const draw = () => {
  let shown = 0;
  for (const card of cards) {
    const has = card.dataset.has.split(" ");
    card.hidden = !texts.get(card).includes(plain(box.value)) || [...chosen].some((name) => !has.includes(name));
    shown += !card.hidden;
  }
  count.textContent = shown === cards.length ? "" : `${shown} of ${cards.length} tasks`;
};

const remember = () => {
  const fields = new URLSearchParams();
  if (box.value.trim()) fields.set("q", box.value.trim());
  if (chosen.size) fields.set("only", [...chosen].join(","));
  history.replaceState(null, "", String(fields) ? `#${fields}` : location.href.split("#")[0]);
};

if (cards.length) {
  line.className = "search filters";
  box.type = "search";
  box.value = address.get("q") ?? "";
  box.addEventListener("input", () => { draw(); remember(); });
  label.append("Search tasks ", box);
  line.append(label);
  for (const [name, title] of [["entries", "Has entries"], ["published", "Has published values"], ["real", "Real animals"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(title);
    const press = () => button.setAttribute("aria-pressed", String(chosen.has(name)));
    button.addEventListener("click", () => {
      if (chosen.has(name)) chosen.delete(name);
      else chosen.add(name);
      press();
      draw();
      remember();
    });
    press();
    line.append(button);
  }
  count.className = "quiet";
  count.setAttribute("role", "status");
  line.append(count);
  document.querySelector(".cards").before(line);
  draw();
}
