"""The only disk I/O: journals, blobs, run headers, manifests and the store in which runs live."""
