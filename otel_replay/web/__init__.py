"""What any HTTP server of ours needs: who may ask, how bodies are read, how errors and headers are said."""
