"""An agent with tools, the model server that it talks to, and a record of what each of them did."""
