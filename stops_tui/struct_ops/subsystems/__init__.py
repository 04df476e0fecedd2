"""What each kernel subsystem adds to the struct_ops type it offers."""
