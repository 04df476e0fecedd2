"""The wizard that registers a struct_ops map; imported only when it is opened."""

from stops_tui.screens.register.screen import RegisterScreen

__all__ = ["RegisterScreen"]
