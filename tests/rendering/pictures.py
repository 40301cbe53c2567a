"""Picture each mail beside what Trac shows of it: python -m tests.rendering.pictures [FOLDER] [NAME …].

The sender's HTML is on the left, Trac's rendering of our wiki text on the right; a reply's answer alone below.
Debian's Chromium draws them; nothing is fetched.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import trac
from trac.wiki.formatter import format_to_html

from tests.rendering.stage import MAILS, Stage

if TYPE_CHECKING:
    from tests.rendering.stage import Shown

SWITCHES = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"),
    *("disable-component-update", "disable-sync", "hide-scrollbars", "host-resolver-rules=MAP * ~NOTFOUND"),
)
WIDTH, HEIGHT = 1300, 760
STYLES = ("trac.css", "ticket.css", "wiki.css")
PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><style>{styles}</style><style>
body {{ margin: 0; background: #fff }} .pair {{ display: flex }} .pair > * {{ width: 50%; height: {height}px }}
iframe {{ border: 0; border-right: 3px solid #b00 }}
.trac {{ overflow: hidden; padding: 0 12px; box-sizing: border-box }}
.answer {{ border-top: 3px solid #0a0 }}
</style></head><body><div class="pair"><iframe srcdoc="{original}"></iframe>
<div class="trac"><div class="searchable">{shown}</div><div class="searchable answer">{answer}</div></div></div>
</body></html>
"""


def main() -> int:
    """Draw them all, or those named."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/rendering")
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if not chromium:
        sys.stderr.write("Chromium is not installed.\n")
        return 2
    stage = Stage()
    for path in MAILS:
        if not sys.argv[2:] or path.stem in sys.argv[2:]:
            draw(chromium, page(stage, stage.show(path)), folder / f"{path.stem}.png")
            sys.stdout.write(f"{folder / path.stem}.png\n")
    stage.close()
    return 0


def page(stage: Stage, shown: Shown) -> str:
    """Both in one page, with Trac's own styles."""
    styles = Path(trac.__file__).parent / "htdocs" / "css"
    original, rendered = stage.pictured(shown)
    answer = "" if shown.answer == shown.message.text else shown.answer
    return PAGE.format(
        styles="\n".join((styles / name).read_text("utf-8") for name in STYLES),
        original=html.escape(original, quote=True),
        shown=rendered,
        answer=format_to_html(stage.env, stage.context, answer, escape_newlines=True) if answer else "",
        height=HEIGHT,
    )


def draw(chromium: str, content: str, picture: Path) -> None:
    """A picture of a page."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(content, "utf-8")
        switches = (*SWITCHES, f"user-data-dir={folder}/profile", f"window-size={WIDTH},{HEIGHT}")
        command = [chromium, *(f"--{switch}" for switch in switches), f"--screenshot={picture.resolve()}"]
        subprocess.run([*command, source.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    sys.exit(main())
