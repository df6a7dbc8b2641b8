"""The page."""

from nn.report import Section, Table, page


def test_what_goes_into_the_page_is_escaped(tmp_path):
    section = Section("a < b")
    section.parts.append(Table(("<x>",), [("&",)]))
    html = page("<title>", "<p>intro</p>", [section], tmp_path)
    assert "1. a &lt; b" in html
    assert '<th scope="col" class="text">&lt;x&gt;</th>' in html
    assert '<th scope="row" class="text">&amp;</th>' in html
    assert "<title>&lt;title&gt;</title>" in html
