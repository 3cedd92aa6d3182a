"""Typing."""
