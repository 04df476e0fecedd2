"""Where facts come from: one protocol, and the kernels that speak it."""
