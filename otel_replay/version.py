"""The version of this package. Apart, so that reading it costs nothing."""

VERSION = "0.1.0"
WRITER = f"otel-replay {VERSION}"
"""What files of ours say of who wrote them."""
