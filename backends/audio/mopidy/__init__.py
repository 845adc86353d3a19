"""Mopidy 3.4 and 4 as a zone: its API, its process, its log, and its way to phones."""
