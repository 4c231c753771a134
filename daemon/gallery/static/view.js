// One photo, with what was seen in it drawn over it.

import { ask, byId, counted, element, size } from "./parts.js";

export class View {
  constructor(dialog) {
    this.dialog = dialog;
    this.grid = null;
    byId("close").onclick = () => this.leave();
    byId("previous").onclick = () => this.step(-1);
    byId("next").onclick = () => this.step(1);
    byId("drawn").onchange = () => this.drawn();
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    dialog.addEventListener("keydown", (event) => this.key(event));
    addEventListener("popstate", () => this.follow());
  }

  /** Show or hide what the address says. */
  follow() {
    const id = location.pathname.match(/^\/photo\/(\d+)$/)?.[1];
    if (id) this.show(Number(id));
    else this.hide();
  }

  open(id) {
    history.pushState({ opened: true }, "", `/photo/${id}${location.search}`);
    this.show(id);
  }

  leave() {
    if (history.state?.opened) history.back();
    else {
      history.replaceState(null, "", `/${location.search}`);
      this.hide();
    }
  }

  hide() {
    if (!this.dialog.open) return;
    this.dialog.close();
    const index = this.grid?.ids.indexOf(this.id) ?? -1;
    if (index >= 0) this.grid.focus(index);
  }

  step(by) {
    const index = (this.grid?.ids.indexOf(this.id) ?? -1) + by;
    const id = this.grid?.ids[index];
    if (index < 0 || id === undefined) return;
    history.replaceState(history.state, "", `/photo/${id}${location.search}`);
    this.show(id);
  }

  async show(id) {
    this.id = id;
    if (!this.dialog.open) {
      this.dialog.showModal();
      byId("photo-name").focus();
    }
    byId("unreadable").textContent = "";
    byId("like").href = `/?like=${id}`;
    const picture = byId("picture");
    picture.alt = "";
    this.clear();
    picture.src = `/thumbnail/${id}.jpg`;
    const whole = new Image();
    whole.onload = () => {
      if (this.id !== id) return;
      picture.src = whole.src;
      this.prepare(id);
    };
    whole.onerror = async () => {
      const answer = await fetch(`/picture/${id}.jpg`);
      const reason = answer.ok ? "" : await answer.text();
      if (this.id === id) byId("unreadable").textContent = reason.trim();
    };
    whole.fetchPriority = "high";
    whole.src = `/picture/${id}.jpg`;
    try {
      const photo = await ask(`/about/${id}`);
      if (this.id === id) this.tell(photo);
    } catch (error) {
      if (this.id === id) byId("unreadable").textContent = error.message;
    }
  }

  clear() {
    byId("photo-name").textContent = "";
    for (const part of ["boxes", "seen", "facts"]) byId(part).replaceChildren();
    const frame = byId("picture").parentElement;
    frame.style.setProperty("--ratio", 1.5);
    frame.hidden = true;
  }

  tell(photo) {
    const name = photo.path.slice(photo.path.lastIndexOf("/") + 1);
    byId("photo-name").textContent = name;
    document.title = `${name} – scened`;
    const frame = byId("picture").parentElement;
    frame.hidden = photo.status === "failed" || photo.status === "unsupported";
    if (photo.width) frame.style.setProperty("--ratio", photo.width / photo.height);
    byId("picture").alt = [
      photo.tags.slice(0, 5).map((tag) => tag.tag).join(", ") || name,
      photo.faces.length ? counted(photo.faces.length, "face") : "",
    ].filter(Boolean).join("; ");
    byId("boxes").replaceChildren(...photo.faces.flatMap((face) => [box(face, "shade"), box(face, "line")]));
    byId("boxes").ariaLabel = photo.faces.length ? counted(photo.faces.length, "face") : "no faces";
    byId("seen").replaceChildren(
      ...photo.tags.map((tag) => {
        const link = element("a", { href: `/?${new URLSearchParams({ tag: tag.tag })}` }, tag.tag);
        link.append(" ", element("span", {}, `${Math.round(tag.score * 100)} %`));
        return element("li", {}, link);
      }),
    );
    const facts = {
      Taken: photo.taken_at && photo.taken_at.slice(0, 16).replace("T", " "),
      Camera: photo.camera,
      Size: photo.width && `${photo.width} × ${photo.height}, ${size(photo.file_size)}`,
      Format: photo.format,
      Faces: photo.faces.length || null,
      Place: photo.latitude === null ? null : `${photo.latitude.toFixed(5)}, ${photo.longitude.toFixed(5)}`,
      State: photo.error ? `${photo.status}: ${photo.error}` : photo.status,
      "Looked at by": photo.pack,
      Folder: photo.path.slice(0, photo.path.lastIndexOf("/")),
    };
    byId("facts").replaceChildren(
      ...Object.entries(facts).filter(([, value]) => value).map(([term, value]) =>
        element("div", {}, element("dt", {}, term), element("dd", {}, String(value)))),
    );
    this.drawn();
  }

  /** Have the neighbours made while this one is looked at. */
  prepare(id) {
    const index = this.grid?.ids.indexOf(id) ?? -1;
    if (index < 0) return;
    for (const other of [this.grid.ids[index + 1], this.grid.ids[index - 1]]) {
      if (other) new Image().src = `/picture/${other}.jpg`;
    }
  }

  drawn() {
    const shown = byId("drawn").checked;
    byId("boxes").classList.toggle("off", !shown);
    byId("seen").hidden = !shown;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") this.step(-1);
    else if (event.key === "ArrowRight") this.step(1);
    else if (event.key === "b") byId("drawn").click();
    else if (event.key === "m") byId("like").click();
    else return;
    event.preventDefault();
  }
}

function box(face, kind) {
  const rectangle = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const side of ["x", "y", "width", "height"]) rectangle.setAttribute(side, face[side]);
  rectangle.setAttribute("class", kind);
  return rectangle;
}
