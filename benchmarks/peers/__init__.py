"""What the comparisons with other harnesses share: real items, models, and how they are asked."""
