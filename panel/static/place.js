// Places on a map: chosen in a dialog, shown on a customer's page. Without tiles, a grid of coordinates is drawn.
"use strict";

const LAST_VIEW = "rollbook-map";

const Grid = L.GridLayer.extend({
  createTile(square) {
    const tile = document.createElement("div");
    const corner = this._map.unproject(square.scaleBy(this.getTileSize()), square.z);
    const digits = Math.max(0, Math.min(5, Math.ceil((square.z - 4) / 3)));
    tile.className = "grid-square";
    tile.textContent = `${corner.lat.toFixed(digits)}, ${corner.lng.toFixed(digits)}`;
    return tile;
  },
});

// The place that a text says, if it says one
function placeOf(text) {
  const numbers = text.trim().split(/\s*[,;]\s*|\s+/).map(Number);
  const there = numbers.length === 2 && Math.abs(numbers[0]) <= 90 && Math.abs(numbers[1]) <= 180;
  return there && text.trim() ? L.latLng(numbers[0], numbers[1]) : null;
}

const written = (place) => [place.lat, place.wrap().lng].map((degrees) => String(+degrees.toFixed(6))).join(", ");

function drawMap(element) {
  const map = L.map(element, { minZoom: 1, maxZoom: 19, worldCopyJump: true });
  map.attributionControl.setPrefix(false);
  if (!element.dataset.tiles) return map.addLayer(new Grid({ noWrap: true }));
  const named = document.createElement("span");
  named.textContent = element.dataset.attribution;
  // Public tile servers refuse who does not say where the map is shown; the origin is enough.
  return map.addLayer(L.tileLayer(element.dataset.tiles, {
    attribution: named.innerHTML, maxZoom: 19, referrerPolicy: "strict-origin",
  }));
}

all("[data-map-here]").forEach((element) => {
  const place = placeOf(element.dataset.mapHere);
  if (place) L.marker(place, { keyboard: false }).addTo(drawMap(element).setView(place, 14));
});

all("dialog[data-map-dialog]").forEach((dialog) => {
  const element = dialog.querySelector("[data-map]");
  const output = dialog.querySelector("output");
  const take = dialog.querySelector("[data-map-take]");
  let map, marker, input;

  const set = (place) => {
    const wrapped = place.wrap();
    if (marker) marker.setLatLng(wrapped);
    else {
      marker = L.marker(wrapped, { draggable: true, keyboard: false }).addTo(map);
      marker.on("dragend", () => set(marker.getLatLng()));
    }
    output.textContent = written(wrapped);
    take.disabled = false;
  };

  const start = () => {
    map = drawMap(element);
    map.on("click", (event) => set(event.latlng));
    map.on("moveend", () => localStorage.setItem(LAST_VIEW, JSON.stringify([map.getCenter(), map.getZoom()])));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target !== element) return;
      event.preventDefault();
      set(map.getCenter());
    });
  };

  const show = () => {
    const place = placeOf(input.value);
    const last = JSON.parse(localStorage.getItem(LAST_VIEW) || "null");
    dialog.showModal();
    if (marker) marker = marker.remove() && null;
    if (!map) start();
    map.invalidateSize();
    output.textContent = "";
    take.disabled = true;
    if (place) map.setView(place, 15);
    else map.setView(...(last || [[30, 10], 2]));
    if (place) set(place);
    element.focus();
  };

  all("[data-map-for]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      input = document.getElementById(button.dataset.mapFor);
      show();
    });
  });
  take.addEventListener("click", () => {
    input.value = output.textContent;
    changed(input);
    dialog.close();
    input.focus();
  });
  all("[data-map-close]", dialog).forEach((button) => button.addEventListener("click", () => dialog.close()));
});
