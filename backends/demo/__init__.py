"""An embedded venue that speaks the real protocols. Outside this package only the command line knows of it."""
