"""The project's one page: self-contained HTML that needs no network, rebuilt from the record each night."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from tasks.lake import Entry
from tasks.spec import ProjectSpec

NIGHTS_LISTED = 60
QUIET = {"displayModeBar": False, "responsive": True}
BLUE, RED, GREY, SHADE = "#2f7ed8", "#d64545", "#8a94a3", "rgba(47,126,216,0.18)"
STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5c6776;--line:#d9dee5;--back:#fff;--mark:#0b6bcb}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#323a46;--back:#14181e;--mark:#6ab0ff}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}
body{max-width:70rem;margin:0 auto;padding:1rem}
h1{margin-bottom:.2rem}p.soft,td.soft{color:var(--soft)}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
.wide{overflow-x:auto}.action{font-weight:600;color:var(--mark)}
"""


def page(spec: ProjectSpec, record: Sequence[Entry], champion: int | None) -> str:
    """Return the page as HTML; everything that came from data or people is escaped.

    Parameters
    ----------
    record : sequence of Entry
        The whole record, oldest first.
    champion : int or None
        Number of the version that serves.
    """
    nights = _last_of_each_night(record)
    figures = [
        figure for figure in (_error(spec, nights, record), _strain(nights), _volume(nights)) if figure is not None
    ]
    serving = f"version {champion} serves" if champion is not None else "no model serves yet"
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width,initial-scale=1'>",
            f"<title>{escape(spec.project)}: Leeway</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(spec.project)}</h1><p class='soft'>{escape(spec.scope.objective)}</p>",
            f"<p class='soft'>Owner: {escape(spec.scope.owner)}. Automation: {spec.automation.degree}. {serving}.</p>",
            *_drawn(figures),
            "<h2>Nights</h2>",
            _table(nights),
            "<h2>Retrainings, promotions, releases</h2>",
            _table([entry for entry in record if entry.kind != "night"]),
            "</body></html>",
        ]
    )


def _last_of_each_night(record: Sequence[Entry]) -> list[Entry]:
    newest = {entry.night: entry for entry in record if entry.kind == "night"}
    return [newest[night] for night in sorted(newest)]


def _drawn(figures: list[Any]) -> list[str]:
    from plotly.io import to_html

    return [
        "<div class='wide'>" + to_html(figure, full_html=False, include_plotlyjs=position == 0, config=QUIET) + "</div>"
        for position, figure in enumerate(figures)
    ]


def _plain(title: str, y_title: str) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        title=title,
        yaxis_title=y_title,
        height=340,
        margin={"l": 60, "r": 20, "t": 50, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(128,128,128,0.06)",
        font={"color": GREY},
        legend={"orientation": "h"},
    )
    return figure


def _error(spec: ProjectSpec, nights: list[Entry], record: Sequence[Entry]) -> Any | None:
    """Return the champion's realised error over time, its interval, the promise, and promotions marked."""
    import plotly.graph_objects as go

    seen = [(entry.night, entry.details["performance"]) for entry in nights if "performance" in entry.details]
    if not seen:
        return None
    days, loss = [night for night, _ in seen], [one["loss"] for _, one in seen]
    figure = _plain("Realised error of the champion on matured rows", spec.scope.metric.replace("_", " "))
    band = {"mode": "lines", "line": {"width": 0}, "fillcolor": SHADE, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=days, y=[one["high"] for one in loss], showlegend=False, **band))
    figure.add_trace(go.Scatter(x=days, y=[one["low"] for one in loss], fill="tonexty", name="interval", **band))
    measured = {"mode": "lines+markers", "line": {"color": BLUE}, "name": "error"}
    figure.add_trace(go.Scatter(x=days, y=[one["value"] for one in loss], **measured))
    tolerated = [one["expected"] + one["leeway"] for one in loss]
    figure.add_trace(go.Scatter(x=days, y=tolerated, name="tolerated", line={"dash": "dash", "color": RED}))
    for entry in record:
        if entry.kind in {"promotion", "rollback"} and entry.action in {"promoted", "rolled_back"}:
            figure.add_vline(x=entry.night.isoformat(), line={"dash": "dot", "color": GREY})
            figure.add_annotation(
                x=entry.night.isoformat(), y=1, yref="paper", text=escape(entry.subject), showarrow=False
            )
    return figure


def _strain(nights: list[Entry]) -> Any | None:
    """Return how much of its leeway each column used, night by night, as a heat map."""
    import plotly.graph_objects as go

    tables = {
        entry.night: {moved["column"]: moved["strain"] for moved in reversed(entry.details["moved"])}
        for entry in nights
        if entry.details["moved"]
    }
    if not tables:
        return None
    columns = sorted({column for table in tables.values() for column in table})
    figure = _plain("Leeway used by column (1 = all of it)", "")
    figure.add_trace(
        go.Heatmap(
            x=list(tables),
            y=[escape(column) for column in columns],
            z=[[round(table.get(column, 0.0), 2) for table in tables.values()] for column in columns],
            zmin=0,
            zmax=2,
            colorscale="RdBu_r",
            zmid=1,
        )
    )
    figure.update_layout(height=max(340, 22 * len(columns) + 120))
    return figure


def _volume(nights: list[Entry]) -> Any | None:
    import plotly.graph_objects as go

    if not nights:
        return None
    figure = _plain("Rows a night", "rows")
    days = [entry.night for entry in nights]
    for name, key, colour in (("accepted", "rows", BLUE), ("quarantined", "quarantined", RED)):
        figure.add_trace(go.Bar(x=days, y=[entry.details[key] for entry in nights], name=name, marker_color=colour))
    figure.update_layout(barmode="stack")
    return figure


def _table(record: Sequence[Entry]) -> str:
    if not record:
        return "<p class='soft'>none yet</p>"
    rows = "".join(
        f"<tr><td>{entry.night}</td><td class='action'>{escape(entry.action)}</td>"
        f"<td>{escape(entry.subject or entry.drift)}</td><td>{escape(entry.reason)}</td>"
        f"<td class='soft'>{escape(entry.actor)}</td></tr>"
        for entry in reversed(record[-NIGHTS_LISTED:])
    )
    head = "<tr><th>night</th><th>action</th><th>what</th><th>why</th><th>by</th></tr>"
    return f"<div class='wide'><table>{head}{rows}</table></div>"
