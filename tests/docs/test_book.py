"""The book is built without a warning, every page can be reached, and every link leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from traindiag.cli.app import COMMANDS
from traindiag.readers.base import all_readers
from traindiag.reports.base import all_renderers
from traindiag.rules.base import all_rules

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")
ROOT = Path(__file__).parents[2]
EXTERNAL = ("http://", "https://", "mailto:", "data:")


@dataclass
class Seen:
    """What one page refers to, and the places in it that can be referred to."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    without_words: list[str] = field(default_factory=list)


class Parser(HTMLParser):
    """Gathers links, what is loaded, anchors, and pictures that nothing is said of."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if given.get("id"):
            self.seen.anchors.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.seen.links.append(str(given["href"]))
        if tag == "form" and given.get("action"):
            self.seen.links.append(str(given["action"]))
        if tag in ("img", "script") and given.get("src"):
            self.seen.loaded.append(str(given["src"]))
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.seen.loaded.append(str(given["href"]))
        if tag == "img" and not given.get("alt"):
            self.seen.without_words.append(str(given.get("src")))


@cache
def seen(page: Path) -> Seen:
    parser = Parser()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.seen


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book as web pages; the command is that of the task `docs`."""
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "docs", str(folder / "html")]
    done = subprocess.run(
        [*command, "-d", str(folder / "trees")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def pages(book: Path) -> list[Path]:
    return [page for page in book.rglob("*.html") if "_static" not in page.parts]


def test_every_page_can_be_reached(book: Path) -> None:
    def reached(page: Path) -> Iterator[Path]:
        for link in seen(page).links:
            if not link.startswith(EXTERNAL):
                target = (page.parent / unquote(urldefrag(link)[0])).resolve() if urldefrag(link)[0] else page
                if target.suffix == ".html" and target.is_file():
                    yield target

    found, waiting = set(), [(book / "index.html").resolve()]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            waiting += reached(page)
    assert {page.resolve() for page in pages(book)} == found


def test_every_link_leads_somewhere(book: Path) -> None:
    broken = []
    for page in pages(book):
        for link in [*seen(page).links, *seen(page).loaded]:
            path, anchor = urldefrag(link)
            if link.startswith(EXTERNAL):
                continue
            target = (page.parent / unquote(path.partition("?")[0])) if path else page
            if not target.is_file():
                broken.append(f"{page.name}: {link}")
            elif (
                anchor and target.suffix == ".html" and unquote(anchor) not in seen(target.resolve()).anchors
            ):
                broken.append(f"{page.name}: {link} has no such place")
    assert broken == []


def test_the_book_loads_nothing_from_elsewhere(book: Path) -> None:
    outside = [
        (page.name, link)
        for page in pages(book)
        for link in seen(page).loaded
        if link.startswith(EXTERNAL[:2])
    ]
    assert outside == []


def test_every_picture_says_what_it_shows(book: Path) -> None:
    assert [(page.name, name) for page in pages(book) for name in seen(page).without_words] == []


def test_everything_the_program_has_is_in_the_book(book: Path) -> None:
    for rule in all_rules():
        assert (book / "rules" / f"{rule.name}.html").is_file()
        assert f"figures/{rule.name}.svg" in (ROOT / "docs/reference/gallery.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert (book / "reference" / "cli" / f"{command}.html").is_file()
    assert {reader.name for reader in all_readers()} <= seen(book / "reference" / "readers.html").anchors
    assert set(all_renderers()) <= seen(book / "reference" / "formats.html").anchors


def test_terminals_show_what_traindiag_says_today(book: Path) -> None:
    from traindiag import diagnose, read

    verdict = diagnose(read(ROOT / "sample_logs" / "overfitting")).runs[0].verdict
    shown = (book / "quickstart.html").read_text(encoding="utf-8")
    assert "$ traindiag analyze sample_logs/overfitting" in shown
    assert f"{verdict.rule} {verdict.code}" in shown


def test_nothing_generated_is_kept() -> None:
    done = subprocess.run(["git", "ls-files", "docs"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git checkout here")
    assert not [
        line for line in done.stdout.splitlines() if line.startswith(("docs/rules/", "docs/reference/"))
    ]
