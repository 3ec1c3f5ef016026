"""HTTP/1 messages as bytes: enough to read what a peer sent, and strict about its framing."""

from dataclasses import dataclass, field

Header = tuple[str, str]


@dataclass
class Head:
    """A start line and its fields, in the order and case in which they came."""

    raw: bytes
    start: str
    headers: list[Header]

    @classmethod
    def parse(cls, raw: bytes) -> "Head":
        """From the bytes of a head, the empty line included."""
        assert raw.endswith(b"\r\n\r\n"), raw
        start, *lines = raw[:-4].decode("latin-1").split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        assert all(len(pair) == 2 for pair in pairs), raw
        return cls(raw, start, [(name, value.strip(" \t")) for name, value in pairs])

    def all(self, name: str) -> list[str]:
        """Every value of a field, by its name in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a field."""
        return next(iter(self.all(name)), default)

    def names(self) -> list[str]:
        """The field names as they came."""
        return [name for name, _ in self.headers]


@dataclass
class Response:
    """A response whole."""

    head: Head
    body: bytes = b""
    trailers: list[Header] = field(default_factory=list)
    interim: list[Head] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.head.start.split(" ")[1])

    def get(self, name: str) -> str | None:
        return self.head.get(name)

    @property
    def text(self) -> str:
        return self.body.decode()
