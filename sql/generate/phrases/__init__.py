"""Reading a question by phrases and composing complete queries of them."""
