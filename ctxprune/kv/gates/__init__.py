"""Learned dropping: small gates, trained with or behind a model, that decide at each step which tokens go for good.

Anagnostidis et al., "Dynamic Context Pruning for Efficient and Interpretable Autoregressive Transformers",
arXiv:2305.15805. In training the gates are soft and all tokens are there (`GatedForward`); afterwards they are hard,
and what they close is removed from the cache while the model writes (`dropping`).
"""
