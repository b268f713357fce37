"use strict";
// Headings of sortable tables become buttons. Without this script a table keeps the order it was
// written in, which is the ranking.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const ranked = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);

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

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.dataset.first ?? "ascending";
      sort(column, now === null ? first : now === "ascending" ? "descending" : "ascending");
    });
  });
}
