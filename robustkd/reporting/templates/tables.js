/* Tables: sorting by the heads, hiding columns, copying, and tables that are only filled when they are opened. */
{
  const FORMATS = [["LaTeX", "latex"], ["CSV", "csv"], ["Markdown", "markdown"]];

  function number(cell) {
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim().replaceAll("−", "-").replaceAll(",", "");
    return /^[+-]?\d/.test(text) ? parseFloat(text) : NaN;
  }

  function inOrder(one, other) {
    const [a, b] = [number(one), number(other)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
    return one.textContent.trim().localeCompare(other.textContent.trim());
  }

  function empty(cell) {
    return ["", "–"].includes(cell.textContent.trim());
  }

  function sort(table, head) {
    const ascending = head.getAttribute("aria-sort") === "descending" || (head.cellIndex === 0 && !head.hasAttribute("aria-sort"));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].sort((one, other) => {
      const [a, b] = [one.cells[head.cellIndex], other.cells[head.cellIndex]];
      if (empty(a) || empty(b)) return empty(a) - empty(b);  // what has no number stays below
      return ascending ? inOrder(a, b) : inOrder(b, a);
    });
    table.tBodies[0].append(...rows);
  }

  function makeSortable(table) {
    if (table.tBodies[0].rows.length < 2) return;
    for (const head of [...table.tHead.rows].at(-1).cells) {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, head));
    }
  }

  async function copy(holder, format, status) {
    const text = JSON.parse(await unpack(holder.querySelector(":scope > .texts")))[format];
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // a page from a file may not be allowed to
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    status.textContent = "copied";
    setTimeout(() => { status.textContent = ""; }, 2000);
  }

  function tools(holder) {
    const status = make("span", { role: "status" });
    const row = make("div", { className: "tools" }, "Copy as");
    for (const [title, format] of FORMATS) {
      const button = make("button", { type: "button", textContent: title });
      button.setAttribute("aria-label", `Copy the table ${holder.dataset.name} as ${title}`);
      button.addEventListener("click", () => copy(holder, format, status));
      row.append(button);
    }
    row.append(status);
    return row;
  }

  function show(table, column, shown) {
    for (const row of [...table.tBodies[0].rows, [...table.tHead.rows].at(-1)]) row.cells[column].hidden = !shown;
    const groups = table.querySelector(".groups");
    let first = 1;
    for (const group of groups ? [...groups.cells].slice(1) : []) {
      const wide = Number(group.dataset.wide ??= group.colSpan);
      const heads = [...[...table.tHead.rows].at(-1).cells].slice(first, first + wide);
      const left = heads.filter((head) => !head.hidden).length;
      group.hidden = left === 0;
      group.colSpan = Math.max(left, 1);
      first += wide;
    }
    table.style.setProperty("--columns", [...[...table.tHead.rows].at(-1).cells].filter((head) => !head.hidden).length - 1);
  }

  function columnMenu(table) {
    const choice = make("div", { className: "choice" });
    let group = null;
    const heads = [...[...table.tHead.rows].at(-1).cells];
    heads.slice(1).forEach((head, index) => {
      const title = head.dataset.group ?? "Columns";
      if (group === null || group.dataset.title !== title) {
        group = make("fieldset", {}, make("legend", { textContent: title }));
        group.dataset.title = title;
        choice.append(group);
      }
      const box = make("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => show(table, index + 1, box.checked));
      group.append(make("label", {}, box, " ", head.textContent.trim().replace(/\s+/g, " ")));
    });
    return make("details", {}, make("summary", { textContent: "Choose columns" }), choice);
  }

  async function fill(holder) {
    const texts = JSON.parse(await unpack(holder.querySelector(":scope > .texts")));
    const head = make("tr", {}, ...texts.head.map((text) => make("th", { scope: "col", textContent: text })));
    const body = texts.rows.map(([label, ...rest]) =>
      make("tr", {}, make("th", { scope: "row", textContent: label }), ...rest.map((text) => make("td", { textContent: text }))));
    const table = make("table", {}, make("caption", { className: "unseen", textContent: "Data of the chart" }), make("thead", {}, head), make("tbody", {}, ...body));
    const region = make("div", { className: "scroll data-rows", role: "region", tabIndex: 0 }, table);
    region.setAttribute("aria-label", `Data of the chart: ${holder.dataset.title}`);
    holder.append(region, tools(holder));
    makeSortable(table);
  }

  for (const holder of document.querySelectorAll(".table:not(.later)")) {
    const table = holder.querySelector("table");
    const row = tools(holder);
    if (holder.classList.contains("scoreboard") && table.tHead.rows[0].cells.length > 2) row.append(columnMenu(table));
    makeSortable(table);
    holder.append(row);
  }
  for (const data of document.querySelectorAll("details.data")) {
    data.addEventListener("toggle", () => data.querySelectorAll(".later").forEach(fill), { once: true });
  }
}
