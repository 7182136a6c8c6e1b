"""The page without a mouse, with little room, in the dark, and for those who do not see it."""

from __future__ import annotations

import pytest

from .browser import Page
from .test_database import DONE, ask, choose
from .test_text import TEXT, prune

FOCUS = "document.activeElement.id"
# For each text its contrast with the ground behind it (WCAG 2, 1.4.3); in the diagram with both grounds of a box.
CONTRASTS = """(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  const ratio = (one, two) => {
    const [dark, bright] = [light(channels(one)), light(channels(two))].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const ground = (node) => {
    const { backgroundColor } = getComputedStyle(node);
    return channels(backgroundColor)[3] === 0 ? ground(node.parentElement) : backgroundColor;
  };
  const told = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const boxes = [...(node.closest("g")?.querySelectorAll("rect") ?? [])].map((box) => getComputedStyle(box).fill);
    for (const behind of boxes.length ? boxes : [ground(node)]) {
      told.push([walker.currentNode.data.trim(), ratio(boxes.length ? style.fill : style.color, behind)]);
    }
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    if (!field.checkVisibility()) continue;
    told.push([field.placeholder, ratio(getComputedStyle(field, "::placeholder").color, ground(field))]);
  }
  return told;
})()"""


def still(page: Page, **look: object) -> None:
    page.look(still=True, **look)  # type: ignore[arg-type]  # colours do not fade while they are measured


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_enough_contrast(page: Page, dark: bool) -> None:
    still(page, dark=dark)
    prune(page, TEXT)
    page.click("#text-units summary")
    told = page.js(CONTRASTS)
    ask(page, "shop", "How many cities are in Brazil?")
    page.wait("document.querySelector('.diagram')")
    page.js("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    told += page.js(CONTRASTS)
    assert len(told) > 80
    assert [pair for pair in told if pair[1] < 4.5] == []


def test_dark_is_dark(page: Page) -> None:
    page.look(dark=True)
    assert page.js("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"


def test_nothing_moves_for_those_who_ask_for_that(page: Page) -> None:
    still(page)
    times = "new Set([...document.querySelectorAll('*')].map((node) => getComputedStyle(node).transitionDuration))"
    assert page.js(f"[...{times}]") == ["0s"]


def test_a_text_is_pruned_with_keys_alone(page: Page) -> None:
    page.key("Tab")
    assert page.js("document.activeElement.className") == "skip"
    order = []
    for _ in range(6):
        page.key("Tab")
        order.append(page.js(FOCUS))
        if order[-1] in ("text-question", "text"):
            page.send("Input.insertText", text=TEXT if order[-1] == "text" else "When did the bridge open?")
    assert order[:4] == ["text-tab", "text-question", "text", "kind"]
    page.key("Tab", shift=True)
    page.key("Enter")
    page.wait("!document.querySelector('#text-account').hidden")
    assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.key("Tab", times=2)
    assert page.js(FOCUS) == "budget"
    page.key("ArrowRight")
    assert page.js("document.querySelector('#budget').ariaValueText").endswith(" tokens")


def test_a_database_is_asked_with_keys_alone(page: Page) -> None:
    page.key("Tab", times=2)
    page.key("ArrowRight")
    assert page.js(FOCUS) == "database-tab"
    page.key("Tab")
    assert page.js(FOCUS) == "database"
    page.key("Tab")
    page.send("Input.insertText", text="How many cities are in Brazil?")
    page.key("Tab", times=2)
    page.key("Enter")
    page.wait(DONE)
    for _ in range(12):
        page.key("Tab")
        if page.js("document.activeElement.classList.contains('table')"):
            break
    assert page.js("document.activeElement.getAttribute('role')") == "img"


def test_every_control_has_a_name(page: Page) -> None:
    prune(page, TEXT)
    unnamed = []
    for view in ("text", "database"):
        if view == "database":
            ask(page, "shop", "How many cities are in Brazil?")
        nodes = page.send("Accessibility.getFullAXTree")["nodes"]
        for node in nodes:
            focusable = any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", ()))
            if focusable and not node.get("ignored") and not node.get("name", {}).get("value"):
                unnamed.append(node["role"]["value"])
        roles = {node["role"]["value"] for node in nodes if not node.get("ignored")}
        assert {"banner", "main", "tablist", "tabpanel", "region", "status"} <= roles
    assert unnamed == []


@pytest.mark.parametrize("width", [320, 380, 768])
def test_narrow_windows_need_no_sideways_scrolling(page: Page, width: int) -> None:
    page.look(width, 800)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.js(fits)
    prune(page, TEXT)
    page.click("#text-units summary")
    assert page.js(fits)
    choose(page, "wide")
    assert page.js(fits)
    ask(page, "shop", "List the name, country and population of all cities")
    page.wait("document.querySelector('.diagram')")
    page.js("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    assert page.js(fits)
