"""What turns contents into vectors: the protocol, and one module or folder for each provider."""
