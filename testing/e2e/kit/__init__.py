"""What the scenarios in this folder are made of: the process under test, its peers, and clients that hold nothing back."""
