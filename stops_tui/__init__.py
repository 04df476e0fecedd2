"""A terminal explorer for BPF struct_ops."""

__version__ = "0.1.0"
