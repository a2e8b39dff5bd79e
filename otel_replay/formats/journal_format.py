"""What the first line of a journal says that it is. Apart, so that who only writes loads no reader."""

FORMAT = "otel-replay.journal"
VERSION = 1
