"""One HTML page that needs nothing beside it: sections, tables, pictures as data."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

from matplotlib.figure import Figure

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #2d3748; background: #f7f8fa; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
.lead { color: #4a5568; margin: 0 0 1.6rem; }
section { background: #fff; border: 1px solid #e2e8f0; border-radius: 8px; padding: 1.2rem 1.4rem;
  margin: 0 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #edf2f7; }
th { color: #718096; font-weight: 600; } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums; }
tr.best td { font-weight: 700; background: #f0f7ff; }
img { max-width: 100%; height: auto; } .grid { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); }
.note { color: #718096; font-size: .9rem; margin: .6rem 0 0; } .scroll { overflow-x: auto; }
pre { font-size: .82rem; background: #f7f8fa; padding: .8rem; overflow-x: auto; }
dt { font-weight: 600; } dd { margin: 0 0 .6rem; color: #4a5568; }
.failed { border-color: #e53e3e; }
"""


def page(title: str, lead: str, sections: Sequence[str]) -> str:
    """Return the whole page; `lead` and `sections` are HTML, everything else here is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>"
        f'<p class="lead">{lead}</p>{"".join(sections)}</main></body></html>\n'
    )


def section(title: str, body: str, alarming: bool = False) -> str:
    """Return a section around HTML."""
    kind = " class=failed" if alarming else ""
    return f"<section{kind}><h2>{escape(title)}</h2>{body}</section>"


def note(text: str) -> str:
    """Return small print."""
    return f'<p class="note">{escape(text)}</p>'


def table(heads: Iterable[str], rows: Iterable[tuple[bool, Sequence[str]]], words: int = 1) -> str:
    """Return a table; a row's flag marks it as best, and columns from `words` on are numbers."""
    head = "".join(
        f"<th{' class=n' if place >= words else ''}>{escape(text)}</th>"
        for place, text in enumerate(heads)
    )
    lines = []
    for best, cells in rows:
        columns = "".join(
            f"<td{' class=n' if place >= words else ''}>{escape(text)}</td>"
            for place, text in enumerate(cells)
        )
        lines.append(f"<tr{' class=best' if best else ''}>{columns}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def image(figure: Figure, description: str) -> str:
    """Return a figure as an image whose bytes stand in the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{code}">'
