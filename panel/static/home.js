// The first page: new customers a week as bars, and where customers are as squares on a map. Both lead to lists.
"use strict";

// A canvas knows no variables: a colour is asked of an element that has it.
function colour(className, property) {
  const probe = document.createElement("span");
  probe.className = className;
  document.body.append(probe);
  const found = getComputedStyle(probe)[property];
  probe.remove();
  return found;
}

function drawBars(canvas) {
  const { title, labels, values, urls } = JSON.parse(canvas.dataset.bars);
  const date = new Intl.DateTimeFormat(document.documentElement.dataset.locale, { day: "numeric", month: "short" });
  const names = labels.map((day) => date.format(new Date(day)));
  const axis = (more) => ({
    ...more,
    ticks: { ...more.ticks, color: colour("text-secondary", "color") },
    border: { display: false },
  });
  let chart;
  const draw = () => {
    chart?.destroy();
    chart = new Chart(canvas, {
      type: "bar",
      data: { labels: names, datasets: [{ label: title, data: values, backgroundColor: colour("bg-primary", "backgroundColor") }] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        plugins: { legend: { display: false } },
        scales: {
          x: axis({ grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } }),
          y: axis({ beginAtZero: true, grid: { color: colour("border", "borderTopColor") }, ticks: { precision: 0, maxTicksLimit: 6 } }),
        },
        onClick: (_event, hit) => { if (hit.length) location.assign(urls[hit[0].index]); },
        onHover: (event, hit) => { event.native.target.classList.toggle("clickable", hit.length > 0); },
      },
    });
  };
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

async function drawMap(place) {
  const { cells } = await (await fetch(place.dataset.places)).json();
  if (!cells.length) {
    place.textContent = place.dataset.none;
    place.classList.add("empty-map");
    return;
  }
  const map = L.map(place, { attributionControl: Boolean(place.dataset.tiles), scrollWheelZoom: false });
  if (place.dataset.tiles) L.tileLayer(place.dataset.tiles, { attribution: place.dataset.attribution }).addTo(map);
  const most = Math.max(...cells.map((cell) => cell.customers));
  for (const cell of cells) {
    const corners = [[cell.south, cell.west], [cell.south + cell.size, cell.west + cell.size]];
    const strength = 0.25 + 0.7 * Math.sqrt(cell.customers / most);
    L.rectangle(corners, { stroke: false, className: "map-cell", fillOpacity: strength })
      .bindTooltip(cell.words)
      .on("click", () => location.assign(cell.url))
      .addTo(map);
  }
  map.fitBounds(L.latLngBounds(cells.map((cell) => [cell.south, cell.west])).pad(0.05));
}

document.querySelectorAll("canvas[data-bars]").forEach(drawBars);
document.querySelectorAll("[data-places]").forEach(drawMap);
