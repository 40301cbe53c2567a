"""What the servers get of the machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from tests.servers.machine import LOOPBACK, free_ports


def test_a_free_port_is_none_that_a_client_gets() -> None:
    """A connection of another test cannot take it before its server does."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split())
    ports = [port for _ in range(20) for port in free_ports(4)]
    assert not [port for port in ports if first <= port <= last]


def test_free_ports_are_free_and_all_different() -> None:
    """Each can be listened on, all at the same time."""
    with ExitStack() as servers:
        ports = free_ports(30)
        for port in ports:
            servers.enter_context(socket.create_server((LOOPBACK, port)))
        assert len(set(ports)) == 30
        assert not set(free_ports(1000)) & set(ports)
