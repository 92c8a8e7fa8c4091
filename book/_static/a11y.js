// Small repairs of names and landmarks that the theme leaves out; each one is a finding of axe-core.
document.addEventListener("DOMContentLoaded", () => {
  // A name that contradicts the visible text: the visible text is the better name.
  document.querySelectorAll(".search-button-field[aria-label], .theme-switch-button[aria-label], summary[aria-label]")
    .forEach((element) => element.removeAttribute("aria-label"));
  document.querySelectorAll(".theme-switch-button").forEach((button) => { button.title = "Colour mode"; });

  // The sidebar's logo stands outside of every landmark.
  const brand = document.querySelector(".sidebar-primary-item > .navbar-brand")?.parentElement;
  if (brand && !brand.hasAttribute("role")) {
    brand.setAttribute("role", "navigation");
    brand.setAttribute("aria-label", "Book home");
  }

  // The arrow that opens the pages below a page of the contents has no name.
  document.querySelectorAll("li.has-children > details > summary").forEach((summary) => {
    summary.setAttribute("aria-label", `Pages below ${summary.closest("li").querySelector("a").textContent.trim()}`);
  });

  // Docutils writes a list whose items are no list items, with a role that ARIA has withdrawn.
  document.querySelectorAll(".citation-list[role], .citation[role]").forEach((element) => element.removeAttribute("role"));

  // Wide content scrolls in its own box, so the keyboard must reach the box.
  const boxes = [".bd-article pre", ".pst-scrollable-table-container", ".effdl-figure", ".cell_output .output",
    "mjx-container[display=true]"].join();
  const reach = () => document.querySelectorAll(boxes).forEach((box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  });
  reach();
  // Formulas get their width when MathJax is done, and MathJax is there once the page is loaded.
  window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reach));
  window.addEventListener("resize", reach);
});
