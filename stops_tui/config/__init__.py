"""Settings: what a person may set, where each value came from, what is wrong with the file."""

from stops_tui.config.settings import COLUMNS, THEMES, Config, Problem, config_path, load, seconds

__all__ = ["COLUMNS", "THEMES", "Config", "Problem", "config_path", "load", "seconds"]
