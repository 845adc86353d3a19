"""MPD, the Music Player Daemon, as a zone."""
