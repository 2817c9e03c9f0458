"""What an inspection finds."""


class Malformed(Exception):
    """Not the format that it should be."""


class Faults:
    def __init__(self):
        self.found = []

    def add(self, code, message):
        """`code` names the property that is broken."""
        self.found.append((code, message))

    def expect(self, condition, code, message):
        if not condition:
            self.add(code, message)
