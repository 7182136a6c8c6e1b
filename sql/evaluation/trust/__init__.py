"""What answers are worth: outcomes, confidence and refusals over questions that have an answer and that have none."""
