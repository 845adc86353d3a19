"""Capture boards and video mixers: what records the talks."""
