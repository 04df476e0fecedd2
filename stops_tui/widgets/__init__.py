"""One widget a file. A widget is handed facts; it never asks a kernel for them."""
