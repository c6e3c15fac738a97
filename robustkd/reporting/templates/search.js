/* The search box, and links that open what is folded. */
{
  const MOST = 30;
  const box = document.getElementById("search");
  const results = document.getElementById("search-results");
  const count = document.getElementById("search-count");

  function reveal(target) {
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      if (fold.id !== "contents") fold.open = true;
    }
    const student = target.matches("details") ? target : null;
    if (student) student.open = true;
    target.scrollIntoView({ block: "start" });
  }

  function highlight(target) {
    document.querySelectorAll(".reached").forEach((each) => each.classList.remove("reached"));
    target.classList.add("reached");
    setTimeout(() => target.classList.remove("reached"), 4000);
  }

  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    reveal(target);
    if (target.matches(".finding")) highlight(target);
  }

  function entries() {
    const found = [];
    for (const part of document.querySelectorAll("main > section")) {
      const title = part.querySelector("h2").firstChild.textContent.trim();
      found.push({ target: part, text: `${title} ${part.querySelector(".question")?.textContent ?? ""}`, shown: title, place: "" });
      for (const finding of part.querySelectorAll(".finding")) {
        const text = finding.textContent.replace("¶", "").trim().replace(/\s+/g, " ");
        found.push({ target: finding, text, shown: text, place: title });
      }
      for (const head of part.querySelectorAll("tbody th")) {
        const heading = head.closest(".table")?.dataset.name.replaceAll("_", " ") ?? "";
        const text = head.textContent.trim();
        found.push({ target: head.parentNode, text, shown: text, place: `${title}: row of ${heading}` });
      }
    }
    return found;
  }

  function search() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? entries().filter(({ text }) => words.every((word) => text.toLowerCase().includes(word))) : [];
    count.textContent = words.length ? `${found.length || "No"} ${found.length === 1 ? "place" : "places"} found` : "";
    results.replaceChildren(...found.slice(0, MOST).map(({ target, shown, place }) => {
      const link = make("a", { href: `#${target.id || target.closest("section").id}` }, shown.length > 120 ? `${shown.slice(0, 119)}…` : shown);
      if (place) link.append(make("small", { textContent: place }));
      link.addEventListener("click", (event) => {
        event.preventDefault();
        if (target.id) history.replaceState(null, "", `#${target.id}`);
        reveal(target);
        highlight(target);
        target.tabIndex = -1;
        target.focus({ preventScroll: true });
      });
      return make("li", {}, link);
    }));
  }

  box.closest("[hidden]").hidden = false;
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; search(); }
    if (event.key === "Enter") results.querySelector("a")?.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, textarea")) return;
    event.preventDefault();
    document.getElementById("contents").open = true;
    box.focus();
  });
  window.addEventListener("hashchange", follow);
  if (location.hash) follow();
}
