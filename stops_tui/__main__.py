"""`python -m stops_tui`: the same as the command `stops-tui`."""

from stops_tui.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
