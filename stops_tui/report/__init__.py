"""The same facts for scripts and pipes: JSON, and text that people and `cut` can read."""
