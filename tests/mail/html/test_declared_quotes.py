"""Quotes that the HTML of mail software declares itself."""

from __future__ import annotations

import time

import pytest

from trac_mailintake.mail import marks
from trac_mailintake.mail.html import declared_quotes, to_wiki
from trac_mailintake.mail.reply.new_text import cut

QUOTES = {
    "Gmail": '<div class="gmail_quote"><div class="gmail_attr">El dl. Bob va dir<br></div>'
    '<blockquote class="gmail_quote">old<br>older</blockquote></div>',
    "Gmail of old": '<div class="gmail_quote">Bob sagte<br><blockquote class="gmail_quote">old</blockquote></div>',
    "Outlook on the web": '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>Kutoka:</b> Bob</div><p>old</p>',
    "Outlook": '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">'
    "<p><b>Kutoka:</b> Bob</p></div><p>old</p>",
    "new Outlook": '<div id="mail-editor-reference-message-container"><p><b>Kutoka:</b> Bob</p><p>old</p></div>',
    "OutlookMessageHeader": '<div class="OutlookMessageHeader">Bob</div><p>old</p>',
    "Thunderbird": '<div class="moz-cite-prefix">Bob sagte<br></div><blockquote type="cite">old</blockquote>',
    "Yahoo": '<div id="ydp1yahoo_quoted_1" class="yahoo_quoted"><div>Bob sagte</div><div>old</div></div>',
    "ProtonMail": '<div class="protonmail_quote">Bob sagte<br><blockquote class="protonmail_quote">old</blockquote>'
    "</div>",
    "GMX": '<div name="quote"><div><b>Kutoka:</b> Bob</div>old</div>',
    "Zimbra": '<hr id="zwchr" data-marker="__DIVIDER__"><div>Bob sagte<br>old</div>',
    "Thunderbird's signature": '<pre class="moz-signature">-- \nAnn\nExample</pre>',
    "Gmail's signature": '<div class="gmail_signature">Ann<br>Example</div>',
    "Outlook's signature": '<div id="Signature">Ann<br>Example</div>',
}


def kept(html: str) -> str:
    """What is left of a reply."""
    return cut(*declared_quotes.taken_out(to_wiki.wiki(html, {})), markup=True).kept


@pytest.mark.parametrize("software", QUOTES)
def test_what_is_declared_to_be_quoted_goes(software: str) -> None:
    """In words of no language that we know."""
    assert kept(f"<html><body><div>It <b>works</b>.</div>{QUOTES[software]}</body></html>") == "It '''works'''."


def test_answers_within_a_declared_quote_stay() -> None:
    """Gmail puts one element around all quotes and what is written between them."""
    html = (
        '<div>Hi</div><div class="gmail_quote"><div class="gmail_attr">El dl. Bob va dir<br></div>'
        "<blockquote>One?</blockquote><div>Yes.</div><blockquote>Two?</blockquote><div>No.</div></div>"
    )
    assert kept(html).split() == ["Hi", ">", "One?", "Yes.", ">", "Two?", "No."]


def test_code_is_of_a_piece() -> None:
    """Nothing in it is a signature, or announces a quote."""
    html = "<p>This:</p><pre>a\n--\nb\n&gt; c\n</pre><p>On 2 Mar 2026, Bob &lt;b@example.org&gt; wrote:</p><p>old</p>"
    assert kept(html) == "This:\n\n{{{\na\n--\nb\n> c\n}}}"


def test_a_declared_forward_stays() -> None:
    """Gmail marks it like a quote."""
    html = (
        '<div>See:</div><div class="gmail_quote">---------- Forwarded message ---------<br>From: Bob<br><br>old</div>'
    )
    assert kept(html).endswith("old")


def test_what_follows_a_declared_quote_stays() -> None:
    """Where its end is known."""
    assert kept('<div>Hi</div><div class="yahoo_quoted">old</div><div>below</div>').split() == ["Hi", "below"]


def test_if_all_is_declared_all_is_kept() -> None:
    """Never an empty comment."""
    assert kept('<div class="yahoo_quoted">old</div>') == "old"


def test_a_strangers_marks_count_for_nothing() -> None:
    """They are replaced when they come in, however they are written; characters of private use stay."""
    html = f"<p>a{marks.QUOTED}b&#xFDD0;\ue003</p><p>c&#64977;{marks.QUOTED_END}</p>"
    assert declared_quotes.taken_out(to_wiki.wiki(html, {})) == ("a\ufffdb\ue003\n\nc\ufffd", ())


def test_taking_marks_out_takes_no_time() -> None:
    """Linear, whatever stands around them."""
    text = "\n" * 300_000 + f"{marks.QUOTED}\n" * 100_000
    started = time.process_time()
    whole, ranges = declared_quotes.taken_out(text)
    assert time.process_time() - started < 2
    assert all(0 <= first <= last <= len(whole) for first, last in ranges)
