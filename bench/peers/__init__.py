"""Our server beside the programs that its users have today, on the same documents in the same run."""
