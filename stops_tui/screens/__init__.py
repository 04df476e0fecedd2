"""Screens arrange widgets and hold no knowledge of BPF."""
