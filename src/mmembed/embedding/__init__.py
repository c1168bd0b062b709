"""From cells to vectors: contents, plan, cache and the one straight line that ``df.mmembed.embed`` runs."""
