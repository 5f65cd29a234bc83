"""What runs said: signatures, masked copies of logs, and a search over them."""
