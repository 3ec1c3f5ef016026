"""The proxies that are measured. A new one is a file here and a line in `ALL`.

Each file turns a `Topology` into its proxy's own configuration, written as someone who runs that proxy in production would: one worker,
keep-alive pools large enough never to reconnect, metrics and timeouts on, an access log in the proxy's default format to a file.
"""

from . import envoy, haproxy, mecha, nginx
from .launch import Launch, Peer

ALL: dict[str, Peer] = {peer.NAME: peer for peer in (envoy, nginx, haproxy, mecha)}

__all__ = ["ALL", "Launch", "Peer"]
