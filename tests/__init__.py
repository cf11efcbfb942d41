"""A regular package: one of this name comes with the wheel of Flask-WebSub, and would hide a plain folder."""
