"use strict";
// Headings of sortable tables become buttons, and a table with a name can be searched. Without this script a
// table keeps the order it was written in, which is the ranking. What is searched for and how a table is
// sorted stands in the address: #<table>:q=<words>&sort=<column><+ or ->
const views = new Map();

const remember = () => {
  const parts = [];
  for (const [name, view] of views) {
    const fields = [];
    if (view.words) fields.push(`q=${encodeURIComponent(view.words)}`);
    if (view.sort) fields.push(`sort=${encodeURIComponent(view.sort)}`);
    if (fields.length) parts.push(`${name}:${fields.join("&")}`);
  }
  history.replaceState(null, "", parts.length ? `#${parts.join(";")}` : location.href.split("#")[0]);
};

const remembered = (name) => {
  const part = location.hash.slice(1).split(";").find((one) => one.startsWith(`${name}:`));
  return new URLSearchParams(part ? part.slice(name.length + 1) : "");
};

const searchable = (table, ranked) => {
  const name = table.dataset.name;
  const view = { words: remembered(name).get("q") ?? "", sort: "" };
  const line = document.createElement("p");
  const label = document.createElement("label");
  const box = document.createElement("input");
  const count = document.createElement("span");
  line.className = "search";
  box.type = "search";
  box.value = view.words;
  label.append("Search ", box);
  count.className = "quiet";
  count.setAttribute("role", "status");
  line.append(label, " ", count);
  table.closest(".scroll").before(line);
  const plain = (text) => text.replace(/\s+/g, " ").toLocaleLowerCase("en");
  const texts = new Map(ranked.map((row) => {
    const cells = row.querySelectorAll("th, .words"); // names and words, no numbers
    return [row, plain(Array.from(cells, (cell) => cell.textContent).join(" "))];
  }));
  const filter = () => {
    let shown = 0;
    for (const row of ranked) {
      row.hidden = !texts.get(row).includes(plain(view.words));
      shown += !row.hidden;
    }
    count.textContent = view.words ? `${shown} of ${ranked.length}` : "";
  };
  box.addEventListener("input", () => {
    view.words = box.value.trim();
    filter();
    remember();
  });
  views.set(name, view);
  filter();
  return view;
};

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const ranked = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  const view = table.dataset.name ? searchable(table, ranked) : null;
  const before = heads.map((head) => head.getAttribute("aria-sort"));
  const titles = heads.map((head) => head.textContent.replace(/\s+/g, " ").trim());

  const sort = (column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    const distance = heads[column].dataset.by === "distance";
    const numeric = heads[column].classList.contains("n");
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    const rows = ranked.map((row) => ({ row, key: key(row) }));
    rows.sort((a, b) => {
      if (a.key === "" || b.key === "") return (a.key === "") - (b.key === ""); // undefined is last both ways
      if (distance) return sign * (Math.abs(a.key) - Math.abs(b.key)); // of a bias 0 is best
      return sign * (numeric ? a.key - b.key : a.key.localeCompare(b.key, "en"));
    }); // the sort is stable: ties stay as ranked
    body.append(...rows.map(({ row }) => row));
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", direction);
  };

  const unsort = () => {
    body.append(...ranked);
    heads.forEach((head, k) => before[k] === null ? head.removeAttribute("aria-sort") : head.setAttribute("aria-sort", before[k]));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = view?.sort.slice(0, -1) === titles[column] || !view ? head.getAttribute("aria-sort") : null;
      const first = head.dataset.first ?? "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      if (now === null || now === first) {
        const direction = now === null ? first : other;
        sort(column, direction);
        if (view) view.sort = titles[column] + (direction === "ascending" ? "+" : "-");
      } else {
        unsort(); // the third press returns to the ranking
        if (view) view.sort = "";
      }
      if (view) remember();
    });
  });

  if (view) {
    const wanted = remembered(table.dataset.name).get("sort") ?? "";
    const column = titles.indexOf(wanted.slice(0, -1));
    if (column >= 0) {
      view.sort = wanted;
      sort(column, wanted.endsWith("+") ? "ascending" : "descending");
    }
  }
}
