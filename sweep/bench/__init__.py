"""The benchmark: what training costs here, the same work done by several loops side by side."""
