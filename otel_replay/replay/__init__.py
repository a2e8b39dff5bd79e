"""A recorded run answers a program's calls in place of models and tools. Reading side: no SDK in here."""
