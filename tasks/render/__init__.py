"""Render: safe text, tables, sections, charts and one stylesheet for every page that people read."""
