"""Pure codecs: bytes to records and back. Nothing here opens a file."""
