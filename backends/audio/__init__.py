"""Players, PCMs and mixer controls: what makes a room sound."""
