"""Connections of gRPC are found by both of their ends, and looking for one leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from flyball.predict.grpc.lines import cut


def test_the_connection_of_that_peer_ends_and_no_other_and_no_descriptor_stays(tmp_path: Path) -> None:
    read, write = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "file").open("wb"):
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as slow, socket.create_connection(("127.0.0.1", port)) as other:
            ours = [listener.accept()[0] for _ in range(2)]
            before = len(list(Path("/dev/fd").iterdir()))
            peer = f"ipv4:127.0.0.1:{slow.getsockname()[1]}"
            assert not cut(peer, port=port + 1)
            assert not cut("ipv4:127.0.0.1:1", port=port)
            assert cut(peer, port=port)
            assert len(list(Path("/dev/fd").iterdir())) == before
            assert slow.recv(1) == b""
            ours[1].sendall(b"x")
            assert other.recv(1) == b"x"
            for line in ours:
                line.close()
    os.close(read)
    os.close(write)
