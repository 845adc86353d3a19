"""The venue: what all sources say, joined, judged and remembered. No Textual here, and no system's client."""
