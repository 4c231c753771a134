// The page: what was asked for, tags and months to go on with, and the state of the daemon.

import { Grid } from "./grid.js";
import { ask, byId, counted, element, monthName } from "./parts.js";
import { View } from "./view.js";

const STATE_MS = 2000;

const wide = matchMedia("(min-width: 50rem)");
const asked = new URLSearchParams(location.search);

function address(tags) {
  const wanted = new URLSearchParams(asked);
  wanted.delete("tag");
  for (const tag of tags) wanted.append("tag", tag);
  return `/?${wanted}`;
}

async function showFacets() {
  const chosen = asked.getAll("tag");
  byId("chosen").replaceChildren(
    ...chosen.map((tag) => {
      const link = element("a", { href: address(chosen.filter((each) => each !== tag)) }, tag, " ✕");
      link.ariaLabel = `${tag}: no longer only these`;
      return element("li", {}, link);
    }),
  );
  const facets = await ask(`/facets${location.search}`);
  byId("facets").querySelector("ul").replaceChildren(
    ...facets.filter((facet) => !chosen.includes(facet.tag)).map((facet) =>
      element("li", {}, element("a", { href: address([...chosen, facet.tag]) }, facet.tag,
        element("span", {}, facet.photos.toLocaleString("en"))))),
  );
}

function showTimeline(grid, months) {
  byId("timeline").hidden = !months.length;
  const most = Math.max(...months.map(([, count]) => count));
  const years = new Map();
  const buttons = months.map(([month, count], number) => {
    const button = element("button", { type: "button" }, monthName(month, "short"));
    button.ariaLabel = `${monthName(month, "long")}, ${counted(count, "photo")}`;
    button.title = button.ariaLabel;
    button.style.setProperty("--share", Math.sqrt(count / most));
    button.onclick = () => {
      grid.scrollTo(grid.sections[number].start, true);
      grid.cells.get(grid.sections[number].start)?.firstElementChild.focus({ preventScroll: true });
      if (!wide.matches) byId("timeline").firstElementChild.open = false;
    };
    const year = month.slice(0, 4) || "–";
    if (!years.has(year)) years.set(year, element("ul"));
    years.get(year).append(element("li", {}, button));
    return button;
  });
  byId("timeline").querySelector("ul").replaceChildren(
    ...[...years].map(([year, list]) => element("li", {}, element("h3", {}, year), list)),
  );
  let marked;
  grid.onMonth = (number) => {
    if (buttons[number] === marked) return;
    marked?.removeAttribute("aria-current");
    marked = buttons[number];
    marked?.setAttribute("aria-current", "true");
    const rail = byId("timeline");
    if (marked) rail.scrollTop = marked.offsetTop - rail.clientHeight / 2;
  };
  grid.soon();
}

async function showPhotos() {
  const view = new View(byId("photo"));
  const words = asked.get("q")?.trim();
  byId("words").value = words ?? "";
  if (words) byId("heading").textContent = `“${words}”`;
  if (asked.has("like")) byId("heading").textContent = "More like this";
  view.follow();
  wide.onchange = () => {
    for (const list of document.querySelectorAll("nav > details")) list.open = wide.matches;
  };
  wide.onchange();
  try {
    const listing = await ask(`/list${location.search}`);
    const found = counted(listing.ids.length, "photo");
    byId("note").textContent = listing.note ? `${found}; ${listing.note}` : found;
    showState(listing.seq);
    byId("facets").hidden = byId("timeline").hidden = !listing.ids.length;
    if (!listing.ids.length) return;
    const grid = new Grid(byId("grid"), listing, (id) => view.open(id));
    view.grid = grid;
    showTimeline(grid, listing.months);
    await showFacets();
  } catch (error) {
    byId("note").textContent = error.message;
    showState(null);
  }
}

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

async function showState(seq) {
  if (!document.hidden) {
    try {
      const now = await ask("/status");
      const words = [`${now.state}: ${now.reason}`, `${now.done.toLocaleString("en")} looked at`];
      if (now.pending) words.push(`${now.pending.toLocaleString("en")} to go`);
      if (now.failed) words.push(`${now.failed.toLocaleString("en")} failed`);
      if (now.running && now.rate) words.push(`${now.rate.toFixed(1)} a second`);
      if (now.running && now.eta_seconds) words.push(`done in about ${duration(now.eta_seconds)}`);
      byId("state").textContent = words.join(" · ");
      byId("lamp").className = now.state;
      byId("renew").hidden = seq === null || now.seq <= seq;
    } catch {
      byId("state").textContent = "The gallery has ended; `scened gallery` starts it again.";
      byId("lamp").className = "ended";
    }
  }
  setTimeout(() => showState(seq), STATE_MS);
}

function showKeys() {
  byId("keys").hidden = false;
  byId("keys").onclick = () => byId("help").showModal();
  addEventListener("keydown", (event) => {
    if (event.target.matches("input[type=search]") || event.ctrlKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") byId("help").showModal();
    else if (event.key === "/") byId("words").focus();
    else if (event.key === "ArrowDown" && event.target === document.body) {
      document.querySelector("#grid a[tabindex='0']")?.focus();
    } else return;
    event.preventDefault();
  });
}

byId("renew").onclick = () => location.reload();
for (const picture of document.querySelectorAll(".copies img")) {
  picture.onerror = () => picture.parentElement.classList.add("unreadable");
}
if (byId("grid")) {
  showKeys();
  showPhotos();
} else {
  showState(null);
}
