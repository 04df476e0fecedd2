"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine makes no example wrong
settings.load_profile("patient")
