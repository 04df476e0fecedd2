"""What struct_ops means: types, values, maps, their life. No screen, no syscall."""
