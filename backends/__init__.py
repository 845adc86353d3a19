"""The world: one module per kind of real system. Nothing here knows that a screen exists."""
