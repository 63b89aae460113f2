"""What every view tells, as plain data: the table's rows, the cards, the first line."""
