"""How the bundled models are made: data readers, training and export."""
