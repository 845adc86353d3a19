"""What the screen costs and how soon it shows what happens: `make bench`."""
