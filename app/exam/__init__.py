"""The quality exam: do plans keep what uniform widths lose? On trained networks, with a metric fixed beforehand."""
