"""Maps: UMAP's layout on the shared graph, principal components, and how far to trust them."""
