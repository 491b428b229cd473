"""No character of a log acts on the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traindiag.reports.sanitise import sanitise, sanitise_lines

ANY = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain run-1", "plain run-1"),
        ("Größe/λ", "Größe/λ"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x1b]52;c;cGF5\x07", r"a\x1b]52;c;cGF5\x07"),
        ("a\x9b31m", r"a\x9b31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\udc80", r"\udc80"),
        ("line\u2028separator", r"line\u2028separator"),
    ],
)
def test_unsafe_characters_become_visible(raw: str, shown: str) -> None:
    assert sanitise(raw) == shown


def test_ascii_rewrites_punctuation_and_escapes_the_rest() -> None:
    assert sanitise("1–2 × λ…", ascii=True) == r"1-2 x \u03bb~"


def test_lines_of_snippets_are_kept_apart() -> None:
    assert sanitise_lines("a\n  b\x1b") == ["a", r"  b\x1b"]


@given(ANY, st.booleans())
@settings(deadline=None, max_examples=200)
def test_no_control_or_format_character_survives(text: str, ascii: bool) -> None:
    shown = sanitise(text, ascii=ascii)
    assert {unicodedata.category(each) for each in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert not ascii or shown.isascii()
    assert sanitise(shown, ascii=ascii) == shown
