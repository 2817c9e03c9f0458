"""What run.py and soak.py measure."""
