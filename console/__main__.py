import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the current folder, which Python puts there for `python -m`: no code comes from it

from console.cli import main

main()
