"""The page of a generation server, in a real browser: its sessions, images in order, playing, comparing."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from generation_kit import ThreadServer
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror='window.hurt=1'><b>bold</b> \u202e javascript:hurt()"


def shown_index(page: Page) -> str | None:
    """The number of the image that is shown, once its pixels are there."""
    page.wait_for_function("() => image.complete && image.naturalWidth > 0")
    return page.get_attribute("#image", "data-index")


def open_session(page: Page, server: ThreadServer, session: str) -> None:
    """Open the page, and a session on it."""
    page.goto(server.url)
    page.get_by_role("button", name=session, exact=True).click()
    page.wait_for_selector("#image[src]")


def test_sessions_are_listed_and_the_images_of_one_are_shown_in_order(
    page: Page, generation_server: ThreadServer
) -> None:
    """With what is known of each."""
    generation_server.recorded("one", "first", "second", "third")
    generation_server.recorded("two", "other")
    page.goto(generation_server.url)
    page.wait_for_selector("#sessions button")
    assert page.locator("#sessions button").all_inner_texts() == ["one", "two"]
    page.click("#sessions >> text=one")
    page.wait_for_function("() => document.querySelectorAll('#strip img[src]').length === 3")
    assert page.locator("#strip span").all_inner_texts() == ["0 BR", "1 BR", "2 BR"]
    assert (shown_index(page), page.inner_text("#caption"), page.inner_text("#where")) == (
        "0",
        "first",
        "1 of 3",
    )
    for index, prompt in (("1", "second"), ("2", "third"), ("2", "third")):
        page.click("#next")
        page.wait_for_selector(f"#image[data-index='{index}']")
        assert page.inner_text("#caption") == prompt
    assert "drawn-1" in page.inner_text("#details")
    page.click("#strip button >> nth=0")
    page.wait_for_selector("#image[data-index='0']")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#image[data-index='1']")


def test_the_pixels_that_are_shown_are_those_that_were_recorded(
    page: Page, generation_server: ThreadServer
) -> None:
    """As the browser has them on its canvas."""
    generation_server.recorded("one", "first")
    open_session(page, generation_server, "one")
    shown_index(page)
    given = page.evaluate(
        """() => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
        }"""
    )
    kept = Image.open(generation_server.sessions / "one" / "0000_BR.png")
    assert bytes(given) == kept.convert("RGBA").tobytes()


def test_a_session_is_played_from_its_first_image_to_its_last(
    page: Page, generation_server: ThreadServer
) -> None:
    """In order, each once; then it stops by itself. Pausing stops it at once."""
    generation_server.recorded("one", *(f"prompt {number}" for number in range(5)))
    open_session(page, generation_server, "one")
    page.select_option("#seconds", "0.1")
    page.evaluate(
        """() => { window.played = [];
        new MutationObserver(() => played.push(image.dataset.index))
          .observe(image, { attributes: true, attributeFilter: ["data-index"] }); }"""
    )
    page.click("#strip button >> nth=4")
    page.wait_for_selector("#image[data-index='4']")
    page.evaluate("() => { played.length = 0; }")
    page.click("#play")
    page.wait_for_function(
        "() => played.at(-1) === '4' && document.querySelector('#play').textContent === 'Play'"
    )
    assert page.evaluate("played") == ["0", "1", "2", "3", "4"]
    page.select_option("#seconds", "5")
    page.click("#play")
    page.wait_for_selector("#image[data-index='0']")
    page.click("text=Pause")
    assert page.inner_text("#play") == "Play"


def test_nothing_that_was_recorded_becomes_markup(page: Page, generation_server: ThreadServer) -> None:
    """Neither a prompt nor what another program wrote into a session."""
    generation_server.recorded("one", HOSTILE)
    path = generation_server.sessions / "one" / "metadata.json"
    document = json.loads(path.read_bytes())
    document["sequence"][0].update(target_sector=HOSTILE, focus_sector=HOSTILE, model=HOSTILE)
    document["sequence"][0]["parameters"] = {HOSTILE: HOSTILE}
    path.write_text(json.dumps(document))
    generation_server.recorded("two", HOSTILE + " too")
    open_session(page, generation_server, "one")
    page.select_option("#other", "two")
    page.wait_for_selector("#image-d[src]")
    page.wait_for_function("() => document.querySelectorAll('#strip img[src]').length === 1")
    assert page.inner_text("#caption") == HOSTILE
    assert HOSTILE in page.inner_text("#details")
    assert page.evaluate("window.hurt") is None
    assert page.locator("main b, main script").count() == 0


def test_two_sessions_are_compared_image_by_image(page: Page, generation_server: ThreadServer) -> None:
    """Side by side, with a picture of the difference."""
    generation_server.recorded("one", "same", "different", "only here")
    generation_server.recorded("two", "same", "DIFFERENT")
    open_session(page, generation_server, "one")
    page.select_option("#other", "two")
    page.wait_for_selector("text=2 of 3 images differ.")
    page.wait_for_selector("#image-d[src]")
    assert page.inner_text("#caption-d") == "the same"
    page.click("#next")
    page.wait_for_function("() => /pixels differ/.test(document.querySelector('#caption-d').textContent)")
    page.wait_for_selector("#image-b[src]")
    assert page.inner_text("#caption-b") == "DIFFERENT"
    page.click("#next")
    page.wait_for_selector("text=it has no such image")
    page.select_option("#other", "")
    page.wait_for_selector("#figure-b", state="hidden")


def test_a_session_is_followed_while_it_is_recorded(page: Page, generation_server: ThreadServer) -> None:
    """New images come by themselves."""
    generation_server.started("one", "first")
    open_session(page, generation_server, "one")
    page.check("#follow")
    generation_server.generate(prompt="second")
    page.wait_for_selector("#image[data-index='1']")
    assert page.inner_text("#caption") == "second"


def test_an_image_that_is_damaged_is_told(
    page: Page, generation_server: ThreadServer, faults: list[str]
) -> None:
    """And the others are shown."""
    generation_server.recorded("one", "first", "second")
    (generation_server.sessions / "one" / "0001_BR.png").write_bytes(b"no image")
    open_session(page, generation_server, "one")
    page.click("#next")
    page.wait_for_selector("#message.wrong")
    assert "image 1 of `one` is damaged" in page.inner_text("#message")
    page.click("#previous")
    page.wait_for_selector("#image[data-index='0']")
    assert all("500" in fault for fault in faults)  # the browser logs an answer that is an error
    faults.clear()


def test_a_server_with_a_token_is_asked_with_it(page: Page, tmp_path: Path, faults: list[str]) -> None:
    """The page itself needs none, and holds nothing; a wrong one is asked for again."""
    with ThreadServer(tmp_path, token="a good token") as server:
        headers = {"Authorization": "Bearer a good token"}
        assert server.get("/session/list").status == 401
        server.ask("POST", "/session/start?session_id=one", headers=headers)
        body = json.dumps({"prompt": "first", "size": "8x8"}).encode()
        server.ask("POST", "/generate", body, {**headers, "Content-Type": "application/json"})
        page.goto(server.url)
        for token in ("a bad token", "a good token"):
            page.wait_for_selector("#token-form", state="visible")
            page.fill("#token", token)
            page.click("text=Go on")
        page.click("#sessions >> text=one")
        assert shown_index(page) == "0"
        assert page.evaluate("document.cookie + location.href").count("good") == 0
    assert all("401" in fault for fault in faults)
    faults.clear()


# -- pages of others -----------------------------------------------------------------------------------------

SCRIPT = re.search(
    r"^```javascript\n(.*?)^```$",
    (Path(__file__).parents[2] / "docs/compat/generation-sessions.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def other_site() -> Iterator[str]:
    """A page on another port of this machine, as a frontend is served while it is made."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_documents_script_runs_in_a_page_of_another_port(
    page: Page, generation_server: ThreadServer, other_site: str
) -> None:
    """As it stands in the document; the page may read the headers of an image."""
    assert SCRIPT is not None
    script = SCRIPT[1].replace("localhost:8001", f"localhost:{generation_server.port}")
    page.goto(other_site)
    first, rest = script.split("// All subsequent generations automatically saved!")
    generate = f"""
    await fetch('http://localhost:{generation_server.port}/generate', {{
      method: 'POST', headers: {{ 'Content-Type': 'application/json' }},
      body: JSON.stringify({{ prompt: 'grün', target_sector: 'TL', size: '8x8' }}),
    }});
    """
    given = page.evaluate(
        f"""async () => {{ {first} {generate} {rest}
        return [img.status, img.headers.get('content-type'), decodeURIComponent(img.headers.get('x-prompt')),
                img.headers.get('x-sector'), img.headers.get('x-index'), (await img.blob()).size > 50]; }}"""
    )
    assert given == [200, "image/png", "grün", "TL", "0", True]
