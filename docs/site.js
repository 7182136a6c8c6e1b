// What the theme leaves out for those who use keys or a screen reader: wide tables and code can be scrolled by keys, and
// the buttons of each block of code are no landmark of their own, and each list of pages has a name. The theme adds the
// first two after the page has loaded.

function mend() {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
  for (const buttons of document.querySelectorAll("nav.md-code__nav")) buttons.setAttribute("role", "none");
  for (const list of document.querySelectorAll("nav.md-nav[aria-labelledby]")) {
    const name = list.querySelector(".md-nav__title")?.textContent.trim();
    list.removeAttribute("aria-labelledby");
    list.setAttribute("aria-label", `Pages of ${name || "this section"}`);
  }
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", mend);
mend();
