"""What each grammar's texts are made of, for `growing`: tokens, and pairs of them that nest (`(…)`).

In a table of tokens `·` is a blank, `¶` ends a line, `⇥` is a tab, and `␍` a carriage return.
"""

from __future__ import annotations

from typing import Final

Token = str | tuple[str, str]
_SHOWN: Final = str.maketrans({"·": " ", "¶": "\n", "⇥": "\t", "␍": "\r"})


def of(table: str, *more: Token) -> tuple[Token, ...]:
    """The tokens of a table, and `more` that cannot be written there."""
    written = [each.translate(_SHOWN) for each in table.split()]
    return (
        *((first, last) if pair else first for first, pair, last in (each.partition("…") for each in written)),
        *more,
    )


PARAMETERS: Final = of(
    r"""
    "\ "\" \" " \ ; ;·a=b ;a="b" ;a="b\ a="b" a=b· = =" · ⇥· ;·a*0=b ;·a*1*=%41 ;a*=u''%41 ;a=u''%41%41 '%41 % *
    ;=?utf-8?q?a?= / ;a="…\
    """
)
ADDRESSES: Final = of(
    r"""
    a@b.example,· "\ "\" " \ <"\ <" <"a <a" < > ( ) (\( (\ <(\( <(a <(a) a: ; , @ <@a, <@a: ·.· a. .· a· · "a"·
    mailto: =? a@ @b (…) <…> <"…"> "a"…@b
    """
)
ENCODED: Final = of(
    r"""
    =? ?= =?utf-8?q? =?utf-8?q?a?= =?utf-8?b?YQ==?=· =?utf-8?b?Y?= =??b? =??b?A =?a*b =?u?q?? =?u?q?= =?u?q?a?b
    =?u?q?a?=·=?v?q?b?=¶· ? =
    """
)
WIKI: Final = of(
    r"""
    [ [[ [a [a· [[a] [1, [a:b· [/ [#a ["a { {{{ {1 ` < <a: <a:b & > >· >¶¶ >>>>¶ ./ ../ /./.. // a a. aA A Aa AaBb
    Aa/ a@ a@b. a@b.c· a: a:' http://a· http://a| ticket: #1, #a. r1, 1- 1, | || |- |-a=' = =· '' ' __ ^ ,, ~~ ! !#1
    \ \\ · ⇥ a¶ ¶ -· 1.· ·a:: {{{¶ }}}¶ {{{#!div¶ ----¶ ]]][[ […] [[…]] {{{¶…}}}¶ <…> `…!`
    """,
    "\u200b",
    "\xe9",
    "\u4e2d",
)
QUOTES: Final = of(
    r"""
    >·a¶ > >· >>·a¶>·b¶ a¶>·b¶ >>>·a¶ A>·b¶ On·Mon,·2·Nov·2026·at·10:00,·Ann·<a@b.c>·wrote:¶ On·Mon·1:00· a·wrote:·
    wrote:¶ <a@b <a@b>:¶ 1.1.2026·10:00· From:·a¶ From:·a@b.c¶To:·d¶¶ *From:*·a· a:·b¶ -----Original·Message-----¶
    --·¶ --·¶a¶¶ -- -· ____________¶ _ Sent·from·my·iPhone¶ ----------·Forwarded·message·----------¶ a¶¶ ¶ · ( [
    {{{¶ }}}¶ On·Mon·2·wrote:¶On·Tue·3·< >·On·1·a·wrote:¶>·>·b¶ :·
    """,
    "Le 2 nov. 2026, A\na \xe9crit :\n",
    "\xa0",
    "a" * 400 + "\n",
)
MARKUP: Final = of(
    r"""
    < <a <a· <a·href=" <a·href='x'> <a·href=x>y</a> </a> <b> <b></b> <i><b> <div> </div> <p> <p>a <br> <hr> <pre>
    <pre>a</pre> <code>{{{ <ul><li> <li>a <ol> <dl><dt> <table><tr><td> <table> <tr> <td> <td>a</td> <tr><td>a<td>b
    <blockquote> <blockquote>a</blockquote> <h1> <h1>a</h1> & &# &#9 &#9; &amp; &lt; &amp &x <!-- --> <! <!a> <? <![
    <![CDATA[ ]]> <style> <script> </script> <head> <title>a</title> <a·b=c· <a·b=' <p·style='margin:0'>
    <p·style='mso-list:l0·level1'> <span·style='font-weight:bold'>a <div·class=gmail_quote> <img·src='cid:a'>
    <img·alt=a> "data: 'data:a <font> <a·href='http://a/'>http://a/</a> [ { ' | = *· >· &gt; ./ </td></tr> <input>
    <b>…</b> <div>…</div> <table><tr><td>…</td></tr></table> <ul><li>…</li></ul> <p><b>…</p>
    """,
    "<p>" + "\u05b0" * 4_800 + "a",
    "\u05d0",
    "\u05b0",
)
FOLDS: Final = of(
    r"""
    · ⇥ ␍ ¶· a·
    """,
    "\x00",
    " \x00",
)
IDS: Final = of(
    r"""
    <a@b> < <a > <( <a·(· <a·(b)·c> a@b· <⇥ =? () <…>
    """
)
DATES: Final = of(
    r"""
    ( (a) : ·:· 1· Mon,· - +
    """,
    "\u0664",
)
PATHS: Final = of(
    r"""
    < @ "\ a@b, (
    """
)
RESULTS: Final = of(
    r"""
    ;·dmarc=pass ;dkim=pass·header.d=a ( (\ " "\ \ = · ; by· ·by·mx.example
    """
)
NAMES: Final = of(
    r"""
    a / \ . · a/ % a· ..
    """,
    "\u0301",
    "\u0316\u0301",
    "\u202e",
)
BOUNCES: Final = of(
    r"""
    delivery· mail· smtp could·not·be·delivered· < · [ a- postmaster
    """
)
RESPONDERS: Final = of(
    r"""
    re:· [ [a] vacation· auto · - read·receipt·
    """
)
NUMBERS: Final = of(
    r"""
    #1· [ [a [a·#1 (a-1) ( http:// ab #· [·
    """
)
HEADS: Final = of(
    r"""
    a:b¶ ·a¶ a¶ a a· ␍ ¶ a·: - a:¶·b¶ a:b¶junk¶
    """
)
BEGINNINGS: Final = of(
    r"""
    ¶ ␍ ·¶ ␍¶ >From·a¶ From·¶ · a:b␍ a¶ From·a¶·¶
    """
)
FLOWED: Final = of(
    r"""
    a·¶ >·a·¶ > >· ·¶ --·¶ a
    """
)
FILES: Final = of(
    r"""
    begin·644·a¶ begin·644·a¶M¶ begin·644·a¶· · M¶ end¶ begin· ·⇥
    """,
    "begin 644 a\n" + " " * 400 + "x\n",
)
REPORTED: Final = of(
    r"""
    Message-ID:·<a>¶ Message-ID: > · ¶>· Message-ID:·<
    """
)
PASSAGES: Final = of(
    r"""
    """,
    "\ue003",
    "\ue004",
    "\ue003\ue004",
    "\n\ue003\n",
    "\ue003 ",
    "\ue003a\n",
    ("\ue003", "\ue004"),
)
CALENDARS: Final = of(
    r"""
    BEGIN:VEVENT¶ END:VEVENT¶ ;a=b ;a=" DTSTART; \n ¶· SUMMARY:a¶ SUMMARY;a=b; a: " BEGIN:
    """
)
LOGS: Final = of(
    r"""
    #1· refs· A-1· A [ [a· [a·#1 http:// ab- diff· ¶---· A_
    """
)
FETCHED: Final = of(
    r"""
    FLAGS·( FLAGS·()· BODY[]·" BODY[]·"\ \" " BODY[ BODY[]<1>· UID·1· RFC822.SIZE·1· INTERNALDATE· ( ·
    """
)
MBOX: Final = of(
    r"""
    · ·Mon ·Mon·Jan··1·10:00 a ·remote·from· ·Mon·Jan·1·10:00·2026·
    """
)
DIALOGUE: Final = of(
    r"""
    a a· LOGIN AUTH·A · AUTHENTICATE·
    """
)
CHARSETS: Final = of(
    r"""
    + +AAA- ~{
    """,
    "\x1b$B!!\x1b(B",
    "\x1b",
    "\xff",
    "\xa1",
    "\xed\xa0\x80",
    "\x81",
    "\x00",
)
BLOCKS: Final = of("{{{¶ }}}¶ ·{{{¶ {{{#!div¶ {{{ }}} a¶ {{{¶…}}}¶")
MULTIPART: Final = of(
    r"""
    --b¶ --b¶¶ --b¶¶a¶ --b--¶ --b·¶ --bx¶ --¶ ¶ ␍ ␍¶ --x¶content-id:a¶ --x·⇥ --b¶Content-Type:·multipart/mixed¶¶
    --b¶Content-Type:·multipart/mixed;·boundary=c¶¶--c¶ --b¶Content-Type:·message/rfc822¶¶Subject:·a¶¶
    --b¶Content-Type:·text/html¶¶<b>¶ --b¶Content-ID:·<a>¶Content-Type:·image/png¶¶a¶
    --b¶Content-Type:·multipart/digest;·boundary=b¶¶
    """,
    "--b\nContent-Type: multipart/mixed\n\n--x" + " " * 190 + "\n",
    "--b\nContent-Type: a/b; name=" + "a" * 9_000 + "\n\na\n",
    '--b\nContent-Disposition: attachment; filename="' + '"\\' * 4_000 + "\n\na\n",
    "--b\nContent-Type: text/plain; charset=x\n\n\xff\n",
)
ENCODINGS: Final = {
    "quoted-printable": of("=¶ =41 = =· =␍ a ·¶ ¶"),
    "base64": of("A = A= QUJD¶ ¶ - ! AAAA="),
    "x-uuencode": of("begin·644·a¶ M¶ `¶ end¶ ·", "M" + "A" * 60 + "\n"),
}
