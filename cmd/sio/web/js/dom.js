// SPDX-License-Identifier: MIT

/**
 * Makes an element. Properties that start with "on" are listeners, those that the
 * element does not know are attributes; null and false leave an attribute out.
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export const $ = (id) => document.getElementById(id);

/** Shows a value of an event in one line. */
export function show(value) {
  if (value instanceof Uint8Array) return `<${[...value.slice(0, 12)].map((b) => b.toString(16).padStart(2, "0")).join(" ")}${value.length > 12 ? " ..." : ""}>`;
  if (value && typeof value === "object" && !Array.isArray(value))
    return "{" + Object.entries(value).map(([k, v]) => `${k}: ${show(v)}`).join(", ") + "}";
  if (Array.isArray(value)) return "[" + value.map(show).join(", ") + "]";
  return JSON.stringify(value) ?? "undefined";
}
