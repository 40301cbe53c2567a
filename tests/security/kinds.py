"""Ways in which text has become markup, or might: one mail of each."""

from __future__ import annotations

import re
from random import Random

from tests.security.hunt.mails import PNG, Made, leaf, multipart

EVIL = "http://evil.example/p.png"
IMAGE = f"[[Image({EVIL})]]"
INLINE = f"[[Image({EVIL}, inline)]]"
FORM = "<form action=http://evil.example/><input name=pwn></form>"
ADDRESSES = "<mailto:x@people.example, <form action=http://evil.example/>"
WROTE = "On Mon, 2 Nov 2026 at 10:00 Bob wrote:"
HTML = {
    "our marks as they were": f"<p>&#xE001;Image({EVIL})&#xE002; &#xE000;{{{{{{<br>&#xE000;#!html<br>{FORM}</p>",
    "our marks as they are": f"<p>&#xFDD2;{IMAGE}&#xFDD4; &#64978;{IMAGE}&#64980; \ufdd2{IMAGE}\ufdd4</p>",
    "our marks that are taken out": f"<p>[&#xE003;{IMAGE[1:]} [&#xFDD0;{IMAGE[1:]} [\ufdd1{IMAGE[1:]}</p>",
    "marks in attributes": f"<img src=x alt='&#xFDD2;{IMAGE}&#xFDD4;'><a href='http://x.example/\ufdd4{IMAGE}'>x</a>",
    "a macro parted by what is not shown": f"[<!-- -->{IMAGE[1:]} [<a name=x></a>{IMAGE[1:]} [<b></b>{IMAGE[1:]}",
    "a macro of entities": "&lbrack;&#91;Image(http://evil.example/p.png)&rsqb;&#x5d &lbrack;[TracIni]&rbrack;]",
    "a macro behind a thousand characters": f"<p>{'word ' * 199}xxx{IMAGE}</p>",
    "a block in an item": "<ul><li>x<br>{{{<br>#!html<br>&lt;form&gt;&lt;/form&gt;<br>}}}</li></ul>",
    "an address that ends in colons": "<blockquote>x <a href='http://x.example/a::'>y</a></blockquote>",
    "a block behind a mark of what is quoted": (
        "<span class=gmail_quote>&gt;{{{ #!div class=pwn<br>x<br>}}}<br>&gt; = h =<br>&gt; a:: b</span> "
        "<p>&gt;  &gt;{{{ #!div class=pwn<br>x<br>}}}</p>"
    ),
    "a term that a line break ends": "<ul><li>x<br>term::<br>y</li></ul>",
    "a list in an item": "<ul><li>x<br>term:: y<br>- z<br>= h =</li></ul>",
    "a block behind words of html2text": f"<pre>&amp;nbsp_place_holder;}}}}}}\n{IMAGE}</pre>",
    "a processor behind words of html2text": "<pre>&amp;nbsp_place_holder;#!html\n&lt;form&gt;&lt;/form&gt;</pre>",
    "a block whose code begins with the end of a report's link": (
        f"<pre>1}}}}}}\nr1 {IMAGE} {ADDRESSES.replace('<', '&lt;')}</pre><pre> \n\n 12}}\n{IMAGE}</pre>"
    ),
    "a block behind a line separator": f"<pre>x\u2028}}}}}}\u2028{IMAGE}</pre>",
    "a link parted by elements": "<p>tick<x>et:1</x> Wiki<a name=x></a>Start <b>[</b>wiki:<i>Start</i> x]</p>",
    "a label that begins with markup": '<p>["WikiStart" <b>x</b>] `<b>x</b>` &lt;wiki:<b>x</b>&gt;</p>',
    "a script in the label of an address": "<a href='mailto:x@people.example'>&lt;script&gt;pwn()&lt;/script&gt;</a>",
    "code that a link ends": f"<code>x<a href='http://x.example/'><p>}}}}}} {IMAGE}</p></a>y</code>",
    "code that goes on behind paragraphs in a link": (
        "<code>x<a href='http://x.example/'>a<p>b</p></a><a href='mailto:x@people.example'>{{{ c<p>}}} [[Tripwire]] "
        "[[http://evil.example/|y]]</p></a></code>"
    ),
    "code that ends in pieces": f"<code>}}<b>}}}}</b>{IMAGE}</code>",
    "code that an announcement parts": f"<p>x</p><pre>}}}}}} {WROTE}\n&gt; q\n{IMAGE}</pre><p>y</p>",
    "code that the timeline cuts": f"<code>{INLINE}{' x' * 50}</code>",
    "an address in code that the timeline cuts": f"<code>{ADDRESSES.replace('<', '&lt;')}{' x' * 50}&gt;</code>",
    "a label that the timeline cuts": f"<a href='http://x.example/'>{INLINE}{' x' * 50}</a>",
    "tags without an end": f"{'<' * 120}<p>[<b></b>{IMAGE[1:]}</p><p>{{{{{{<br>#!html<br>&lt;form&gt;</p>",
}
TEXT = {
    "code that the timeline cuts": f"`{INLINE}{' x' * 50}`",
    "code in braces that the timeline cuts": f"{{{{{{{INLINE}{' x' * 50}}}}}}}",
    "an address in quotes that the timeline cuts": f"`{ADDRESSES}{' x' * 50}>`",
    "an address that the timeline cuts": f"<http://x.example/ {INLINE}{' x' * 50}>",
    "quotes that the timeline cuts": f'wiki:"{INLINE}{" x" * 50}"',
    "terms of lists": "> term:: x\n>y\n>\tterm:: x\n>  term:: x",
    "a macro over two lines": f"{IMAGE[:-2]}\n]] [[TracIni\n]]",
    "a macro in two lines that breaks the timeline": "[[a|b\nc]]",
    "links over two lines": "[wiki:WikiStart\nx] ['WikiStart'\nx] <wiki:\nx> {\n1} wiki:\"Wiki\nStart\" [\n1]",
    "a link up over two lines": "[.\u200b/x\ny] [..\u200b\ny]",
    "links before what looks like markup": "r1__ WikiStart__ #1__",
    "links to elsewhere": "trac:#1 MeatBall:x [trac:1 x]",
    "addresses that are markup": f"<mailto:x@people.example,{FORM.replace('>', ' ')}> [mailto:x@people.example {FORM}]",
    "a report's number behind empty lines": "{\n\n \n1} {{{\n1}}} {\n 1} {\n{\n1}",
    "a macro behind tabs": " a" + "\t" * 124 + IMAGE,
    "our marks": f"\ufdd2{IMAGE}\ufdd4 [\ue003{IMAGE[1:]} [\ufdd0{IMAGE[1:]} [\ufeff{IMAGE[1:]} [\x01{IMAGE[1:]}",
    "a block in our marks": "{\ue003{{\n#!html\n<form></form>\n}}}",
}
NAMES = {
    "parameters": "f.png,5000px,class=pwn,id=content,title=Log in",
    "the end of the macro": "f)]][[TracIni]].png",
    "our marks": "f\ufdd4[[TracIni]]\ufdd2.png",
    "another wiki": "MeatBall",
    "an address": "http",
    "quotes": "Ann's 'photo'.png",
    "an extension that is cut at a blank": "a.123456789012345678 9 and more",
}


def html(content: str, *images: str) -> tuple[str, Made]:
    """A mail of HTML, and what it means; `images` are further parts."""
    elements = set(re.findall(r"<([a-z][a-z0-9]*)", content))
    made = Made(html=True, elements=elements, targets=set(re.findall(r"href='([^']*)'", content)), images=len(images))
    part = leaf("text/html; charset=utf-8", content.encode())
    return (multipart(Random(1), "related", part, *images) if images else part), made  # noqa: S311 - any boundary


def image(name: str) -> str:
    """An image that HTML shows as `cid:a`."""
    return leaf(f"image/png; name={name}", PNG, "Content-ID: <a>", f'Content-Disposition: inline; filename="{name}"')
