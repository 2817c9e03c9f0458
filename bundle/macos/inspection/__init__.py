"""What bundle/macos/verify.py looks at, one module for each format."""
