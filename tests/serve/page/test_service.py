"""A service that wants a key, and one that goes away."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from .browser import Browser
from .conftest import make_shop, service
from .test_database import CELLS, ask

KEYED = """
[model]
scorer = "lexical"
[[databases]]
name = "shop"
path = "shop.sqlite"
[[databases]]
name = "secret"
path = "shop.sqlite"
[[keys]]
name = "reader"
sha256 = "{}"
databases = {{ shop = {{ city = ["name", "country"] }} }}
"""


def test_the_key_is_asked_for_and_kept_in_memory_only(browser: Browser, tmp_path: Path) -> None:
    make_shop(tmp_path / "shop.sqlite")
    with service(tmp_path, KEYED.format(hashlib.sha256(b"sesame").hexdigest())) as (address, _):
        page = browser.page()
        page.open(address)
        page.wait("!document.querySelector('#key-form').hidden")
        page.fill("#key", "guess")
        page.key("Enter")
        page.wait("document.querySelector('#key-error [role=alert]')")
        assert "the key is unknown" in page.text("#key-error")
        page.fill("#key", "sesame")
        page.key("Enter")
        page.wait("document.querySelector('#key-form').hidden")
        assert page.js("document.querySelector('#key').value") == ""
        assert page.js("[...document.querySelector('#database').options].map((option) => option.value)") == ["shop"]
        ask(page, "shop", "List the name of all cities in Brazil")
        assert page.js(CELLS) == [["São Paulo"]]
        assert "population" not in page.text("#linked")
        assert page.js("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        assert "sesame" not in page.js("document.documentElement.outerHTML")
        assert all("sesame" not in url for url in page.requests())
        page.open(address)
        page.wait("!document.querySelector('#key-form').hidden")  # gone with the page
        page.close()


def test_a_service_that_goes_away(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path, '[model]\nscorer = "lexical"\n') as (address, process):
        page = browser.page()
        page.open(address)
        page.click("#database-tab")
        page.wait("document.querySelector('#schema').textContent.includes('There is no database that you may ask')")
        process.kill()
        process.wait()
        page.click("#text-tab")
        page.click("#text-example")
        page.click("#text-form .main")
        page.wait("document.querySelector('#text-error [role=alert]')")
        assert "the service does not answer" in page.text("#text-error")
        page.close()


def test_markup_in_comments_of_a_server_is_text(browser: Browser, postgres_database: Any, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(postgres_database.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
        connection.execute("COMMENT ON TABLE note IS '<script>document.title=1</script><b>bold</b>'")
        connection.execute("GRANT SELECT ON note TO PUBLIC")
    text = f'[model]\nscorer = "lexical"\n[[databases]]\nname = "notes"\nurl = "{postgres_database.reader_url}"\n'
    with service(tmp_path, text) as (address, _):
        page = browser.page()
        page.open(address)
        page.click("#database-tab")
        page.wait("document.querySelector('#schema h2')?.textContent === 'notes'")
        assert "<script>document.title=1</script><b>bold</b>" in page.text("#schema")
        assert page.js("document.querySelectorAll('#schema script, #schema b').length") == 0
        assert page.js("document.title") == "ctxprune explorer"
        assert page.faults() == []
        page.close()
