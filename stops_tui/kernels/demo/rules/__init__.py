"""What each subsystem of the demo kernel takes, refuses and holds: one small file each."""
