"""What hooking into somebody else's program stands on: knowing when it imports what, and never failing it."""
