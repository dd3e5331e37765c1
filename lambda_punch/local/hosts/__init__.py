"""What the function's processes run on: this machine itself, or a container."""
