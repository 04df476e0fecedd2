"""The screen of a BPF object file; imported only when one is opened."""
