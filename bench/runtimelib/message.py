"""gRPC requests as the bytes that go over the wire: a load generator sends the same ones again and again.

Field numbers are those of Dapr's public API (`dapr.proto.runtime.v1`); tests with generated clients hold them elsewhere.
"""

SERVICE = "/dapr.proto.runtime.v1.Dapr/"


def field(number: int, value: bytes | str) -> bytes:
    """A length-delimited field of a protocol buffer."""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """A number, seven bits a byte, the least first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length, its bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def get_state(store: str, key: str) -> bytes:
    """GetStateRequest."""
    return framed(field(1, store) + field(2, key))


def save_state(store: str, key: str, value: bytes) -> bytes:
    """SaveStateRequest of one item."""
    return framed(field(1, store) + field(2, field(1, key) + field(2, value)))


def publish(pubsub: str, topic: str, data: bytes) -> bytes:
    """PublishEventRequest of a JSON message."""
    return framed(field(1, pubsub) + field(2, topic) + field(3, data) + field(4, "application/json"))
