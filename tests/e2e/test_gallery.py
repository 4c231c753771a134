"""The page in a real browser."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import PATIENCE_SECONDS, SETTINGS, Scened, age
from tests.photos import photo, write_photo, write_turned

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

ASTRONAUT = (0, 0, 512, 400)  # the part that is taken; her face lies about here in it:
FACE_LEFT, FACE_TOP, FACE_RIGHT, FACE_BOTTOM = 170 / 512, 50 / 400, 285 / 512, 190 / 400
PATIENCE_MS = PATIENCE_SECONDS * 1000


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The link of a gallery with a cat and an astronaut that was photographed on the side."""
    place = tmp_path_factory.mktemp("gallery")
    (place / "photos").mkdir()
    (place / "settings.toml").write_text(SETTINGS)
    age(write_photo(place / "photos" / "cat.jpg", photo("chelsea.png")))
    astronaut = photo("astronaut.png").crop(ASTRONAUT)
    age(write_turned(place / "photos" / "astronaut.jpg", 6, astronaut))
    scened = Scened(place / "data" / "library.sqlite", place / "settings.toml")
    scened.look_at(place / "photos")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(place / "cache"))
        process = scened.start("gallery", "--no-browser")
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # its own sandbox does not work for root, as whom tests may run
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, link: str) -> Iterator[Page]:
    """The gallery's first page, entered with its link; no script may fail there."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(link)
    page.wait_for_selector("#grid img.there")
    yield page
    context.close()
    assert faults == []


def open_photo(page: Page, name: str) -> None:
    page.locator(f"#grid a[title='{name}']").click()
    page.wait_for_selector("#seen li", state="attached")
    # the whole picture, not the thumbnail that stands in for it
    page.wait_for_selector("#picture[src*='/picture/']")


def test_typing_a_query_finds_photos(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("cat")
    page.keyboard.press("Enter")
    page.wait_for_selector("#grid a[title='cat.jpg']")
    assert page.locator("#heading").inner_text() == "“cat”"
    assert page.locator("#grid a[title='astronaut.jpg']").count() == 0


def test_boxes_lie_on_the_face_of_a_rotated_photo(page: Page) -> None:
    open_photo(page, "astronaut.jpg")
    picture = page.locator("#picture").bounding_box()
    boxes = page.locator("#boxes rect.line").all()
    assert picture is not None
    assert picture["width"] / picture["height"] == pytest.approx(512 / 400, rel=0.01)
    assert page.evaluate(
        "() => { const p = document.getElementById('picture');"
        " return p.naturalWidth / p.naturalHeight }"
    ) == pytest.approx(512 / 400, rel=0.01)
    middles = []
    for box in boxes:
        place = box.bounding_box()
        assert place is not None
        across = (place["x"] + place["width"] / 2 - picture["x"]) / picture["width"]
        down = (place["y"] + place["height"] / 2 - picture["y"]) / picture["height"]
        middles.append((across, down))
    on_the_face = [
        FACE_LEFT < across < FACE_RIGHT and FACE_TOP < down < FACE_BOTTOM
        for across, down in middles
    ]
    assert any(on_the_face), middles


def test_the_keyboard_opens_leafs_and_closes(page: Page) -> None:
    page.keyboard.press("ArrowDown")
    first = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog#photo[open]")
    assert page.url == first
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda address: address != first)
    second = page.url
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#photo[open]", state="detached")
    assert page.evaluate("document.activeElement.href") == second


def test_boxes_and_tags_can_be_hidden(page: Page) -> None:
    open_photo(page, "astronaut.jpg")
    page.keyboard.press("b")
    assert not page.locator("#seen").is_visible()
    assert not page.locator("#boxes").is_visible()


def test_more_like_this_lists_others(page: Page) -> None:
    open_photo(page, "astronaut.jpg")
    page.get_by_role("link", name="More like this").click()
    page.wait_for_selector("#grid a[title='cat.jpg']")


def test_what_one_hears_of_a_photo_is_what_it_shows(page: Page) -> None:
    page.wait_for_selector("#grid a[title='astronaut.jpg']")
    cell = page.locator("#grid a[title='astronaut.jpg']")
    assert re.search(r"person|face", cell.get_attribute("aria-label") or "")
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("searchbox", name="Search photos").count() == 1


def test_a_second_browser_without_the_secret_gets_nothing(browser: Browser, link: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    home = link.partition("/enter")[0]
    for path in ("/", "/photo/1", "/thumbnail/1.jpg", "/list", "/static/gallery.js"):
        answer = page.goto(home + path)
        assert answer is not None
        assert answer.status == 403
    context.close()


def test_another_name_for_this_machine_gets_nothing(page: Page, link: str) -> None:
    answer = page.goto(link.replace("127.0.0.1", "localhost"))
    assert answer is not None
    assert answer.status == 421


def test_a_crafted_id_gets_nothing(page: Page, link: str) -> None:
    home = link.partition("/enter")[0]
    for number in ("999999", str(2**64), "-1", "1%27"):
        answer = page.request.get(f"{home}/picture/{number}.jpg")
        assert answer.status == 404
