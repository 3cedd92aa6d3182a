"""Render: what people read, made safe and drawn once for every page.

In: plain values, sections, tables, charts. Out: HTML of the templates in `templates/`, with one stylesheet; markdown;
lines for a terminal. Text of data or people stays text: it never becomes markup or an unsafe link, and hides nothing.
"""
