"use strict";
// Headings of sortable tables become buttons. A table with a name can be searched, and a table that has groups
// of columns has filters, a choice of columns and rows that can be selected. Without this script a table keeps
// the order it was written in, which is the ranking, and shows every column. The whole view stands in the
// address: #<table>:q=<words>&sort=<column><+ or ->&cols=<columns changed>&sel=<rows>&only=1&<filter>=<value>
const FILTERS = {
  mark: "Mark", timing: "Timing", extra: "Extra data", recipe: "Training", runs: "Seeds",
};
const views = new Map();
const plain = (text) => text.replace(/\s+/g, " ").trim();

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const remember = () => {
  const parts = [];
  for (const [name, view] of views) {
    const fields = [...view].filter(([, value]) => value).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    if (fields.length) parts.push(`${name}:${fields.join("&")}`);
  }
  history.replaceState(null, "", parts.length ? `#${parts.join(";")}` : location.href.split("#")[0]);
};

const remembered = (name) => {
  const part = location.hash.slice(1).split(";").find((one) => one.startsWith(`${name}:`));
  return new Map(new URLSearchParams(part ? part.slice(name.length + 1) : ""));
};

// Which rows stand: those that hold the words, pass the filters, and are selected where only those are wanted.
const standing = (table, rows, view, count) => {
  const texts = new Map(rows.map((row) => {
    const cells = row.querySelectorAll("th, .words"); // names and words, no numbers
    return [row, plain(Array.from(cells, (cell) => cell.textContent).join(" ")).toLocaleLowerCase("en")];
  }));
  return () => {
    const words = plain(view.get("q") ?? "").toLocaleLowerCase("en");
    const wanted = Object.keys(FILTERS).filter((name) => view.get(name));
    const selected = new Set((view.get("sel") ?? "").split(",").filter(Boolean));
    let shown = 0;
    for (const row of rows) {
      const own = row.classList.contains("selected");
      row.hidden = !texts.get(row).includes(words) || wanted.some((name) => row.dataset[name] !== view.get(name))
        || (Boolean(view.get("only")) && selected.size > 0 && !own);
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
};

const filters = (rows, view, changed) => Object.entries(FILTERS).flatMap(([name, title]) => {
  const values = [...new Set(rows.map((row) => row.dataset[name]).filter((value) => value !== undefined))];
  if (values.length < 2) return [];
  const box = make("select", {}, make("option", { value: "" }, "any"));
  box.append(...values.map((value) => make("option", { value }, value)));
  box.value = view.get(name) ?? "";
  if (box.selectedIndex < 0) { box.value = ""; view.delete(name); }
  box.addEventListener("change", () => { view.set(name, box.value); changed(); });
  return [make("label", {}, `${title} `, box)];
});

// The choice of columns: groups with a box for each column. The address names those that were changed.
const columns = (table, heads, titles, view) => {
  const key = (column) => `${heads[column].dataset.group}.${titles[column]}`;
  const over = Array.from(table.tHead.rows[0].cells).filter((cell) => cell.dataset.group);
  const changed = new Set((view.get("cols") ?? "").split("~").filter(Boolean));
  const folded = (column) => (heads[column].dataset.folded !== undefined) !== changed.has(key(column));
  const rows = [...table.tBodies[0].rows];
  const show = (some) => {
    for (const column of some) {
      const hidden = folded(column);
      heads[column].hidden = hidden;
      for (const row of rows) row.cells[column].hidden = hidden;
    }
    for (const cell of over) {
      const width = heads.filter((head) => head.dataset.group === cell.dataset.group && !head.hidden).length;
      cell.hidden = width === 0;
      if (width) cell.colSpan = width;
    }
  };
  const menu = make("details", { class: "menu" }, make("summary", {}, "Columns"));
  const body = make("div");
  for (const cell of over) {
    const list = make("fieldset", {}, make("legend", {}, cell.dataset.title ?? plain(cell.textContent)));
    heads.forEach((head, column) => {
      if (head.dataset.group !== cell.dataset.group) return;
      const box = make("input", { type: "checkbox" });
      box.checked = !folded(column);
      box.addEventListener("change", () => {
        if (changed.has(key(column))) changed.delete(key(column));
        else changed.add(key(column));
        view.set("cols", [...changed].join("~"));
        show([column]);
        fit(table);
        remember();
      });
      list.append(make("label", {}, box, ` ${titles[column]}`));
    });
    body.append(list);
  }
  menu.append(body);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
  show(heads.map((_, column) => column).filter((column) => heads[column].dataset.group));
  return menu;
};

// Rows that are selected stand out in the plots; two of them lead to the page that compares them.
const selection = (table, rows, view, changed) => {
  const own = new Map(rows.filter((row) => row.dataset.id).map((row) => [row.dataset.id, row]));
  const chosen = new Set((view.get("sel") ?? "").split(",").filter((id) => own.has(id)));
  const line = make("p", { class: "selected-line" });
  const only = make("button", { type: "button", "aria-pressed": String(Boolean(view.get("only"))) }, "Only selected");
  const none = make("button", { type: "button" }, "Select none");
  const boxes = new Map();
  const draw = () => {
    const names = new Set([...chosen].map((id) => own.get(id).querySelector("th").dataset.value));
    for (const [id, row] of own) {
      row.classList.toggle("selected", chosen.has(id));
      boxes.get(id).checked = chosen.has(id);
    }
    for (const mark of document.querySelectorAll("circle[data-entry]")) {
      mark.classList.toggle("selected", names.has(mark.dataset.entry));
    }
    view.set("sel", [...chosen].join(","));
    line.hidden = chosen.size === 0;
    line.replaceChildren(`${chosen.size} selected `, only, " ", none);
    if (chosen.size === 2 && table.dataset.compare) {
      const [first, second] = chosen;
      const href = `${table.dataset.compare}#first=${first}&second=${second}`;
      line.append(" ", make("a", { href }, "Compare the two"));
    } else if (table.dataset.compare) line.append(make("span", { class: "quiet" }, " Two can be compared."));
  };
  for (const [id, row] of own) {
    const head = row.querySelector("th");
    const box = make("input", { type: "checkbox", "aria-label": `Select ${head.dataset.value}` });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(id);
      else chosen.delete(id);
      draw();
      changed();
    });
    boxes.set(id, box);
    head.prepend(box, " ");
  }
  only.addEventListener("click", () => {
    view.set("only", view.get("only") ? "" : "1");
    only.setAttribute("aria-pressed", String(Boolean(view.get("only"))));
    changed();
  });
  none.addEventListener("click", () => { chosen.clear(); draw(); changed(); });
  draw();
  return line;
};

// A table that fits leaves the page to scroll, so that its headings stay at the top of the window.
const fit = (table) => {
  const box = table.closest(".scroll");
  box.classList.remove("fits");
  box.classList.toggle("fits", table.scrollWidth <= box.clientWidth + 1);
};

const controls = (table, rows, heads, titles) => {
  const name = table.dataset.name;
  const view = remembered(name);
  views.set(name, view);
  const count = make("span", { class: "quiet", role: "status" });
  const box = make("input", { type: "search" });
  box.value = view.get("q") ?? "";
  let filter = () => {};
  const changed = () => { filter(); remember(); };
  box.addEventListener("input", () => { view.set("q", box.value.trim()); changed(); });
  const line = make("p", { class: "search" }, make("label", {}, "Search ", box));
  const before = [make("div", { class: "tools" }, line)];
  if (table.classList.contains("wide")) {
    line.append(...filters(rows, view, changed));
    before[0].append(columns(table, heads, titles, view));
    before.push(selection(table, rows, view, changed));
  }
  line.append(" ", count);
  filter = standing(table, rows, view, count);
  table.closest(".scroll").before(...before);
  filter();
  return view;
};

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const ranked = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  const titles = heads.map((head) => plain(head.textContent));
  const view = table.dataset.name ? controls(table, ranked, heads, titles) : null;
  const before = heads.map((head) => head.getAttribute("aria-sort"));

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
    if (rows.some(({ row }, k) => row !== body.rows[k])) body.append(...rows.map(({ row }) => row)); // else no new layout
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", direction);
    table.classList.add("resorted");
  };

  const unsort = () => {
    body.append(...ranked);
    heads.forEach((head, k) => before[k] === null ? head.removeAttribute("aria-sort") : head.setAttribute("aria-sort", before[k]));
    table.classList.remove("resorted");
  };

  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button, make("span", { class: "on-paper", "aria-hidden": "true" }, titles[column]));
    button.addEventListener("click", () => {
      const now = view?.get("sort")?.slice(0, -1) === titles[column] || !view ? head.getAttribute("aria-sort") : null;
      const first = head.dataset.first ?? "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      if (now === null || now === first) {
        const direction = now === null ? first : other;
        sort(column, direction);
        view?.set("sort", titles[column] + (direction === "ascending" ? "+" : "-"));
      } else {
        unsort(); // the third press returns to the ranking
        view?.set("sort", "");
      }
      if (view) remember();
    });
  });

  if (view) {
    const wanted = view.get("sort") ?? "";
    const column = titles.indexOf(wanted.slice(0, -1));
    if (column >= 0) sort(column, wanted.endsWith("+") ? "ascending" : "descending");
    else view.delete("sort");
  }
  fit(table);
}

addEventListener("resize", () => document.querySelectorAll("table.sortable").forEach(fit));
addEventListener("keydown", (event) => {
  const box = document.querySelector("input[type=search]");
  if (event.key !== "/" || !box || /^(input|select|textarea)$/i.test(event.target.tagName ?? "")) return;
  event.preventDefault();
  box.focus();
});
