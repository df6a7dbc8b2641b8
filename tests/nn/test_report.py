"""The page."""

import tempfile

import pytest

from nn.report import Section, Table, page, prepare


def test_what_goes_into_the_page_is_escaped(tmp_path):
    section = Section("a < b")
    section.parts.append(Table(("<x>",), [("&",)]))
    html = page("<title>", "<p>intro</p>", [section], tmp_path)
    assert "1. a &lt; b" in html
    assert '<th scope="col" class="text">&lt;x&gt;</th>' in html
    assert '<th scope="row" class="text">&amp;</th>' in html
    assert "<title>&lt;title&gt;</title>" in html


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    def refuse(dir):  # noqa: A002  # the name of its argument
        raise PermissionError(13, "Permission denied", str(dir / "tmp123"))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(PermissionError) as caught:
        prepare(tmp_path / "run")
    assert caught.value.filename == str(tmp_path / "run")
