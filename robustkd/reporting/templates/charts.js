/* Charts: drawn by Vega when they come into view, as wide as their card; until then, and in print, stands the drawn SVG. */
{
  const MOST_WIDE = 860;
  let vega = null;

  function loadVega() {
    vega ??= unpack(document.getElementById("vega")).then((text) => {
      document.head.append(make("script", { textContent: text }));
      return window.vegaEmbed;
    });
    return vega;
  }

  /* The width that a chart takes beside its plots, for axes and legends, from the drawing that is there already. */
  function around(figure, wide) {
    const svg = figure.querySelector(".still svg");
    return svg ? Math.max(Number(svg.getAttribute("width")) - wide, 20) : 120;
  }

  function plotsBeside(specification) {
    const parts = specification.hconcat ?? (specification.columns ? specification.concat : null);
    if (parts) {
      const rows = specification.columns ? Math.min(specification.columns, parts.length) : parts.length;
      return parts.slice(0, rows).reduce((sum, part) => sum + plotsBeside(part), 0);
    }
    const below = specification.vconcat ?? specification.concat;
    if (below) return Math.max(...below.map(plotsBeside));
    if (specification.spec) return plotsBeside(specification.spec) * (specification.columns ?? 1);
    return typeof specification.width === "number" ? specification.width : 0;
  }

  /* Plots of a fixed width fill the card; where it is narrow, what stands side by side goes below each other. */
  function fitted(specification, room) {
    const part = { ...specification };
    if (part.vconcat) part.vconcat = part.vconcat.map((each) => fitted(each, room));
    if (part.hconcat) {
      const wide = plotsBeside(part);
      if (room < 0.75 * wide) {
        part.vconcat = part.hconcat.map((each) => fitted(each, room));
        delete part.hconcat;
      } else {
        part.hconcat = part.hconcat.map((each) => fitted(each, room * (plotsBeside(each) / (wide || 1))));
      }
    }
    for (const [inner, parts] of [["concat", part.concat], ["spec", part.spec && [part.spec]]]) {
      if (!parts || !part.columns) continue;
      const one = Math.max(...parts.map(plotsBeside)) + 40;
      part.columns = Math.max(1, Math.min(part.columns, Math.floor((room + 40) / one)));
      const each = (room + 40) / part.columns - 40;
      const done = parts.map((sub) => fitted(sub, Math.min(each, 2 * (one - 40))));
      part[inner] = inner === "spec" ? done[0] : done;
    }
    if (typeof part.width === "number") part.width = Math.round(Math.max(120, Math.min(room, MOST_WIDE)));
    return part;
  }

  /* On phones: shorter labels, and fewer of them. */
  const MOST = { labelLimit: 90, tickCount: 4 };

  function shortened(value) {
    if (Array.isArray(value)) return value.map(shortened);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [
      key, key in MOST ? Math.min(each, MOST[key]) : key === "values" ? each : shortened(each)]));
  }

  async function draw(figure) {
    const drawing = figure.querySelector(".drawing");
    const natural = JSON.parse(await unpack(figure.querySelector(".specification")));
    const narrow = drawing.clientWidth < 500;
    const chosen = narrow ? shortened(natural) : natural;
    const legend = narrow ? { columns: 2, orient: "top", labelLimit: 130 } : {};
    const config = {
      ...natural.config, aria: false, legend, font: getComputedStyle(document.body).fontFamily,
      axis: { titleLimit: narrow ? 250 : 500 }, axisQuantitative: { labelOverlap: true },
    };
    const place = make("div", { className: "living" });
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", figure.dataset.text);
    drawing.append(place);
    const embed = await loadVega();
    let room = drawing.clientWidth - Math.min(around(figure, plotsBeside(natural)), narrow ? 130 : 400);
    let view = null;
    for (let attempt = 0; attempt < 3; attempt += 1) {  // how wide labels and legends are is only known once they are drawn
      const specification = { ...fitted(chosen, room), background: "transparent", config };
      ({ view } = await embed(place, specification, { renderer: "svg", actions: false, tooltip: { theme: "page" } }));
      const left = drawing.clientWidth - Number(place.querySelector("svg").getAttribute("width"));
      if (left >= 0 && (left < 24 || room > MOST_WIDE)) break;
      room += left - 4;
    }
    place.querySelector("svg").setAttribute("aria-hidden", "true");
    drawing.classList.add("alive");
    figure.insertBefore(saving(figure, view), drawing.nextSibling);
  }

  function saving(figure, view) {
    const row = make("div", { className: "tools" }, "Save as");
    for (const kind of ["SVG", "PNG"]) {
      const button = make("button", { type: "button", textContent: kind });
      button.setAttribute("aria-label", `Save the chart ${figure.dataset.name} as ${kind}`);
      button.addEventListener("click", async () => {
        view.background("white");
        const href = await view.toImageURL(kind.toLowerCase(), 2);
        make("a", { href, download: `${figure.dataset.name}.${kind.toLowerCase()}` }).click();
        view.background("transparent");
      });
      row.append(button);
    }
    return row;
  }

  if ("DecompressionStream" in window && "IntersectionObserver" in window) {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        draw(entry.target).catch((error) => {  // the drawn figure stays
          entry.target.querySelector(".living")?.remove();
          console.error(error);
        });
      }
    }, { rootMargin: "400px" });
    document.querySelectorAll("figure.chart").forEach((figure) => watcher.observe(figure));
  }
}
