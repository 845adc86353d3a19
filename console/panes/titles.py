"""The four panes, in the order of their digits."""

TITLES = {"audio": "audio zones", "amps": "amplifiers and DACs", "capture": "capture", "containers": "containers"}
PANES = tuple(TITLES)
