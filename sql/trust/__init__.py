"""Trust in answers: how likely an answer is right, whether it is given, and what of the question it leaves open."""
