"""The gallery's answers: what is listed, what is not given away, and what cannot be asked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from scened.config import Settings
from scened.findings import Metadata
from scened.gallery.access import Access
from scened.gallery.app import Gallery
from scened.gallery.catalogue import Catalogue
from tests.integration.conftest import Library, put, show
from tests.photos import photo, write_turned

PORT = 4321
NOT_IDS = ("-1", "0", "999999", str(2**63), "9" * 400, "1.5", "1e3", "abc", "٣", "1%20OR%201=1")
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(library: Library, root: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The gallery of a dog of 2019, a beach of 2020, and a file that is no picture."""
    show(library, root / "dog.jpg", 1, metadata=taken("2019-06-14T18:03:20"), dog=0.9, animal=0.9)
    show(library, root / f"{NASTY}.jpg", 2, metadata=taken("2020-01-02T03:04:05"), beach=0.8)
    put(root / "broken.jpg", 3)
    library.walk()
    library.write(
        "UPDATE file SET status = 'failed', error = :error WHERE status = 'pending'",
        error=f"damaged: {NASTY}",
    )
    catalogue = Catalogue(library.database.file, None)
    access = Access(Gallery(catalogue, Settings(), tmp_path / "cache").app(), PORT)
    with TestClient(access, base_url=f"http://127.0.0.1:{PORT}") as client:
        client.get(access.link)
        yield client


def taken(at: str) -> Metadata:
    return Metadata(64, 48, "JPEG", taken_at=at)


def ids(page: TestClient, question: str = "") -> list[int]:
    listed: list[int] = page.get(f"/list{question}").json()["ids"]
    return listed


def names(page: TestClient, question: str = "") -> list[str]:
    among = ids(page, question)
    labels = {label[0]: label[1] for label in page.get(f"/labels?ids={_joined(among)}").json()}
    return [labels[each] for each in among]


def _joined(among: list[int]) -> str:
    return ",".join(map(str, among))


def test_all_photos_are_listed_by_month_the_newest_first(page: TestClient) -> None:
    assert names(page) == [f"{NASTY}.jpg", "dog.jpg"]
    assert page.get("/list").json()["months"] == [["2020-01", 1], ["2019-06", 1]]


def test_words_find_photos(page: TestClient) -> None:
    assert names(page, "?q=puppy") == ["dog.jpg"]


def test_a_tag_narrows_what_is_shown(page: TestClient) -> None:
    assert names(page, "?tag=beach") == [f"{NASTY}.jpg"]
    assert page.get("/list?tag=beach").json()["months"] == [["2020-01", 1]]
    assert names(page, "?tag=beach&tag=dog") == []


def test_tags_of_what_is_shown_are_counted(page: TestClient) -> None:
    facets = {each["tag"]: each["photos"] for each in page.get("/facets").json()}
    assert facets == {"dog": 1, "animal": 1, "beach": 1}
    assert [each["tag"] for each in page.get("/facets?q=beach").json()] == ["beach"]


def test_more_like_a_photo_begins_with_it(page: TestClient) -> None:
    (_, dog) = ids(page)
    assert ids(page, f"?like={dog}")[0] == dog


def test_a_failed_photo_stands_on_its_own_page_with_its_reason(page: TestClient) -> None:
    text = page.get("/failed").text
    assert "broken.jpg" in text
    assert "damaged: &lt;img" in text


@pytest.mark.parametrize("path", ["/failed", "/duplicates", "/duplicates?near", "/"])
@pytest.mark.promise(
    "text: HTML in names",
    "text on every page",
)
def test_names_and_reasons_are_text(page: TestClient, path: str) -> None:
    assert NASTY not in page.get(path).text


def test_a_photo_is_described(page: TestClient) -> None:
    (_, dog) = ids(page)
    about: dict[str, Any] = page.get(f"/about/{dog}").json()
    assert (about["taken_at"], about["width"]) == ("2019-06-14T18:03:20", 64)


@pytest.mark.parametrize("path", ["/about/{}", "/thumbnail/{}.jpg", "/picture/{}.jpg"])
@pytest.mark.parametrize("number", NOT_IDS)
def test_what_is_no_photos_id_gives_nothing(page: TestClient, path: str, number: str) -> None:
    answer = page.get(path.format(number))
    assert answer.status_code == 404
    assert "sqlite" not in answer.text.lower()


@pytest.mark.parametrize("number", NOT_IDS)
def test_nothing_is_like_what_is_no_photos_id(page: TestClient, number: str) -> None:
    assert page.get(f"/list?like={number}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/thumbnail/../../etc/passwd",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/thumbnail//etc/passwd.jpg",
        "/nothing/1.jpg",
    ],
)
def test_no_path_leads_to_a_file(page: TestClient, path: str) -> None:
    assert page.get(path).status_code == 404


@pytest.mark.parametrize("words", ["", "   ", '"', "OR AND NOT", "x" * 10_000, "犬 ביום", "a:b*^("])
def test_any_words_get_a_plain_answer(page: TestClient, words: str) -> None:
    answer = page.get(f"/list?q={quote(words)}")
    assert answer.status_code in (200, 400)
    assert "Traceback" not in answer.text


def test_a_thumbnail_is_upright_and_kept(
    page: TestClient, library: Library, root: Path, tmp_path: Path
) -> None:
    turned = write_turned(root / "turned.jpg", 6, photo("coffee.png"))
    library.walk()
    library.look()
    picture = page.get(f"/thumbnail/{library.id_of(turned)}.jpg")
    assert Image.open(io.BytesIO(picture.content)).size == (320, 213)
    turned.unlink()
    assert page.get(f"/thumbnail/{library.id_of(turned)}.jpg").content == picture.content


def test_a_picture_that_is_away_says_so(page: TestClient, library: Library, root: Path) -> None:
    (root / "dog.jpg").unlink()
    answer = page.get(f"/thumbnail/{library.id_of(root / 'dog.jpg')}.jpg")
    assert answer.status_code == 404


def test_the_state_names_the_latest_change(page: TestClient, library: Library) -> None:
    state = page.get("/status").json()
    assert (state["running"], state["state"]) == (False, "stopped")
    assert state["seq"] == library.one("SELECT value FROM sequence")


def test_the_database_is_not_written_to(page: TestClient, library: Library) -> None:
    before = library.database.file.read_bytes()
    for path in ("/", "/list", "/list?q=dog", "/facets", "/duplicates", "/failed", "/status"):
        assert page.get(path).status_code == 200
    assert library.database.file.read_bytes() == before


def test_a_listing_of_no_photo_is_no_failure(page: TestClient, library: Library) -> None:
    library.write("DELETE FROM file")
    assert json.loads(page.get("/list?tag=dog").text)["ids"] == []
