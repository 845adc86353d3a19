"""PulseAudio, and PipeWire's server of its protocol: which process's stream plays into which sink."""
