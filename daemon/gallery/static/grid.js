// The photos in rows, by month: only what is near the screen is ever in the page.

import { ask, byId, counted, element, monthName } from "./parts.js";

const CELL = 180; // pixels, about
const LEAST_COLUMNS = 3;
const GAP = 4; // pixels
const HEADING = 48; // pixels, above the photos of a month
const AROUND = 1; // screens kept beyond what is seen
const FAST = 2; // screens a second from which pictures wait until scrolling slows down
const SETTLED_MS = 80;
const LABELS_AT_ONCE = 300;

export class Grid {
  constructor(root, listing, open) {
    this.root = root;
    this.ids = listing.ids;
    this.open = open;
    this.cells = new Map(); // index -> item
    this.labels = new Map(); // id -> label
    this.current = 0; // where the keyboard is
    this.onMonth = () => {};
    const months = listing.months.length ? listing.months : [["", this.ids.length]];
    let start = 0;
    this.sections = months.map(([month, count]) => {
      const section = { month, start, count, parts: null };
      start += count;
      return section;
    });
    this.measure();
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(root);
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("click", (event) => this.click(event));
  }

  measure() {
    const width = this.root.clientWidth;
    if (width === this.width) return;
    const kept = this.width && this.at(this.top());
    this.width = width;
    this.columns = Math.max(LEAST_COLUMNS, Math.floor((width + GAP) / (CELL + GAP)));
    this.side = (width - GAP * (this.columns - 1)) / this.columns;
    let top = 0;
    for (const section of this.sections) {
      section.heading = section.month ? HEADING : 0;
      section.rows = Math.ceil(section.count / this.columns);
      section.top = top;
      top += section.heading + section.rows * (this.side + GAP);
    }
    this.root.style.height = `${top}px`;
    for (const section of this.sections) this.drop(section);
    if (kept) this.scrollTo(kept);
    this.draw();
  }

  top() {
    return -this.root.getBoundingClientRect().top;
  }

  /** The last section that begins at or above a height. */
  sectionAt(height) {
    let low = 0;
    let high = this.sections.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.sections[middle].top <= height) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  sectionOf(index) {
    let low = 0;
    let high = this.sections.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.sections[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first photo of the row at a height. */
  at(height) {
    const section = this.sections[this.sectionAt(height)];
    const row = Math.max(0, Math.floor((height - section.top - section.heading) / (this.side + GAP)));
    return Math.min(section.start + row * this.columns, this.ids.length - 1);
  }

  /** Where a photo is, from the top of the grid. */
  heightOf(index) {
    const section = this.sections[this.sectionOf(index)];
    const row = Math.floor((index - section.start) / this.columns);
    return section.top + section.heading + row * (this.side + GAP);
  }

  soon() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  draw() {
    const screen = innerHeight;
    const top = this.top();
    const now = performance.now();
    const speed = Math.abs(top - (this.drawnTop ?? top)) / screen / ((now - (this.drawnAt ?? 0)) / 1000);
    this.drawnTop = top;
    this.drawnAt = now;
    const from = top - AROUND * screen;
    const to = top + (1 + AROUND) * screen;
    const first = this.sectionAt(Math.max(0, from));
    const last = this.sectionAt(to);
    const shown = new Set();
    for (let n = first; n <= last; n++) this.drawSection(this.sections[n], from, to, shown);
    const focused = document.activeElement;
    for (const [index, cell] of this.cells) {
      if (shown.has(index) || cell.contains(focused)) continue;
      this.dropCell(index, cell);
    }
    this.sections.forEach((section, n) => {
      if (section.parts && (n < first || n > last) && !section.parts.section.contains(focused)) {
        this.drop(section);
      }
    });
    this.tabStop(this.cells.has(this.current) ? this.current : this.at(top));
    this.onMonth(this.sectionAt(top + screen / 3));
    if (speed < FAST) this.fill();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settled(), SETTLED_MS);
  }

  drawSection(section, from, to, shown) {
    const { parts } = section.parts ? section : this.makeSection(section);
    const pitch = this.side + GAP;
    const start = section.top + section.heading;
    const firstRow = Math.max(0, Math.floor((from - start) / pitch));
    const lastRow = Math.min(section.rows - 1, Math.floor((to - start) / pitch));
    let next = parts.list.firstElementChild;
    const end = Math.min(section.count, (lastRow + 1) * this.columns);
    for (let n = firstRow * this.columns; n < end; n++) {
      const index = section.start + n;
      const cell = this.cells.get(index) ?? this.makeCell(section, n);
      shown.add(index);
      if (cell === next) next = next.nextElementSibling;
      else parts.list.insertBefore(cell, next);
    }
  }

  makeSection(section) {
    const list = element("ul");
    const made = element("section", { className: "month" });
    if (section.month) {
      const name = element("h2", {}, monthName(section.month, "long"));
      name.append(" ", element("span", {}, counted(section.count, "photo")));
      made.append(name);
    }
    made.append(list);
    made.style.transform = `translateY(${section.top}px)`;
    list.style.height = `${section.rows * (this.side + GAP)}px`;
    section.parts = { section: made, list };
    const after = this.sections.find((each) => each.parts && each.top > section.top);
    this.root.insertBefore(made, after?.parts.section ?? null);
    return section;
  }

  makeCell(section, n) {
    const index = section.start + n;
    const id = this.ids[index];
    const picture = element("img", { alt: "", decoding: "async" });
    picture.onload = () => picture.classList.add("there");
    picture.onerror = () => cell.classList.add("unreadable");
    const link = element("a", { href: `/photo/${id}${location.search}`, tabIndex: -1 }, picture);
    link.dataset.index = index;
    const cell = element("li", {}, link);
    cell.setAttribute("aria-posinset", n + 1);
    cell.setAttribute("aria-setsize", section.count);
    const pitch = this.side + GAP;
    cell.style.width = cell.style.height = `${this.side}px`;
    cell.style.transform =
      `translate(${(n % this.columns) * pitch}px, ${Math.floor(n / this.columns) * pitch}px)`;
    this.cells.set(index, cell);
    this.tell(id, link);
    return cell;
  }

  dropCell(index, cell) {
    cell.querySelector("img").removeAttribute("src"); // what is still on its way is not needed
    cell.remove();
    this.cells.delete(index);
  }

  drop(section) {
    if (!section.parts) return;
    for (const link of section.parts.list.querySelectorAll("a")) {
      this.dropCell(Number(link.dataset.index), link.parentElement);
    }
    section.parts.section.remove();
    section.parts = null;
  }

  /** Begin to load the pictures that are on the screen, or just below. */
  fill() {
    const top = this.top();
    for (const [index, cell] of this.cells) {
      const picture = cell.querySelector("img");
      if (picture.hasAttribute("src")) continue;
      const height = this.heightOf(index);
      if (height + this.side < top || height > top + 1.5 * innerHeight) continue;
      picture.src = `/thumbnail/${this.ids[index]}.jpg`;
    }
  }

  async settled() {
    this.fill();
    const unknown = [...this.cells.keys()].map((index) => this.ids[index])
      .filter((id) => !this.labels.has(id)).slice(0, LABELS_AT_ONCE);
    if (!unknown.length) return;
    for (const id of unknown) this.labels.set(id, null); // asked for
    for (const label of await ask(`/labels?ids=${unknown}`)) this.labels.set(label[0], label);
    for (const [index, cell] of this.cells) this.tell(this.ids[index], cell.firstElementChild);
  }

  tell(id, link) {
    const label = this.labels.get(id);
    if (!label) return;
    const [, name, date, tags, status] = label;
    const words = [tags.join(", ") || name, date, status === "analysed" ? "" : status];
    link.ariaLabel = words.filter(Boolean).join("; ");
    link.title = name;
  }

  tabStop(index) {
    this.stop?.setAttribute("tabindex", "-1");
    this.stop = this.cells.get(index)?.firstElementChild;
    this.stop?.setAttribute("tabindex", "0");
  }

  scrollTo(index, heading = false) {
    const above = byId("grid").getBoundingClientRect().top + scrollY;
    const bar = document.querySelector(".top").offsetHeight;
    const place = above + this.heightOf(index) - bar - (heading ? HEADING : GAP);
    window.scrollTo({ top: place, behavior: "instant" });
    this.draw();
  }

  focus(index) {
    this.current = Math.max(0, Math.min(index, this.ids.length - 1));
    const place = this.heightOf(this.current) - this.top();
    const bar = document.querySelector(".top").offsetHeight;
    const foot = document.querySelector(".state").offsetHeight;
    if (place < bar + GAP) window.scrollBy({ top: place - bar - GAP - HEADING, behavior: "instant" });
    const beyond = place + this.side + foot + GAP - innerHeight;
    if (beyond > 0) window.scrollBy({ top: beyond, behavior: "instant" });
    this.draw();
    this.cells.get(this.current)?.firstElementChild.focus({ preventScroll: true });
  }

  /** The photo above (-1) or below (1) another. */
  vertical(index, step) {
    const number = this.sectionOf(index);
    const section = this.sections[number];
    const row = Math.floor((index - section.start) / this.columns);
    const column = (index - section.start) % this.columns;
    const inRow = (of, r) =>
      of.start + Math.min(r * this.columns + column, of.count - 1);
    if (row + step >= 0 && row + step < section.rows) return inRow(section, row + step);
    const other = this.sections[number + step];
    if (!other) return index;
    return inRow(other, step > 0 ? 0 : other.rows - 1);
  }

  key(event) {
    const link = event.target.closest("a[data-index]");
    if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = Number(link.dataset.index);
    const to = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      ArrowUp: this.vertical(index, -1),
      ArrowDown: this.vertical(index, 1),
      Home: 0,
      End: this.ids.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.focus(to);
  }

  click(event) {
    const link = event.target.closest("a[data-index]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.current = Number(link.dataset.index);
    this.open(this.ids[this.current]);
  }
}
