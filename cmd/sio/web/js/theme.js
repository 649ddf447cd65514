// SPDX-License-Identifier: MIT
//
// Light and dark. Loaded before the page is drawn, so that it does not flash. Without a
// choice the system's setting holds.

{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden
    }
  };
  const theme = () => root.dataset.theme ?? (system.matches ? "dark" : "light");
  if (chosen()) root.dataset.theme = chosen();

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => button.setAttribute("aria-pressed", String(theme() === "dark"));
    button.addEventListener("click", () => {
      root.dataset.theme = theme() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // then it holds for this page only
      }
      show();
    });
    system.addEventListener("change", show);
    show();
  });
}
