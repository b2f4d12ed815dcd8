"""The shape of the house: its floors, what the imports say of them, and a drawing of both."""
