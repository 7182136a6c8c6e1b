"""Learned dropping: small gates, trained with a model or after it, that decide at each step which tokens are dropped.

Anagnostidis et al., "Dynamic Context Pruning for Efficient and Interpretable Autoregressive Transformers",
arXiv:2305.15805. In training the gates are soft and no token is removed (`GatedForward`); afterwards they are hard,
and tokens that they close are removed from the cache during generation (`dropping`).
"""
