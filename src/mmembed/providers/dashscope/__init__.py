"""The models of the DashScope service: requests, limits, retries and answers."""
