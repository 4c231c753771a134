// What the scripts share. What comes from photos is only ever set as text.

export const byId = (id) => document.getElementById(id);
export const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
export const size = (bytes) =>
  bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

export function monthName(month, form) {
  const date = new Date(`${month}-15T12:00`);
  if (isNaN(date)) return "No date";
  return date.toLocaleString("en", { month: form, ...(form === "long" && { year: "numeric" }) });
}
